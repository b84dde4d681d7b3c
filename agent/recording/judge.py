"""Judge a recording exactly as the live call would have been judged, second by second."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.hearing.ear import Ear, Stream
from agent.hearing.sound import SOUNDS, HeardSecond
from agent.hearing.tones import ToneEvent
from agent.recording.load import load
from agent.verdict.evidence import Evidence, Settling, in_order
from agent.verdict.outcome import Outcome
from agent.verdict.policy import Decision, Policy
from agent.verdict.settle import Verdict, settle


@dataclass(frozen=True, slots=True)
class Turn:
    """A moment at which the verdict became another one."""

    t: float
    """Seconds of audio heard by then."""
    outcome: Outcome
    final: bool


@dataclass(frozen=True, slots=True)
class Judged:
    """A recording and what it says."""

    file: Path
    duration: float
    """Seconds of audio."""
    seconds: tuple[HeardSecond, ...]
    tones: tuple[ToneEvent, ...]
    """What the network said with tones."""
    turns: tuple[Turn, ...]
    verdict: Verdict
    """What stood when the recording ended, as if the carrier had ended the call there."""
    decision: Decision

    def as_json(self) -> dict[str, Any]:
        """The documented object of `earlymedia classify --json`."""
        return {
            "file": str(self.file),
            "duration": round(self.duration, 3),
            "seconds": [
                {
                    "t": second.at,
                    "class": second.sound.value,
                    "p": {sound.value: round(p, 4) for sound, p in zip(SOUNDS, second.p, strict=True)},
                }
                for second in self.seconds
            ],
            "events": [
                {
                    "t": tone.at,
                    "kind": "tone",
                    "detail": f"{tone.kind.value} {tone.confidence:.2f}: {tone.detail}",
                }
                for tone in self.tones
            ]
            + [
                {"t": turn.t, "kind": "verdict", "detail": turn.outcome.value + (" final" * turn.final)}
                for turn in self.turns
            ],
            "verdict": {
                "outcome": self.verdict.outcome.value,
                "class": self.verdict.sound_class.value,
                "confidence": round(self.verdict.confidence, 4),
                "final_at": self.verdict.final_at,
                "sip_code": self.decision.sip_code,
                "q850_cause": self.decision.q850_cause,
                "redial": self.decision.redial.value,
                "redial_after": self.decision.redial_after,
            },
        }


def judge(file: Path, ear: Ear, settling: Settling, policy: Policy) -> Judged:
    """Hear a whole recording and settle it; raises RecordingError when it cannot be read."""
    encoding, data = load(file)
    stream = Stream(encoding)
    (seconds,) = ear.hear([(stream, data)])
    evidence = Evidence(settling)
    evidence.early_media()
    evidence.tap()
    turns: list[Turn] = []
    before = settle(evidence)
    tones = stream.take_tones()
    for heard in in_order(seconds, tones):
        evidence.take_in(heard)
        now = settle(evidence)
        if (now.outcome, now.final) != (before.outcome, before.final):
            t = heard.at if isinstance(heard, ToneEvent) else heard.at + 1.0
            turns.append(Turn(t, now.outcome, now.final))
        before = now
    evidence.end()
    verdict = settle(evidence)
    return Judged(
        file=file,
        duration=stream.seconds_heard,
        seconds=tuple(seconds),
        tones=tuple(tones),
        turns=tuple(turns),
        verdict=verdict,
        decision=policy.decide(verdict.outcome),
    )
