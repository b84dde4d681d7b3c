"""Whatever the disk does, nobody waits for it."""

import os
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from agent.hearing.sound import Encoding
from agent.service import keeper as module
from agent.service.keeper import Keeper
from agent.service.shelf import Limits
from tests.service.test_kept import CALL
from tests.service.test_shelf import SECOND, names
from tests.service.waiting import until


@contextmanager
def keeping(folder: Path) -> Iterator[Keeper]:
    keeper = Keeper(Limits(folder, 10**9, 1e9))
    try:
        yield keeper
    finally:
        keeper.close()


def record(keeper: Keeper, name: str, seconds: int = 2) -> None:
    keeper.begin(name, Encoding.SLIN8)
    for _ in range(seconds):
        keeper.write(name, SECOND)
    keeper.finish(name, CALL)


def test_recordings_that_run_at_once_are_kept_apart(tmp_path: Path) -> None:
    with keeping(tmp_path) as keeper:
        for name in ("a", "b", "c"):
            keeper.begin(name, Encoding.SLIN8)
        for second in range(3):
            for name in ("a", "b", "c"):
                keeper.write(name, bytes([second, ord(name)]) * 8000)
        keeper.finish("a", CALL)
        keeper.discard("b")
    assert names(tmp_path) == ["a.json", "a.wav"]  # c had no end
    content = (tmp_path / "a.wav").read_bytes()
    assert content[-3 * 16_000 :] == b"".join(bytes([second, ord("a")]) * 8000 for second in range(3))
    assert (keeper.kept, keeper.lost) == (1, 0)


def test_a_missing_folder_is_told_once_and_kept_again_when_it_is_there(tmp_path: Path) -> None:
    blocked = tmp_path / "kept"
    blocked.touch()  # a file where the folder should be: not even root can write there
    with capture_logs() as logs, keeping(blocked) as keeper:
        for name in ("a", "b", "c"):
            record(keeper, name)
        until(lambda: keeper.lost == 3)
        blocked.unlink()
        record(keeper, "d")
    assert names(blocked) == ["d.json", "d.wav"]
    assert [(entry["log_level"], entry["event"]) for entry in logs] == [
        ("warning", "early media cannot be kept, calls go on without it"),
        ("info", "early media is kept again"),
    ]


def test_a_full_disk_costs_the_recording_and_leaves_no_piece_of_it(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)  # EFBIG instead of ENOSPC, from the same write()
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with capture_logs() as logs, keeping(tmp_path) as keeper:
            record(keeper, "long", 30)
            record(keeper, "short", 2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert names(tmp_path) == ["short.json", "short.wav"]
    assert (keeper.kept, keeper.lost) == (1, 1)
    assert logs[0]["reason"] == "File too large"


def test_a_disk_that_hangs_holds_nobody_and_memory_stays_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "QUEUE_BYTES", 200_000)
    keeper = Keeper(Limits(tmp_path, 10**9, 1e9))
    until(lambda: keeper._waiting.empty())
    reading, writing = os.pipe()
    keeper._put("", lambda: os.read(reading, 1))  # the thread waits as for a disk
    with capture_logs() as logs:
        slowest = 0.0
        for name in ("a", "b"):
            keeper.begin(name, Encoding.SLIN8)
        for _ in range(100):
            began = time.perf_counter()
            for name in ("a", "b"):
                keeper.write(name, SECOND)
            slowest = max(slowest, time.perf_counter() - began)
        for name in ("a", "b"):
            keeper.finish(name, CALL)
        assert slowest < 0.5
        assert keeper._waiting_bytes <= 200_000
        assert keeper.lost == 2
        began = time.perf_counter()
        keeper.close(timeout_seconds=0.1)
        assert time.perf_counter() - began < 1.0
        os.write(writing, b".")
        keeper._writer.join()
    assert names(tmp_path) == []
    assert [entry["reason"] for entry in logs] == ["the disk is too slow"]
    for descriptor in (reading, writing):
        with suppress(OSError):
            os.close(descriptor)


def test_what_is_too_old_goes_while_no_call_comes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TIDY_EVERY_SECONDS", 0.02)
    keeper = Keeper(Limits(tmp_path, 10**9, 0.3))
    record(keeper, "a")
    until(lambda: keeper.kept == 1)
    until(lambda: names(tmp_path) == [])
    keeper.close()
