"""Recordings are judged as the live call would have been, by the shipped forest."""

from pathlib import Path

import numpy as np
import pytest

from agent.config import Config
from agent.demo.audio import BUSY_NORTH_AMERICA, RINGING_EUROPE, silence
from agent.hearing.ear import Ear
from agent.hearing.forest import Forest
from agent.hearing.sound import Sound
from agent.hearing.tones import ToneEar
from agent.recording.judge import Judged, judge
from agent.verdict.outcome import Outcome


@pytest.fixture(scope="module")
def ear() -> Ear:
    return Ear(Forest.load(Config().model.path), tone_ear=ToneEar())


def judged(ear: Ear, file: Path, ulaw: bytes) -> Judged:
    file.write_bytes(ulaw)
    return judge(file, ear, Config().settling.settling, Config().policy_of(None))


def test_a_ringing_phone(ear: Ear, tmp_path: Path) -> None:
    ringing = judged(ear, tmp_path / "ring.ulaw", RINGING_EUROPE.ulaw(20.5))
    assert ringing.verdict.outcome is Outcome.RINGING
    assert ringing.verdict.confidence > 0.9
    assert ringing.duration == 20.5
    assert len(ringing.seconds) == 20
    assert [second.at for second in ringing.seconds] == list(range(20))


def test_silence(ear: Ear, tmp_path: Path) -> None:
    silent = judged(ear, tmp_path / "silence.ulaw", silence(10))
    assert silent.verdict.outcome is Outcome.SILENCE
    assert {second.sound for second in silent.seconds} == {Sound.SILENCE}


def test_a_busy_line(ear: Ear, tmp_path: Path) -> None:
    busy = judged(ear, tmp_path / "busy.ulaw", BUSY_NORTH_AMERICA.ulaw(6))
    assert busy.verdict.outcome is Outcome.BUSY
    assert busy.verdict.final
    assert busy.verdict.final_at is not None
    assert busy.verdict.final_at < 3
    first = busy.as_json()["events"][0]
    assert first["kind"] == "tone"
    assert first["detail"].startswith("busy ")


def test_less_than_a_second_is_no_verdict(ear: Ear, tmp_path: Path) -> None:
    short = judged(ear, tmp_path / "short.ulaw", RINGING_EUROPE.ulaw(0.3))
    assert short.verdict.outcome is Outcome.UNKNOWN
    assert short.seconds == ()


def test_the_documented_object(ear: Ear, tmp_path: Path) -> None:
    told = judged(ear, tmp_path / "ring.ulaw", RINGING_EUROPE.ulaw(10)).as_json()
    assert list(told) == ["file", "duration", "seconds", "events", "verdict"]
    assert list(told["seconds"][0]) == ["t", "class", "p"]
    assert list(told["seconds"][0]["p"]) == ["ringing", "speech", "music", "silence"]
    assert np.isclose(sum(told["seconds"][0]["p"].values()), 1.0, atol=1e-3)
    assert {"t": 1.0, "kind": "verdict", "detail": "ringing"} in told["events"]
    assert list(told["verdict"]) == [
        "outcome",
        "class",
        "confidence",
        "final_at",
        "sip_code",
        "q850_cause",
        "redial",
        "redial_after",
    ]
