"""One verdict from the evidence of one call, at any time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import exp2

from agent.hearing.sound import HeardSecond, Sound
from agent.hearing.tones import ToneEvent
from agent.verdict.evidence import Evidence, in_order
from agent.verdict.outcome import Outcome, SoundClass
from agent.verdict.settling import Settling

_OUTCOME_OF = {
    Sound.RINGING: Outcome.RINGING,
    Sound.MUSIC: Outcome.MUSIC,
    Sound.SPEECH: Outcome.ANNOUNCEMENT,
    Sound.SILENCE: Outcome.SILENCE,
}
_KNOWN = 0.99
"""Confidence in a known announcement: of 50,000 foreign ones none was taken for it."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is known about a call."""

    outcome: Outcome
    confidence: float
    """0 to 1."""
    final: bool
    """Nothing will change it, save that an announcement may gain its name, and an answer replaces it."""
    final_at: float | None
    """Seconds of audio heard when it became final, None while it is not."""
    evidence: str
    """Why, in words."""
    announcement: str | None = None
    """Name of the known announcement, beside `Outcome.ANNOUNCEMENT` only."""

    @property
    def spelled(self) -> str:
        """The outcome as dialers read it, with the announcement's name where that is known."""
        return f"{self.outcome}:{self.announcement}" if self.announcement else self.outcome.value

    @property
    def sound_class(self) -> SoundClass:
        """The thesis' class of the outcome."""
        return self.outcome.sound_class


def settle(evidence: Evidence) -> Verdict:
    """Judge a call by what it has told so far; O(1), whatever its length.

    `ringing`, `music`, `silence`, `no_audio` and `unknown` become final only with the end of the leg.
    """
    outcome, confidence = _most_credible(evidence)
    return Verdict(
        outcome=outcome,
        confidence=confidence,
        final=evidence.final_at is not None,
        final_at=evidence.final_at,
        evidence=_in_words(evidence, outcome),
        announcement=evidence.announcement if outcome is Outcome.ANNOUNCEMENT else None,
    )


def settle_each(
    evidence: Evidence, seconds: Sequence[HeardSecond], tones: Sequence[ToneEvent]
) -> Iterator[tuple[HeardSecond | ToneEvent, Verdict]]:
    """Take in what one call's audio told, in the order in which it was known; yield each and what then stood.

    A second tells of the audio up to its end, `at + 1.0`, and is known 48 ms later (`known_at`).
    """
    for heard in in_order(seconds, tones):
        evidence.take_in(heard)
        yield heard, settle(evidence)


def _most_credible(evidence: Evidence) -> tuple[Outcome, float]:
    settling = evidence.settling
    if evidence.answered:
        return Outcome.ANSWERED, 1.0
    if evidence.end_unseen:
        return Outcome.UNKNOWN, 0.0
    if evidence.announcement is not None:
        return Outcome.ANNOUNCEMENT, _KNOWN
    tone = evidence.tone
    if tone and evidence.ended_by_tone:
        return Outcome(tone.kind), tone.confidence
    if evidence.seconds_heard == 0 and tone is None:
        patience = evidence.seconds_without_audio / settling.no_audio_seconds
        if evidence.tapped and evidence.early_media_signalled and patience >= 1.0:
            return Outcome.NO_AUDIO, 1.0 - exp2(-patience)
        return Outcome.UNKNOWN, 0.0
    sound = max((Sound.RINGING, Sound.SPEECH, Sound.MUSIC), key=evidence.belief)
    # A credible sound outdoes silence, so that leading silence never delays what follows it.
    for candidate in (sound, Sound.SILENCE):
        belief = evidence.belief(candidate)
        if belief >= settling.abstain_below and belief > 0.0:
            if candidate is Sound.RINGING:
                return _which_tone(tone, belief, settling)
            if candidate is Sound.SPEECH and not evidence.announced:
                belief = min(belief, settling.announcement_confidence)
            return _OUTCOME_OF[candidate], belief
    return Outcome.UNKNOWN, 0.0


def _which_tone(tone: ToneEvent | None, belief: float, settling: Settling) -> tuple[Outcome, float]:
    """Say what a tone means, which is no final verdict."""
    if tone is None:
        return Outcome.RINGING, min(belief, settling.unnamed_tone_confidence)
    if Outcome(tone.kind).stays_open:
        return Outcome.RINGING, belief
    if tone.confidence < settling.tone_abstain_below:
        return Outcome.UNKNOWN, 0.0
    return Outcome(tone.kind), min(tone.confidence, belief)


def _in_words(evidence: Evidence, outcome: Outcome) -> str:
    if outcome is Outcome.ANSWERED:
        return "the callee answered"
    if evidence.end_unseen:
        return "it ended while the PBX could not be heard, and may have been answered"
    if evidence.seconds_heard == 0 and evidence.tone is None:
        return _why_nothing_was_heard(evidence)
    heard = ", ".join(f"{count} {sound}" for sound, count in evidence.seconds_of.items() if count)
    words = f"{evidence.seconds_heard} s heard: {heard}"
    if tone := evidence.tone:
        words += f"; {tone.kind.value.replace('_', ' ')} at {tone.at:.1f} s ({tone.detail})"
    if evidence.gaps:
        words += f"; audio lost {evidence.gaps} times" if evidence.gaps > 1 else "; audio lost once"
    return words


def _why_nothing_was_heard(evidence: Evidence) -> str:
    if not evidence.early_media_signalled:
        return "180 without early media" if evidence.ringing_signalled else "no early media"
    if not evidence.tapped:
        return "early media announced, no tap attached"
    return f"early media announced, no audio for {evidence.seconds_without_audio:.1f} s"
