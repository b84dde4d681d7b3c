"""What tones add to a call's evidence, and what follows for its verdict."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.hearing.sound import HeardSecond
from agent.hearing.tone_table import ToneKind
from agent.hearing.tones import ToneEvent
from agent.verdict.evidence import Evidence, in_order
from agent.verdict.outcome import Outcome
from agent.verdict.settle import settle
from tests.verdict.heard import evidence_of, second, timelines

SAID = [kind for kind in ToneKind if kind is not ToneKind.OTHER]
CLOSED = [kind for kind in SAID if kind is not ToneKind.RINGING]


def event(kind: ToneKind, at: float = 3.0, confidence: float = 0.9) -> ToneEvent:
    return ToneEvent(kind, at, at - 2.0, "425 Hz 0.50 s", confidence)


@pytest.mark.parametrize("kind", CLOSED)
def test_a_tone_that_says_why_is_final_at_once(kind: ToneKind) -> None:
    evidence = evidence_of("rrr")
    evidence.hear_tone(event(kind, at=3.2))
    verdict = settle(evidence)
    assert (verdict.outcome, verdict.confidence) == (Outcome(kind), 0.9)
    assert (verdict.final, verdict.final_at) == (True, 3.2)
    assert f"{kind.value.replace('_', ' ')} at 3.2 s (425 Hz 0.50 s)" in verdict.evidence


def test_a_tone_may_be_known_before_the_first_second() -> None:
    evidence = evidence_of("")
    evidence.hear_tone(event(ToneKind.SIT_VACANT, at=1.03))
    assert settle(evidence).outcome is Outcome.SIT_VACANT


def test_a_final_tone_outlasts_the_announcement_after_it() -> None:
    evidence = evidence_of("rr")
    evidence.hear_tone(event(ToneKind.SIT_VACANT))
    for at in range(2, 12):
        evidence.hear(second("s", float(at)))
    assert settle(evidence).outcome is Outcome.SIT_VACANT


def test_an_answer_outdoes_a_tone() -> None:
    evidence = evidence_of("rr")
    evidence.hear_tone(event(ToneKind.BUSY))
    evidence.answer()
    assert settle(evidence).outcome is Outcome.ANSWERED


def test_ringing_by_tone_is_credible_and_never_final() -> None:
    evidence = evidence_of("r")
    before = settle(evidence).confidence
    evidence.hear_tone(event(ToneKind.RINGING))
    verdict = settle(evidence)
    assert verdict.outcome is Outcome.RINGING
    assert verdict.confidence > before
    assert not verdict.final
    for at in range(4, 9):
        evidence.hear(second("s", float(at)))
    assert settle(evidence).outcome is Outcome.ANNOUNCEMENT


def test_a_tone_that_countries_contradict_each_other_about_is_not_called_ringing() -> None:
    evidence = evidence_of("rrr")
    evidence.hear_tone(event(ToneKind.CONGESTION, confidence=0.45))
    verdict = settle(evidence)
    assert verdict.outcome is Outcome.UNKNOWN
    assert not verdict.final


@given(timelines("rsm.", max_size=20), st.lists(st.floats(0.01, 1.0), max_size=6))
def test_ringing_tones_never_end_a_call(timeline: str, sure: list[float]) -> None:
    evidence = evidence_of(timeline.replace("s", "r"))
    for confidence in sure:
        evidence.hear_tone(event(ToneKind.RINGING, confidence=confidence))
    assert not settle(evidence).final
    assert settle(evidence).outcome in (
        Outcome.RINGING, Outcome.MUSIC, Outcome.SILENCE, Outcome.UNKNOWN, Outcome.NO_AUDIO
    )  # fmt: skip


@given(
    timeline=timelines("rsm.", max_size=8),
    tones=st.lists(st.tuples(st.sampled_from(SAID), st.floats(0.0, 9.0), st.floats(0.1, 1.0)), max_size=4),
    cut=st.floats(0.0, 10.0),
)
def test_how_it_was_batched_changes_nothing(
    timeline: str, tones: list[tuple[ToneKind, float, float]], cut: float
) -> None:
    seconds = [second(letter, float(at)) for at, letter in enumerate(timeline)]
    told = [event(kind, at, sure) for kind, at, sure in sorted(tones, key=lambda tone: tone[1])]
    whole, cut_up = Evidence(), Evidence()
    for heard in in_order(seconds, told):
        whole.take_in(heard)
    batches: tuple[tuple[list[HeardSecond], list[ToneEvent]], ...] = (
        ([s for s in seconds if s.at + 387 / 8000 <= cut - 1.0], [t for t in told if t.at <= cut]),
        ([s for s in seconds if s.at + 387 / 8000 > cut - 1.0], [t for t in told if t.at > cut]),
    )
    for some_seconds, some_tones in batches:
        for heard in in_order(some_seconds, some_tones):
            cut_up.take_in(heard)
    assert settle(whole) == settle(cut_up)
