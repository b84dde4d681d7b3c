"""The library beside the running agent: whatever happens to its file, no call waits and none is hurt."""

import resource
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from agent.announcements.announcement import Announcement
from agent.announcements.gathering import Candidate, candidates
from agent.announcements.library import Library, to_pcm16
from agent.config import AnnouncementsConfig
from agent.hearing.known import Known
from agent.hearing.recognition import Recollection, recognise
from agent.hearing.sound import Encoding
from agent.service import announcements as module
from agent.service.announcements import Announcements, Unexplained
from tests.hearing.speech import noisy, seconds_of, spectra, speech
from tests.service.waiting import until

FAULT = "announcements cannot be read or gathered, calls go on with what was known"
AGAIN = "announcements are read and gathered again"


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REFRESH_SECONDS", 0.05)
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.2)


class Beside:
    """Announcements with a configuration that tests change, and an ear that they look into."""

    def __init__(self, file: Path, **settings: Any) -> None:
        self.config = AnnouncementsConfig(file=file, **settings)
        self.known: Known | None = None
        self.told = 0
        self.announcements = Announcements(lambda: self.config, self._tell)

    def _tell(self, known: Known | None) -> None:
        self.known = known
        self.told += 1

    def candidates(self) -> list[Candidate]:
        with Library(self.config.file) as library:
            return list(candidates(library, 1))


@contextmanager
def beside(file: Path, **settings: Any) -> Iterator[Beside]:
    running = Beside(file, **settings)
    try:
        until(lambda: running.told)
        yield running
    finally:
        running.announcements.close()


def unexplained(seed: int, *, noise: int = 0, code: int | None = 404, kept: bool = False) -> Unexplained:
    """What is left of a call that played an announcement of 6 s."""
    recollection, sound = Recollection(), noisy(speech(seed, 6.0), 20.0, noise)
    for at, mel in enumerate(seconds_of(spectra(sound))):
        recognise(Known.of([]), [(recollection, float(at), mel)])
        recollection.collect()
    starts = frozenset(float(at) for at in range(6))
    audio = to_pcm16(sound) if kept else b""
    return Unexplained(recollection, starts, "carrier", code, Encoding.SLIN8, audio)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "announcements.sqlite3"


def test_what_another_process_changes_is_known_without_a_restart(file: Path) -> None:
    with beside(file) as agent, Library(file) as admin:
        assert agent.announcements.named("vacant") is None
        admin.add(Announcement(name="vacant", q850_cause=1), [speech(1)])
        until(lambda: agent.announcements.known == 1)
        assert agent.announcements.named("vacant") == Announcement(name="vacant", q850_cause=1)
        assert agent.known is not None
        assert [title.name for title in agent.known.announcements] == ["vacant"]
        admin.remove("vacant")
        until(lambda: agent.announcements.known == 0)


def test_without_gathering_and_without_announcements_nothing_is_searched(file: Path) -> None:
    with beside(file) as agent:
        assert agent.known is not None
        agent.config = AnnouncementsConfig(file=file, most_unknown=0)
        until(lambda: agent.known is None)
        agent.announcements.gather(unexplained(1))
        with Library(file) as admin:
            admin.add(Announcement(name="vacant"), [speech(2)])
        until(lambda: agent.known is not None)
    assert agent.candidates() == []


def test_what_is_heard_again_gathers_with_its_trunk_and_codes(file: Path) -> None:
    with beside(file) as agent:
        for call, code in enumerate((404, 404, 480)):
            agent.announcements.gather(unexplained(1, noise=call, code=code))
        agent.announcements.gather(unexplained(2))
    often, once = agent.candidates()
    assert (often.calls, once.calls) == (3, 1)
    assert [(seen.trunk, seen.sip_code, seen.calls) for seen in often.sightings] == [
        ("carrier", 404, 2),
        ("carrier", 480, 1),
    ]
    assert not often.excerpt
    assert time.time() - often.last_seen < 60


def test_a_reload_allows_excerpts(file: Path) -> None:
    with beside(file) as agent:
        agent.announcements.gather(unexplained(1))
        until(agent.candidates)
        agent.config = AnnouncementsConfig(file=file, excerpt_seconds=4.0)
        time.sleep(0.2)
        agent.announcements.gather(unexplained(1, noise=1, kept=True))
    (candidate,) = agent.candidates()
    assert candidate.excerpt


def test_what_is_known_is_no_news(file: Path) -> None:
    with Library(file) as admin:
        admin.add(Announcement(name="vacant"), [speech(1, 6.0)])
    with beside(file) as agent:
        agent.announcements.gather(unexplained(1))
        agent.announcements.gather(unexplained(2))
    assert [candidate.calls for candidate in agent.candidates()] == [1]
    assert agent.announcements.lost == 0


def test_a_file_that_cannot_be_opened_costs_one_line_and_is_tried_again(tmp_path: Path) -> None:
    folder = tmp_path / "later"
    with capture_logs() as logs:
        agent = Beside(folder / "announcements.sqlite3")
        try:
            agent.announcements.gather(unexplained(1))
            until(lambda: agent.announcements.lost == 1)
            time.sleep(0.5)
            folder.mkdir()
            until(lambda: agent.told)
            until(lambda: any(line["event"] == AGAIN for line in logs))
        finally:
            agent.announcements.close()
    (said,) = [line for line in logs if line["event"] == FAULT]
    assert "cannot be opened (No such file or directory); make its folder" in said["reason"]
    assert not said["exc_info"]


@pytest.mark.parametrize("damage", ["truncated", "overwritten", "another table", "torn entry"])
def test_a_damaged_library_leaves_known_what_was_known(file: Path, damage: str) -> None:
    with Library(file) as admin:
        admin.add(Announcement(name="vacant"), [speech(1)])
    with capture_logs() as logs, beside(file) as agent:
        match damage:
            case "truncated":
                file.write_bytes(file.read_bytes()[:5000])
            case "overwritten":
                file.with_suffix(".new").write_bytes(b"no database " * 1000)
                file.with_suffix(".new").replace(file)
            case "another table":
                with sqlite3.connect(file) as database:
                    database.execute("DROP TABLE change")
                database.close()
            case "torn entry":
                with sqlite3.connect(file) as database:
                    database.execute("UPDATE announcement SET entry = '{'")
                database.close()
        until(lambda: any(line["event"] == FAULT for line in logs))
        agent.announcements.gather(unexplained(2))
        until(lambda: agent.announcements.lost)
        assert agent.announcements.named("vacant") is not None
        assert agent.known is not None
    assert len([line for line in logs if line["event"] == FAULT]) == 1


def test_a_locked_library_is_read_all_the_same_and_loses_what_cannot_wait(file: Path) -> None:
    with Library(file) as admin:
        admin.add(Announcement(name="vacant"), [speech(1)])
    with capture_logs() as logs, beside(file) as agent:
        locked = sqlite3.connect(file)
        locked.execute("BEGIN IMMEDIATE")
        agent.announcements.gather(unexplained(2))
        until(lambda: agent.announcements.lost == 1)
        assert agent.announcements.named("vacant") is not None
        locked.rollback()
        locked.close()
        until(lambda: any(line["event"] == AGAIN for line in logs))
        agent.announcements.gather(unexplained(2))
        until(agent.candidates)
    (said,) = [line for line in logs if line["event"] == FAULT]
    assert "is in use by another command" in said["reason"]


def test_a_library_that_is_locked_while_the_agent_starts_is_known_at_once(file: Path) -> None:
    with Library(file) as admin:
        admin.add(Announcement(name="vacant"), [speech(1)])
        admin.database.execute("BEGIN IMMEDIATE")
        with beside(file) as agent:
            assert agent.announcements.named("vacant") is not None
        admin.database.rollback()


def test_a_library_that_was_restored_is_read_instead_of_the_old_one(file: Path, tmp_path: Path) -> None:
    with Library(tmp_path / "backup") as backup:
        backup.add(Announcement(name="restored"), [speech(2)])
    with beside(file) as agent:
        for beside_it in ("-wal", "-shm"):  # what SQLite left there belongs to the old one
            file.with_name(file.name + beside_it).unlink()
        (tmp_path / "backup").replace(file)
        until(lambda: agent.announcements.named("restored"))


def test_more_than_can_wait_is_lost_and_counted_and_nobody_waits(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "QUEUE_LENGTH", 3)
    call = unexplained(1)
    with beside(file) as agent:
        locked = sqlite3.connect(file)
        locked.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        for _ in range(1000):
            agent.announcements.gather(call)
        assert time.monotonic() - began < 0.2
        assert agent.announcements.lost >= 990
        locked.rollback()
        locked.close()


def test_a_disk_that_is_full_costs_what_is_gathered_and_nothing_that_is_known(file: Path) -> None:
    with Library(file) as admin:
        admin.add(Announcement(name="vacant"), [speech(1)])
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with capture_logs() as logs, beside(file) as agent:
        room = file.with_name(file.name + "-wal").stat().st_size + 5_000
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))  # EFBIG instead of ENOSPC
        try:
            agent.announcements.gather(unexplained(2))
            until(lambda: agent.announcements.lost == 1)
            assert agent.announcements.named("vacant") is not None
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        until(lambda: any(line["event"] == AGAIN for line in logs))
        agent.announcements.gather(unexplained(2))
        until(agent.candidates)
    assert len([line for line in logs if line["event"] == FAULT]) == 1
