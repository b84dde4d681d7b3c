"""Export and import: a folder that can be shared, all of it or nothing."""

from contextlib import suppress
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.announcements.announcement import Announcement
from agent.announcements.database import LibraryError
from agent.announcements.folder import INDEX, export_folder, import_folder
from agent.announcements.library import Library, to_pcm16
from agent.hearing.pcm import Decoder, Samples
from agent.recording.load import RecordingError, load
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


def test_a_folder_that_holds_something_is_not_written_over(exported: Path, library: Library) -> None:
    (exported / INDEX).unlink()
    before = {path.name: path.read_bytes() for path in exported.iterdir()}
    with pytest.raises(LibraryError, match="holds something already; name an empty folder"):
        export_folder(library, exported)
    assert {path.name: path.read_bytes() for path in exported.iterdir()} == before


def test_where_nothing_can_be_written_it_is_said(library: Library, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LibraryError, match=r"file: File exists; name a folder that can be written"):
        export_folder(library, tmp_path / "file")


@pytest.mark.parametrize(
    ("index", "complaint"),
    [
        ("announcements: [{name: vacant, cause: 1, files: [a.wav]}]", "cause: there is no such key"),
        ("announcements: [{name: Vacant!, files: [a.wav]}]", "announcements.0.name"),
        ("announcements: [{name: vacant, files: []}]", "announcements.0.files"),
        ("announcements: [{name: v, files: [a.wav]}, {name: v, files: [b.wav]}]", "'v' is there twice"),
        ('announcements: [{name: v, language: "\\e[31m", files: [a.wav]}]', "announcements.0.language"),
        ("announcements: [{name: vacant, files: [/etc/passwd]}]", "lies outside the folder"),
        ("- no mapping", "holds no settings"),
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


def test_a_link_that_leads_out_of_the_folder_is_not_followed(library: Library, tmp_path: Path) -> None:
    (tmp_path / "secret.sln").write_bytes(to_pcm16(speech(9)))
    (shared := tmp_path / "shared").mkdir()
    (shared / "inside.sln").symlink_to(tmp_path / "secret.sln")
    (shared / INDEX).write_text("announcements: [{name: vacant, files: [inside.sln]}]")
    with pytest.raises(LibraryError, match="lies outside the folder"):
        import_folder(library, shared, read)


def test_a_folder_without_an_index_is_said(library: Library, tmp_path: Path) -> None:
    with pytest.raises(LibraryError, match=r"holds no announcements\.yaml; name a folder that `export`"):
        import_folder(library, tmp_path, read)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(["name", "files", "trunk", "language", "sip_code", "q850_cause", "redial", "other"])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.binary(max_size=200)
    | st.builds(
        lambda entries: yaml.safe_dump({"announcements": entries}).encode(),
        ANYTHING | st.lists(st.dictionaries(KEYS, ANYTHING, max_size=4), max_size=3),
    )
)
def test_any_index_is_imported_or_refused(library: Library, tmp_path: Path, index: bytes) -> None:
    (tmp_path / INDEX).write_bytes(index)
    with suppress(ConfigError, LibraryError, RecordingError):
        assert import_folder(library, tmp_path, read) == 0
    assert library.shelved() == []
