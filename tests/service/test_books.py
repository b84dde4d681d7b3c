"""One call, and everything that is kept of it."""

import asyncio
import json
import os
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from agent.config import Config, parse
from agent.hearing.sound import HeardSecond
from agent.pbx.asterisk.taps import EagiTap
from agent.pbx.port import CarrierFinal, Leg, Signal, TapKind
from agent.service.books import ServiceBooks
from agent.service.call import Call
from agent.service.metrics import Metrics
from agent.verdict.settling import Settling

NUMBER = "03012345678"


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return parse(
        f"""
trunks: [{{match: "PJSIP/carrier-*", name: carrier}}]
attempts: {{max: 2, file: {tmp_path}/attempts.sqlite3}}
journal: {{path: {tmp_path}/calls.jsonl, key_file: {tmp_path}/number.key}}
announcements: {{file: {tmp_path}/announcements.sqlite3}}
""",
        "config.yaml",
    )


def call(leg_id: str) -> Call:
    leg = Leg(leg_id, "PJSIP/carrier-00000001", "PJSIP/carrier", NUMBER)
    return Call(leg, Settling(), began=0.0, trunk="carrier")


async def test_a_call_is_logged_journalled_and_counted(config: Config, tmp_path: Path) -> None:
    metrics = Metrics()
    books = ServiceBooks(lambda: config, metrics)
    rung = call("1.1")
    books.began(rung)
    rung.signal(Signal.PROGRESS, 0.0)
    rung.hear([HeardSecond(float(t), (0.97, 0.01, 0.01, 0.01)) for t in range(3)])
    rung.end(CarrierFinal(486, 17), 3.0)
    decision = config.policy_of(None).decide(rung.verdict.outcome)
    with capture_logs() as lines:
        books.ended(rung, decision, handed_back=True)
    await books.close()

    (line,) = [line for line in lines if line["event"] == "call judged"]
    assert (line["outcome"], line["heard"], line["agreement"]) == ("ringing", "rrr", "contradicts")
    assert line["number"] == "…78"
    (kept,) = [json.loads(text) for text in (tmp_path / "calls.jsonl").read_text().splitlines()]
    assert (kept["trunk"], kept["seconds"], kept["carrier_sip_code"]) == ("carrier", "rrr", 486)
    assert NUMBER not in (tmp_path / "calls.jsonl").read_text() + repr(lines)
    assert metrics.verdicts.value("carrier", "ringing") == 1
    assert metrics.calls_active.value() == 0


async def test_the_budget_of_a_number_is_spent_across_restarts(config: Config) -> None:
    for leg_id, spent in (("1.1", False), ("1.2", True), ("1.3", True)):
        books = ServiceBooks(lambda: config, Metrics())
        books.began(counted := call(leg_id))
        await books.close()
        assert counted.spent is spent
        await asyncio.sleep(0)


async def test_early_media_that_was_asked_for_is_kept_and_counted(config: Config, tmp_path: Path) -> None:
    metrics = Metrics()
    keeping = parse(
        f"""
trunks: [{{match: "PJSIP/carrier-*", name: carrier, keep_audio: true}}]
attempts: {{file: {tmp_path}/attempts.sqlite3}}
journal: {{path: {tmp_path}/calls.jsonl, key_file: {tmp_path}/number.key}}
harvest: {{folder: {tmp_path}/harvest}}
announcements: {{file: {tmp_path}/announcements.sqlite3}}
""",
        "config.yaml",
    )
    books = ServiceBooks(lambda: keeping, metrics)
    reading, writing = os.pipe()
    books.began(kept := call("1.1"))
    kept.attach(EagiTap(reading, TapKind.EAGI))
    books.tapped(kept)
    books.came(kept, bytes(32_000))
    kept.end(CarrierFinal(486, 17), 3.0)
    books.ended(kept, keeping.policy_of(None).decide(kept.verdict.outcome), handed_back=False)
    await books.close()
    books.ticked(0.01)
    os.close(writing)
    assert len(list(tmp_path.glob("harvest/*.wav"))) == 1
    assert metrics.recordings.value() == 1
    assert metrics.recordings_lost.value() == 0
