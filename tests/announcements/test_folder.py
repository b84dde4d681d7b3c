"""Export and import: a folder that can be shared, all of it or nothing."""

from pathlib import Path

import pytest
import yaml

from agent.announcements.announcement import Announcement
from agent.announcements.database import LibraryError
from agent.announcements.folder import INDEX, export_folder, import_folder
from agent.announcements.library import Library
from agent.hearing.pcm import Decoder, Samples
from agent.recording.load import load
from agent.verdict.policy import Redial
from agent.yaml_file import ConfigError
from tests.hearing.speech import speech

VACANT = Announcement(name="vacant", q850_cause=1, redial=Redial.NO, language="de")
OFF = Announcement(name="switched-off", trunk="carrier")


def read(path: Path) -> Samples:
    encoding, data = load(path)
    return Decoder(encoding).decode(data)


@pytest.fixture
def exported(library: Library, tmp_path: Path) -> Path:
    library.add_all([(VACANT, [speech(1), speech(2)]), (OFF, [speech(3)])])
    assert export_folder(library, tmp_path / "shared") == 2
    return tmp_path / "shared"


def test_an_export_imported_elsewhere_is_the_same_library(exported: Path, library: Library) -> None:
    with Library(exported.parent / "other.sqlite3") as other:
        assert import_folder(other, exported, read) == 2
        ours, theirs = library.shelved(), other.shelved()
        assert [s.announcement for s in theirs] == [s.announcement for s in ours] == [OFF, VACANT]
        assert [s.seconds for s in theirs] == [s.seconds for s in ours]
        rows = [
            opened.database.execute("SELECT sha256 FROM recording ORDER BY sha256").fetchall()
            for opened in (library, other)
        ]
        assert rows[0] == rows[1]


def test_importing_twice_changes_nothing(exported: Path, library: Library) -> None:
    import_folder(library, exported, read)
    assert [shelved.recordings for shelved in library.shelved()] == [1, 2]


def test_a_folder_with_an_index_is_not_written_over(exported: Path, library: Library) -> None:
    before = (exported / INDEX).read_bytes()
    with pytest.raises(LibraryError, match="is there already; name an empty folder"):
        export_folder(library, exported)
    assert (exported / INDEX).read_bytes() == before


@pytest.mark.parametrize(
    ("index", "complaint"),
    [
        ("announcements: [{name: vacant, cause: 1, files: []}]", "cause: there is no such key"),
        ("announcements: [{name: Vacant!, files: []}]", "announcements.0.name"),
        ("announcements: [{name: vacant}]", "files: this key is missing"),
        ("announcements: {", "line 1"),
        ("announcements: [{name: vacant, files: [../../secret.wav]}]", "lies outside the folder"),
    ],
)
def test_a_wrong_index_is_said_in_one_sentence(
    library: Library, tmp_path: Path, index: str, complaint: str
) -> None:
    (tmp_path / INDEX).write_text(index)
    with pytest.raises((ConfigError, LibraryError), match=complaint):
        import_folder(library, tmp_path, read)


def test_one_bad_recording_and_nothing_is_imported(exported: Path) -> None:
    index = yaml.safe_load((exported / INDEX).read_text())
    index["announcements"].append({"name": "short", "files": ["short.sln"]})
    (exported / INDEX).write_text(yaml.safe_dump(index))
    (exported / "short.sln").write_bytes(bytes(1000))
    with Library(exported.parent / "other.sqlite3") as other:
        with pytest.raises(LibraryError, match=r"'short': a recording lasts 0.1 s"):
            import_folder(other, exported, read)
        assert other.shelved() == []
