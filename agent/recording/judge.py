"""Judge a recording exactly as the live call would have been judged, second by second."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.announcements.announcement import Announcement
from agent.hearing.ear import Ear, Stream
from agent.hearing.sound import SOUNDS, HeardSecond
from agent.hearing.tones import ToneEvent
from agent.recording.load import load
from agent.verdict.evidence import Evidence
from agent.verdict.policy import Decision, Policy
from agent.verdict.settle import Verdict, settle, settle_each
from agent.verdict.settling import Settling


@dataclass(frozen=True, slots=True)
class Turn:
    """A moment at which the verdict became another one."""

    t: float
    """Seconds of audio heard by then."""
    outcome: str
    """As dialers read it."""
    final: bool


@dataclass(frozen=True, slots=True)
class Judged:
    """A recording and what it says."""

    file: Path
    duration: float
    """Seconds of audio."""
    seconds: tuple[HeardSecond, ...]
    tones: tuple[ToneEvent, ...]
    """What the network said with tones, and when that became surer; that they go on is left out."""
    turns: tuple[Turn, ...]
    verdict: Verdict
    """What stood when the recording ended, as if the carrier had ended the call there."""
    decision: Decision

    @property
    def announced(self) -> list[HeardSecond]:
        """The seconds by whose end a known announcement was recognised, each announcement's first."""
        first: dict[str, HeardSecond] = {}
        for second in self.seconds:
            if second.announcement is not None:
                first.setdefault(second.announcement, second)
        return list(first.values())

    def _events(self) -> list[dict[str, Any]]:
        """Tones (SIT among them), announcements and turns of the verdict, in the order in which they came."""
        told = [
            (tone.at, "tone", f"{tone.kind.value} {tone.confidence:.2f}: {tone.detail}")
            for tone in self.tones
        ]
        told += [(second.at + 1.0, "announcement", second.announcement or "") for second in self.announced]
        told += [(turn.t, "verdict", turn.outcome + (" final" * turn.final)) for turn in self.turns]
        return [
            {"t": t, "kind": kind, "detail": detail} for t, kind, detail in sorted(told, key=lambda e: e[0])
        ]

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
            "events": self._events(),
            "verdict": {
                "outcome": self.verdict.spelled,
                "class": self.verdict.sound_class.value,
                "confidence": round(self.verdict.confidence, 4),
                "final_at": self.verdict.final_at,
                "sip_code": self.decision.sip_code,
                "q850_cause": self.decision.q850_cause,
                "redial": self.decision.redial.value,
                "redial_after": self.decision.redial_after,
            },
        }


def judge(
    file: Path,
    ear: Ear,
    settling: Settling,
    policy: Policy,
    announcements: Mapping[str, Announcement] = {},
    country: str | None = None,
) -> Judged:
    """Hear a whole recording and settle it; raises RecordingError when it cannot be read.

    The `announcements` that the ear knows, by name, give a recording that plays one their own rule. `country`
    is the ISO 3166-1 code of the country whose tones it holds, None for any.
    """
    encoding, data = load(file)
    stream = Stream(encoding, country)
    (seconds,) = ear.hear([(stream, data)])
    evidence = Evidence(settling)
    evidence.early_media()
    evidence.tap()
    tones = stream.take_tones()
    turns = tuple(turns_of(evidence, seconds, tones))
    evidence.end()
    verdict = settle(evidence)
    played = announcements.get(verdict.announcement or "")
    return Judged(
        file=file,
        duration=stream.seconds_heard,
        seconds=tuple(seconds),
        tones=tuple(_news(tones)),
        turns=turns,
        verdict=verdict,
        decision=(played.over(policy) if played else policy).decide(verdict.outcome),
    )


def turns_of(
    evidence: Evidence, seconds: Sequence[HeardSecond], tones: Sequence[ToneEvent]
) -> Iterator[Turn]:
    """Take in what a recording told and yield the moments at which the verdict became another one."""
    before, t = settle(evidence), 0.0
    for heard, now in settle_each(evidence, seconds, tones):
        # A tone may be known after a second's end and still before the second: time never goes back.
        t = max(t, heard.at if isinstance(heard, ToneEvent) else heard.at + 1.0)
        if (now.spelled, now.final) != (before.spelled, before.final):
            yield Turn(t, now.spelled, now.final)
        before = now


def _news(tones: Iterable[ToneEvent]) -> Iterator[ToneEvent]:
    """Yield the first event of each tone and those that are surer than all before them."""
    last: ToneEvent | None = None
    for tone in tones:
        if last is None or tone.kind is not last.kind or tone.confidence > last.confidence:
            last = tone
            yield tone
