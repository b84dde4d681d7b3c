"""The library: what was added is known, whatever happens while it is added."""

import os
import signal
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from agent.announcements.announcement import Announcement
from agent.announcements.database import LibraryError
from agent.announcements.gathering import Gathering, candidates
from agent.announcements.library import Library, fingerprint_of
from agent.announcements.listening import listen
from agent.verdict.policy import Redial
from tests.hearing.speech import noisy, speech

VACANT = Announcement(name="vacant", q850_cause=1, redial=Redial.NO)
OFF = Announcement(name="switched-off", q850_cause=20)


def names(library: Library) -> list[str]:
    return [shelved.announcement.name for shelved in library.shelved()]


def test_one_recording_is_enough_to_be_recognised(library: Library) -> None:
    library.add(VACANT, [speech(1)])
    (heard,) = listen(library.snapshot(), noisy(np.concatenate((np.zeros(9000, np.float32), speech(1))), 20))
    assert heard.outcome == "announcement:vacant"
    assert heard.announcement == VACANT
    assert 3.0 <= heard.at <= 5.0


def test_it_is_there_when_the_file_is_opened_again(library: Library) -> None:
    library.add(VACANT, [speech(1), speech(2)])
    library.close()
    with Library(library.file) as again:
        (shelved,) = again.shelved()
        assert (shelved.announcement, shelved.recordings, shelved.seconds) == (VACANT, 2, 10.0)
        np.testing.assert_allclose(again.recordings("vacant")[1], speech(2), atol=2**-15)


def test_adding_to_a_name_keeps_its_recordings_and_takes_the_new_meaning(library: Library) -> None:
    library.add(VACANT, [speech(1)])
    library.add(Announcement(name="vacant", q850_cause=22), [speech(2), speech(1)])
    (shelved,) = library.shelved()
    assert shelved.announcement.q850_cause == 22
    assert shelved.recordings == 2, "the same recording is kept once"


def test_a_recording_that_is_known_under_another_name_is_refused(library: Library) -> None:
    library.add(VACANT, [speech(1)])
    for again in (speech(1), noisy(speech(1), 20)):
        with pytest.raises(LibraryError, match="already known as 'vacant'"):
            library.add(OFF, [again])
    assert names(library) == ["vacant"]


def test_two_names_for_one_recording_are_refused_in_one_go_too(library: Library) -> None:
    with pytest.raises(LibraryError, match="already known as"):
        library.add_all([(VACANT, [speech(1)]), (OFF, [noisy(speech(1), 20)])])
    assert names(library) == []


def test_what_lies_beside_it_in_the_library_confuses_nothing(library: Library) -> None:
    """Recordings end within a second, and the next one on the tape begins there."""
    many = [(Announcement(name=f"number-{seed}"), [speech(seed, 4.0 + seed / 7)]) for seed in range(14)]
    library.add_all(many)
    assert len(names(library)) == 14


def test_where_one_is_refused_none_is_added(library: Library) -> None:
    with pytest.raises(
        LibraryError, match=r"'switched-off': a recording lasts 1.0 s; give one of 2.5 to 300 s"
    ):
        library.add_all([(VACANT, [speech(1)]), (OFF, [speech(2, 1.0)])])
    assert names(library) == []


def test_silence_is_refused(library: Library) -> None:
    with pytest.raises(LibraryError, match="too little speech"):
        library.add(VACANT, [np.zeros(40_000, np.float32)])


def test_what_is_removed_is_not_recognised(library: Library) -> None:
    library.add(VACANT, [speech(1)])
    library.remove("vacant")
    assert listen(library.snapshot(), speech(1)) == []
    for forget in (library.remove, library.recordings):
        with pytest.raises(LibraryError, match="knows no announcement 'vacant'"):
            forget("vacant")


def test_every_change_is_counted_and_reading_is_none(library: Library) -> None:
    counts = [library.change()]
    for entry in (VACANT, VACANT.model_copy(update={"q850_cause": 3}), None):
        if entry:
            library.add(entry, [speech(1)])
        else:
            library.remove("vacant")
        library.shelved()
        counts.append(library.change())
    assert counts == sorted(set(counts))
    assert library.change() == library.snapshot().change == counts[-1]


def test_fingerprints_of_another_version_are_made_anew(library: Library) -> None:
    library.add(VACANT, [speech(1)])
    with library.database:
        library.database.execute("UPDATE recording SET version = 0, fingerprint = x'00'")
    assert [heard.outcome for heard in listen(library.snapshot(), speech(1))] == ["announcement:vacant"]


KILLED = """
import os, signal, sys
from pathlib import Path
from agent.announcements.announcement import Announcement
from agent.announcements.gathering import Gathering, candidates
from agent.announcements.library import Library, fingerprint_of
from tests.hearing.speech import speech

def items():
    yield Announcement(name="first"), [speech(11)]
    yield Announcement(name="second"), [speech(12)]
    os.kill(os.getpid(), signal.SIGKILL)

Library(Path(sys.argv[1])).add_all(items())
"""


def test_a_crash_in_the_middle_loses_nothing_and_adds_nothing(library: Library) -> None:
    library.add(VACANT, [speech(1)])
    library.close()
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(library.file)],
        cwd=Path(__file__).parents[2],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    with Library(library.file) as again:
        assert names(again) == ["vacant"]
        assert again.database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert [heard.announcement for heard in listen(again.snapshot(), speech(1))] == [VACANT]
        again.add(OFF, [speech(12)])


def test_what_was_unknown_is_no_candidate_once_it_is_known(library: Library) -> None:
    gathering = Gathering(library)
    for seed in (1, 2):
        gathering.heard(fingerprint_of(noisy(speech(seed, 6.0), 20)), "carrier", 404, 1.0, None)
    library.add(VACANT, [speech(1, 6.0)])
    assert len(candidates(library, 1)) == 1
    library.add(OFF, [speech(2, 6.0)])
    assert candidates(library, 1) == []


def test_the_file_is_for_the_agent_and_its_group_whoever_makes_it(tmp_path: Path) -> None:
    tmp_path.chmod(0o2750)
    old = os.umask(0o077)
    try:
        with Library(tmp_path / "made.sqlite3") as library:
            library.add(VACANT, [speech(1)])
            files = list(tmp_path.iterdir())
            assert {path.name for path in files} == {"made.sqlite3", "made.sqlite3-wal", "made.sqlite3-shm"}
            for path in files:
                assert stat.S_IMODE(path.stat().st_mode) == 0o660
                assert path.stat().st_uid == tmp_path.stat().st_uid
    finally:
        os.umask(old)


def test_a_file_that_was_removed_or_restored_is_told_from_the_open_one(library: Library) -> None:
    assert not library.was_replaced()
    library.file.rename(library.file.with_suffix(".old"))
    assert library.was_replaced()
    with Library(library.file):
        assert library.was_replaced()


def test_what_is_no_library_is_left_alone_and_said(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("not a database at all, but long enough to look at" * 40)
    with pytest.raises(LibraryError, match=r"notes\.txt: is no library of announcements"):
        Library(text)
    other = tmp_path / "other.sqlite3"
    with sqlite3.connect(other) as database:
        database.execute("CREATE TABLE mine (x)")
    database.close()
    with pytest.raises(LibraryError, match="is a database of something else"):
        Library(other)
    with pytest.raises(
        LibraryError, match=r"cannot be opened \(No such file or directory\); make its folder"
    ):
        Library(tmp_path / "nowhere" / "library.sqlite3")


def test_a_library_of_a_newer_agent_is_not_touched(library: Library) -> None:
    library.database.execute("PRAGMA user_version = 99")
    library.close()
    with pytest.raises(LibraryError, match="newer version; update the agent"):
        Library(library.file)
