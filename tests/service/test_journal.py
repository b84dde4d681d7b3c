"""The journal keeps every call, and no disk ever holds one."""

import json
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from agent.pbx.port import CarrierFinal, TapKind
from agent.service import journal as module
from agent.service.journal import CallRecord, Journal
from agent.service.shadow import ShadowVerdict
from agent.verdict.agreement import Agreement
from agent.verdict.outcome import Outcome
from agent.verdict.policy import Decision, Redial
from agent.verdict.settle import Verdict
from tests.service.waiting import until

RECORD = CallRecord(
    time=1_700_000_000.25,
    leg_id="1700000000.7",
    trunk="carrier",
    number="ab" * 32,
    seconds="r....r..sss",
    verdict=Verdict(Outcome.ANNOUNCEMENT, 0.91234, True, 11.0, "11 s heard: 2 ringing, 3 speech, 6 silence"),
    carrier=CarrierFinal(503, 34),
    agreement=Agreement.ADDS_DETAIL,
    decision=Decision(480, 31, Redial.LATER, 3600),
    tap=TapKind.SPY_AUDIOSOCKET,
    audio_seconds=11.52,
    dropped_seconds=0.0,
    handed_back=True,
)


@contextmanager
def journal(path: Path, rotate_bytes: int = 10**9, keep_files: int = 3) -> Iterator[Journal]:
    opened = Journal(path, rotate_bytes=rotate_bytes, keep_files=keep_files)
    try:
        yield opened
    finally:
        opened.close()


def legs(path: Path) -> list[str]:
    return [json.loads(line)["leg"] for line in path.read_text().splitlines()]


def test_a_call_is_one_line(tmp_path: Path) -> None:
    with journal(tmp_path / "calls.jsonl") as book:
        book.write(RECORD)
    (line,) = (tmp_path / "calls.jsonl").read_text().splitlines()
    assert json.loads(line) == {
        "time": "2023-11-14T22:13:20.250+00:00",
        "leg": "1700000000.7",
        "trunk": "carrier",
        "number": "ab" * 32,
        "seconds": "r....r..sss",
        "outcome": "announcement",
        "class": "speech",
        "confidence": 0.912,
        "final_at": 11.0,
        "evidence": "11 s heard: 2 ringing, 3 speech, 6 silence",
        "carrier_sip_code": 503,
        "carrier_q850": 34,
        "agreement": "adds_detail",
        "sip_code": 480,
        "q850_cause": 31,
        "redial": "later",
        "redial_after": 3600,
        "tap": "spy-audiosocket",
        "audio_seconds": 11.52,
        "dropped_seconds": 0.0,
        "handed_back": True,
        "candidate": None,
    }


def test_what_a_candidate_made_of_the_call_stands_beside_it(tmp_path: Path) -> None:
    heard = ShadowVerdict("0123456789ab", "rr...", Verdict(Outcome.RINGING, 0.71234, True, 5.0, "5 s heard"))
    with journal(tmp_path / "calls.jsonl") as book:
        book.write(replace(RECORD, candidate=heard))
    assert json.loads((tmp_path / "calls.jsonl").read_text())["candidate"] == {
        "model": "0123456789ab",
        "seconds": "rr...",
        "outcome": "ringing",
        "confidence": 0.712,
        "final_at": 5.0,
    }


def test_only_the_owner_writes_and_others_read_nothing(tmp_path: Path) -> None:
    with journal(tmp_path / "calls.jsonl") as book:
        book.write(RECORD)
    assert stat.S_IMODE((tmp_path / "calls.jsonl").stat().st_mode) & 0o027 == 0


def test_calls_stay_in_order_and_outlive_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    for run in range(3):
        with journal(path) as book:
            for call in range(200):
                book.write(replace(RECORD, leg_id=f"{run}.{call}"))
    assert legs(path) == [f"{run}.{call}" for run in range(3) for call in range(200)]


def test_it_is_rotated_by_size_and_the_oldest_goes(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    line_length = 0
    for call in range(12):
        with journal(path, rotate_bytes=3 * line_length or 10**6, keep_files=2) as book:
            book.write(replace(RECORD, leg_id=f"{call:02d}"))
        line_length = line_length or path.stat().st_size
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "calls.jsonl",
        "calls.jsonl.1",
        "calls.jsonl.2",
    ]
    assert legs(tmp_path / "calls.jsonl.2") + legs(tmp_path / "calls.jsonl.1") + legs(path) == [
        f"{call:02d}" for call in range(3, 12)
    ]


def test_a_line_that_a_crash_tore_does_not_swallow_the_next(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    path.write_text('{"leg":"torn')
    with journal(path) as book:
        book.write(RECORD)
    torn, whole = path.read_text().splitlines()
    assert torn == '{"leg":"torn'
    assert json.loads(whole)["leg"] == RECORD.leg_id


def test_another_rotation_takes_effect_at_once(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    with journal(path) as book:
        book.write(replace(RECORD, leg_id="before"))
        until(lambda: path.exists() and path.stat().st_size > 0)
        path.rename(tmp_path / "calls.old")
        book.write(replace(RECORD, leg_id="after"))
    assert legs(tmp_path / "calls.old") == ["before"]
    assert legs(path) == ["after"]


def test_a_full_disk_is_told_once_and_costs_nothing_but_the_lines() -> None:
    with capture_logs() as logs, journal(Path("/dev/full")) as book:
        for _ in range(50):
            book.write(RECORD)
            time.sleep(0.001)
        until(lambda: book.lost == 50)
    assert [entry["event"] for entry in logs] == ["journal cannot be written, calls go on without it"]
    assert logs[0]["reason"] == "No space left on device"


def test_it_goes_on_when_the_disk_is_well_again(tmp_path: Path) -> None:
    folder = tmp_path / "log"
    with capture_logs() as logs, journal(folder / "calls.jsonl") as book:
        book.write(replace(RECORD, leg_id="lost"))
        until(lambda: book.lost == 1)
        folder.mkdir()
        book.write(replace(RECORD, leg_id="kept"))
    assert legs(folder / "calls.jsonl") == ["kept"]
    assert [entry["log_level"] for entry in logs] == ["error", "info"]


def test_a_disk_that_hangs_holds_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "QUEUE_LENGTH", 100)
    hanging = tmp_path / "calls.jsonl"
    os.mkfifo(hanging)
    pipe = os.open(hanging, os.O_RDWR | os.O_NONBLOCK)  # it takes 64 KiB, then every write waits
    with capture_logs():
        book = Journal(hanging, rotate_bytes=10**9, keep_files=1)
        slowest = 0.0
        for _ in range(3000):
            began = time.perf_counter()
            book.write(RECORD)
            slowest = max(slowest, time.perf_counter() - began)
        assert book.lost > 0
        assert slowest < 1.0
        began = time.perf_counter()
        book.close(timeout_seconds=0.2)
        assert time.perf_counter() - began < 1.0
    assert book._writer.is_alive()  # the writer hangs, and nobody else
    while book._writer.is_alive():
        with suppress(BlockingIOError):
            os.read(pipe, 65536)
        book.close(timeout_seconds=0.01)
    os.close(pipe)
