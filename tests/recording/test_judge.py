"""Recordings are judged as the live call would have been, by the shipped forest."""

from pathlib import Path

import numpy as np
import pytest

from agent.announcements.announcement import Announcement
from agent.announcements.library import to_pcm16
from agent.config import Config
from agent.demo.audio import BUSY_NORTH_AMERICA, RINGING_EUROPE, silence, vacant_code
from agent.hearing.ear import Ear
from agent.hearing.forest import Forest
from agent.hearing.known import Known
from agent.hearing.sound import Sound
from agent.hearing.tape import Fingerprint
from agent.hearing.tone_table import ToneKind
from agent.hearing.tones import ToneEar
from agent.recording.judge import Judged, Turn, judge, turns_of
from agent.verdict.outcome import Outcome
from agent.verdict.policy import Redial
from tests.hearing.speech import spectra, speech
from tests.verdict.heard import evidence_of, second, tone


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
    first = next(event for event in busy.as_json()["events"] if event["kind"] == "tone")
    assert first["detail"].startswith("busy ")


def test_events_are_listed_as_they_came(ear: Ear, tmp_path: Path) -> None:
    vacant = silence(1) + vacant_code() + silence(2)
    events = judged(ear, tmp_path / "vacant.ulaw", vacant).as_json()["events"]
    assert [event["t"] for event in events] == sorted(event["t"] for event in events)
    (special,) = (event for event in events if event["kind"] == "tone")
    assert special["detail"].startswith("sit_vacant 0.98: ")
    assert {"t": special["t"], "kind": "verdict", "detail": "sit_vacant final"} in events


def test_the_verdict_turns_in_the_order_of_time() -> None:
    rings_then_sings = [second(letter, at) for at, letter in enumerate("rm")]
    disputed = tone(ToneKind.CONGESTION, at=2.03, confidence=0.5)  # known before the second that ends at 2.0
    assert list(turns_of(evidence_of(""), rings_then_sings, [disputed])) == [
        Turn(1.0, "ringing", final=False),
        Turn(2.03, "congestion", final=False),
        Turn(2.03, "unknown", final=False),
    ]


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


def test_a_known_announcement_by_its_name_and_its_own_rule(ear: Ear, tmp_path: Path) -> None:
    vacant = Announcement(name="vacant", q850_cause=1, redial=Redial.NO)
    ear.known = Known.of([(0, Fingerprint.of(spectra(speech(1, 6.0))))], [vacant.title])
    try:
        file = tmp_path / "call.sln"
        file.write_bytes(to_pcm16(np.concatenate((np.zeros(12_000, np.float32), speech(1, 6.0)))))
        told = judge(file, ear, Config().settling.settling, Config().policy_of(None), {"vacant": vacant})
    finally:
        ear.known = None
    assert told.verdict.outcome is Outcome.ANNOUNCEMENT
    said = told.as_json()
    assert said["verdict"]["outcome"] == "announcement:vacant"
    assert (said["verdict"]["sip_code"], said["verdict"]["redial"]) == (404, "no")
    (heard,) = [event for event in said["events"] if event["kind"] == "announcement"]
    assert heard["detail"] == "vacant"
    assert heard["t"] == said["verdict"]["final_at"]
    assert {"t": heard["t"], "kind": "verdict", "detail": "announcement:vacant final"} in said["events"]
