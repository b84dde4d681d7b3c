"""What tones add to a call's evidence, and what follows for its verdict."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.hearing.sound import HeardSecond
from agent.hearing.tone_table import ToneKind
from agent.hearing.tones import ToneEvent
from agent.verdict.evidence import Evidence, in_order
from agent.verdict.outcome import Outcome, SoundClass
from agent.verdict.policy import PRESETS, Policy, Preset, Redial
from agent.verdict.settle import settle, settle_each
from tests.verdict.heard import SAID, evidence_of, second, timelines, tone, tones

CLOSED = [kind for kind in SAID if kind is not ToneKind.RINGING]
POLICY = Policy.of(PRESETS[Preset.DEFAULT])


def heard(timeline: str, told: Sequence[ToneEvent]) -> Evidence:
    """The evidence of a call in which these seconds and tones were heard, in the order of time."""
    evidence = evidence_of("")
    seconds = [second(letter, float(at)) for at, letter in enumerate(timeline)]
    for each in in_order(seconds, sorted(told, key=lambda tone: tone.at)):
        evidence.take_in(each)
    return evidence


@pytest.mark.parametrize("kind", CLOSED)
def test_a_tone_that_says_why_is_final_at_once(kind: ToneKind) -> None:
    evidence = evidence_of("rrr")
    evidence.hear_tone(tone(kind, at=3.2))
    verdict = settle(evidence)
    assert (verdict.outcome, verdict.confidence) == (Outcome(kind), 0.9)
    assert (verdict.final, verdict.final_at) == (True, 3.2)
    assert f"{kind.value.replace('_', ' ')} at 3.2 s (425 Hz 0.50 s)" in verdict.evidence


def test_a_tone_may_be_known_before_the_first_second() -> None:
    evidence = evidence_of("")
    evidence.hear_tone(tone(ToneKind.SIT_VACANT, at=1.03))
    assert settle(evidence).outcome is Outcome.SIT_VACANT


def test_a_final_tone_outlasts_the_announcement_after_it() -> None:
    evidence = evidence_of("rr")
    evidence.hear_tone(tone(ToneKind.SIT_VACANT))
    for at in range(2, 12):
        evidence.hear(second("s", float(at)))
    assert settle(evidence).outcome is Outcome.SIT_VACANT


def test_an_answer_outdoes_a_tone() -> None:
    evidence = evidence_of("rr")
    evidence.hear_tone(tone(ToneKind.BUSY))
    evidence.answer()
    assert settle(evidence).outcome is Outcome.ANSWERED


def test_ringing_by_tone_is_credible_and_never_final() -> None:
    evidence = evidence_of("r")
    before = settle(evidence).confidence
    evidence.hear_tone(tone(ToneKind.RINGING))
    verdict = settle(evidence)
    assert verdict.outcome is Outcome.RINGING
    assert verdict.confidence > before
    assert not verdict.final
    for at in range(4, 9):
        evidence.hear(second("s", float(at)))
    assert settle(evidence).outcome is Outcome.ANNOUNCEMENT


def test_a_tone_that_countries_contradict_each_other_about_is_said_and_not_final() -> None:
    evidence = evidence_of("rrr")
    evidence.hear_tone(tone(ToneKind.CONGESTION, confidence=0.45))
    verdict = settle(evidence)
    assert (verdict.outcome, verdict.confidence, verdict.final) == (Outcome.CONGESTION, 0.45, False)


def test_a_tone_of_too_many_meanings_is_not_called_ringing_either() -> None:
    evidence = evidence_of("rrr")
    evidence.hear_tone(tone(ToneKind.CONGESTION, confidence=0.35))
    assert settle(evidence).outcome is Outcome.UNKNOWN


def test_the_next_cycles_may_say_otherwise() -> None:
    evidence = evidence_of("rrr")
    evidence.hear_tone(tone(ToneKind.BUSY, at=1.4, confidence=0.6))
    evidence.hear_tone(tone(ToneKind.RINGING, at=4.2))
    assert settle(evidence).outcome is Outcome.RINGING


def test_what_rings_is_not_ended_by_a_doubtful_reading_of_the_same_cycles() -> None:
    evidence = evidence_of("rrr")
    evidence.hear_tone(tone(ToneKind.RINGING, at=3.2, confidence=0.65))
    evidence.hear_tone(tone(ToneKind.BUSY, at=3.4, confidence=0.6))
    assert settle(evidence).outcome is Outcome.RINGING
    evidence.hear_tone(tone(ToneKind.BUSY, at=4.4, confidence=0.8))
    assert settle(evidence).outcome is Outcome.BUSY


@pytest.mark.parametrize("kind", [ToneKind.FAX_OR_MODEM, ToneKind.SIT_OTHER, ToneKind.DIAL_TONE])
def test_what_a_song_may_hold_itself_is_not_believed_within_one(kind: ToneKind) -> None:
    evidence = evidence_of("mmm")
    evidence.hear_tone(tone(kind, at=3.2))
    verdict = settle(evidence)
    assert (verdict.outcome, verdict.final) == (Outcome.MUSIC, False)


@pytest.mark.parametrize("kind", [ToneKind.DIAL_TONE, ToneKind.NUMBER_UNOBTAINABLE])
def test_a_note_that_ends_a_song_is_no_tone_however_long_it_lasts(kind: ToneKind) -> None:
    note = replace(tone(kind, at=12.6), since=10.2)
    held = heard("m" * 10 + "rrr", [note])
    assert settle(held).outcome is Outcome.RINGING
    after_a_pause = heard("m" * 6 + "....rrr", [note])
    assert settle(after_a_pause).outcome is Outcome(kind)


def test_a_machine_after_a_song_is_one_once_the_song_is_over() -> None:
    evidence = evidence_of("mmmrr")
    evidence.hear_tone(tone(ToneKind.FAX_OR_MODEM, at=5.2))
    assert settle(evidence).outcome is Outcome.FAX_OR_MODEM


def test_a_disputed_tone_after_the_ringing_is_said() -> None:
    evidence = evidence_of("rrr")
    evidence.hear_tone(tone(ToneKind.RINGING, at=3.2))
    evidence.hear_tone(tone(ToneKind.BUSY, at=9.4, confidence=0.6))
    assert settle(evidence).outcome is Outcome.BUSY


def test_an_announcement_after_a_disputed_tone_is_an_announcement() -> None:
    evidence = evidence_of("rrr")
    evidence.hear_tone(tone(ToneKind.CONGESTION, confidence=0.45))
    for at in range(3, 9):
        evidence.hear(second("s", float(at)))
    verdict = settle(evidence)
    assert (verdict.outcome, verdict.final) == (Outcome.ANNOUNCEMENT, True)


@given(timelines("rm.", max_size=40), st.lists(tones([ToneKind.RINGING])))
def test_what_rings_or_plays_a_song_is_never_ended(timeline: str, told: list[ToneEvent]) -> None:
    evidence = evidence_of("")
    seconds = [second(letter, float(at)) for at, letter in enumerate(timeline)]
    for _, verdict in settle_each(evidence, seconds, sorted(told, key=lambda tone: tone.at)):
        assert not verdict.final
        assert verdict.outcome.stays_open
        assert POLICY.decide(verdict.outcome).redial is not Redial.NO


@given(timelines(max_size=30), st.lists(tones()), tones(), st.floats(0.0, 0.1))
def test_more_of_the_same_tone_never_makes_it_less_sure(
    timeline: str, told: list[ToneEvent], more: ToneEvent, surer: float
) -> None:
    evidence = heard(timeline, told)
    evidence.hear_tone(more)
    before = settle(evidence)
    evidence.hear_tone(replace(more, confidence=more.confidence + surer))
    after = settle(evidence)
    if before.outcome is Outcome(more.kind):
        assert after.outcome is before.outcome
        assert after.confidence >= before.confidence
    assert after.final or not before.final


@given(timelines(max_size=30), st.lists(tones()))
def test_a_tone_that_goes_on_is_never_less_sure(timeline: str, told: list[ToneEvent]) -> None:
    evidence = heard(timeline, told)
    before = settle(evidence)
    if before.outcome.sound_class is not SoundClass.RINGING:
        return
    evidence.hear(second("r"))
    after = settle(evidence)
    assert after.outcome is before.outcome
    assert after.confidence >= before.confidence - 1e-12


@given(timelines(max_size=30), st.lists(tones(most_seconds=30)), st.integers(1, 6))
def test_leading_silence_changes_nothing_but_the_time(
    timeline: str, told: list[ToneEvent], pause: int
) -> None:
    before = settle(heard(timeline, told))
    later = [replace(tone, at=tone.at + pause, since=tone.since + pause) for tone in told]
    after = settle(heard(pause * "." + timeline, later))
    if before.outcome not in (Outcome.SILENCE, Outcome.UNKNOWN):
        assert (after.outcome, after.confidence) == (before.outcome, before.confidence)
    assert after.final == before.final
    if before.final_at is not None:
        assert after.final_at == pytest.approx(before.final_at + pause)


@given(timelines(max_size=8), st.lists(tones(most_seconds=9), max_size=4), st.floats(0.0, 10.0))
def test_how_it_was_batched_changes_nothing(timeline: str, told: list[ToneEvent], cut: float) -> None:
    seconds = [second(letter, float(at)) for at, letter in enumerate(timeline)]
    cut_up = evidence_of("")
    batches: tuple[tuple[list[HeardSecond], list[ToneEvent]], ...] = (
        ([s for s in seconds if s.at + 387 / 8000 <= cut - 1.0], [t for t in told if t.at <= cut]),
        ([s for s in seconds if s.at + 387 / 8000 > cut - 1.0], [t for t in told if t.at > cut]),
    )
    for some_seconds, some_tones in batches:
        for each in in_order(some_seconds, sorted(some_tones, key=lambda tone: tone.at)):
            cut_up.take_in(each)
    assert settle(heard(timeline, told)) == settle(cut_up)
