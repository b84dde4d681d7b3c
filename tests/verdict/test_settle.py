"""The rules that every verdict keeps."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.hearing.sound import HeardSecond, Sound
from agent.hearing.tone_table import ToneKind
from agent.verdict.evidence import Evidence
from agent.verdict.outcome import Outcome, SoundClass
from agent.verdict.settle import Verdict, settle, settle_each
from agent.verdict.settling import Settling
from tests.verdict.heard import evidence_of, second, seconds, timelines, tone

OUTCOME_OF = {"r": Outcome.RINGING, "m": Outcome.MUSIC, "s": Outcome.ANNOUNCEMENT, ".": Outcome.SILENCE}


def verdict_of(timeline: str) -> Verdict:
    return settle(evidence_of(timeline))


@pytest.mark.parametrize(
    ("timeline", "outcome"),
    [
        ("", Outcome.UNKNOWN),
        ("r....r....r....", Outcome.RINGING),
        (".....r....", Outcome.RINGING),
        ("r" + 40 * ".", Outcome.RINGING),
        ("mmmmmm", Outcome.MUSIC),
        ("mm.m..mmm", Outcome.MUSIC),
        (15 * ".", Outcome.SILENCE),
        ("ssssss", Outcome.ANNOUNCEMENT),
        ("......ssss", Outcome.ANNOUNCEMENT),
        ("r....r....ssssss", Outcome.ANNOUNCEMENT),
        (12 * "r...." + "sssss", Outcome.ANNOUNCEMENT),
        ("rrrrmmmmm", Outcome.MUSIC),
        ("r..r..s..r..r", Outcome.RINGING),
    ],
)
def test_a_call_is_judged_by_its_course(timeline: str, outcome: Outcome) -> None:
    assert verdict_of(timeline).outcome is outcome


def test_an_announcement_after_ringing_is_final_while_a_vote_would_still_say_silence() -> None:
    verdict = verdict_of("r....r....r....r....ssssss")
    assert (verdict.outcome, verdict.final) == (Outcome.ANNOUNCEMENT, True)
    assert verdict.final_at is not None
    assert 23 <= verdict.final_at <= 26


def test_every_verdict_of_a_call_stands_beside_what_it_was_told_by() -> None:
    course = [second(letter, at) for at, letter in enumerate("...")]
    busy = tone(ToneKind.BUSY, at=2.03)  # before the second that ends at 2.0 is known, at 2.048
    told = list(settle_each(evidence_of(""), course, [busy]))
    assert [heard for heard, _ in told] == [course[0], busy, course[1], course[2]]
    before, *after = (verdict for _, verdict in told)
    assert before.outcome is Outcome.UNKNOWN
    assert {(verdict.outcome, verdict.final_at) for verdict in after} == {(Outcome.BUSY, 2.03)}


def test_what_may_be_anything_is_unknown() -> None:
    evidence = evidence_of("")
    for _ in range(3):
        evidence.hear(HeardSecond(0.0, (0.34, 0.33, 0.32, 0.01)))
        assert settle(evidence).outcome is Outcome.UNKNOWN


def test_what_only_may_be_speech_is_never_final() -> None:
    evidence = evidence_of("")
    for _ in range(60):
        evidence.hear(second("s", sure=0.6))
    verdict = settle(evidence)
    assert (verdict.outcome, verdict.final) == (Outcome.ANNOUNCEMENT, False)


def test_an_announcement_that_becomes_clear_is_final() -> None:
    evidence = evidence_of("")
    for _ in range(3):
        evidence.hear(second("s", sure=0.7))
    assert not settle(evidence).final
    for _ in range(6):
        evidence.hear(second("s", sure=0.99))
    assert settle(evidence).final


def test_an_announcement_that_is_not_final_is_less_sure_than_one_that_is() -> None:
    evidence = evidence_of("")
    for _ in range(30):
        evidence.hear(second("s", sure=0.7))
    verdict = settle(evidence)
    assert (verdict.final, verdict.confidence) == (False, evidence.settling.announcement_confidence)


def test_what_is_heard_as_now_this_now_that_is_no_announcement() -> None:
    evidence = evidence_of("")
    for letter in 20 * "sm":
        evidence.hear(second(letter, sure=0.8))
        assert not settle(evidence).final


def test_a_strange_voice_is_an_announcement_although_some_of_it_sounds_like_a_song() -> None:
    evidence = evidence_of("")
    for letter in 2 * "ssm":
        evidence.hear(second(letter, sure=0.85 if letter == "s" else 0.5))
        assert settle(evidence).outcome is Outcome.ANNOUNCEMENT


def test_a_singer_is_no_announcement_while_the_song_is_clearer() -> None:
    evidence = evidence_of("mm")
    for letter in 6 * "sm":
        evidence.hear(second(letter, sure=0.6 if letter == "s" else 0.95))
        assert settle(evidence).outcome is Outcome.MUSIC


def test_an_announcement_over_a_songs_last_chord_is_one_once_it_is_clear() -> None:
    assert verdict_of("mmmmmmsmssssss").outcome is Outcome.ANNOUNCEMENT


def test_what_only_sounds_like_a_tone_is_not_surely_ringing() -> None:
    verdict = verdict_of(30 * "r")
    assert verdict.outcome is Outcome.RINGING
    assert verdict.confidence == Settling().unnamed_tone_confidence


def test_what_stood_at_the_end_is_final() -> None:
    evidence = evidence_of("..r....r..")
    evidence.end()
    verdict = settle(evidence)
    assert (verdict.outcome, verdict.final, verdict.final_at) == (Outcome.RINGING, True, 10.0)


def test_the_answer_outdoes_everything() -> None:
    evidence = evidence_of("ssssss")
    evidence.answer()
    verdict = settle(evidence)
    assert (verdict.outcome, verdict.confidence, verdict.final) == (Outcome.ANSWERED, 1.0, True)
    assert verdict.sound_class is SoundClass.NONE


def test_a_fork_that_gets_no_early_media_says_so() -> None:
    evidence = Evidence()
    evidence.ring()
    evidence.end()
    verdict = settle(evidence)
    assert (verdict.outcome, verdict.confidence, verdict.evidence) == (
        Outcome.UNKNOWN,
        0.0,
        "180 without early media",
    )


def test_early_media_without_audio_is_no_audio_after_a_while() -> None:
    evidence = Evidence(Settling(no_audio_seconds=4.0))
    evidence.early_media()
    evidence.tap()
    evidence.waited(3.9)
    assert settle(evidence).outcome is Outcome.UNKNOWN
    evidence.waited(4.1)
    assert settle(evidence).outcome is Outcome.NO_AUDIO
    sure = settle(evidence).confidence
    evidence.waited(9.0)
    assert settle(evidence).confidence > sure
    for _ in range(2):
        evidence.hear(second("r"))
    assert settle(evidence).outcome is Outcome.RINGING


def test_a_call_that_nobody_tapped_is_not_called_silent() -> None:
    evidence = Evidence()
    evidence.early_media()
    evidence.waited(30.0)
    assert settle(evidence).outcome is Outcome.UNKNOWN


def test_the_evidence_is_said_in_words() -> None:
    assert verdict_of("r..!ss").evidence == "5 s heard: 1 ringing, 2 speech, 2 silence; audio lost once"


@given(st.lists(seconds(), max_size=60))
def test_confidence_and_class_are_always_sound(heard: list[HeardSecond]) -> None:
    evidence = Evidence()
    for each in heard:
        evidence.hear(each)
        verdict = settle(evidence)
        assert 0.0 <= verdict.confidence <= 1.0
        assert verdict.final == (verdict.final_at is not None)
        if verdict.outcome is not Outcome.UNKNOWN:
            assert verdict.confidence >= evidence.settling.abstain_below


@given(st.lists(seconds(), max_size=60))
def test_nothing_but_an_announcement_is_final_while_the_early_media_goes_on(heard: list[HeardSecond]) -> None:
    evidence = Evidence()
    for each in heard:
        evidence.hear(each)
        verdict = settle(evidence)
        assert not verdict.final or verdict.outcome is Outcome.ANNOUNCEMENT


@given(timelines(letters="rm.", max_size=120))
def test_a_call_that_rings_or_plays_a_song_is_never_ended(timeline: str) -> None:
    evidence = Evidence()
    for letter in timeline:
        evidence.hear(second(letter))
        verdict = settle(evidence)
        assert not verdict.final
        assert verdict.outcome is not Outcome.ANNOUNCEMENT


@given(timelines(), st.lists(seconds(), max_size=20))
def test_a_final_verdict_stays(timeline: str, more: list[HeardSecond]) -> None:
    evidence = evidence_of(timeline + 60 * "s")  # whatever wavered before is forgotten by then
    before = settle(evidence)
    assert before.final
    for each in more:
        evidence.hear(each)
    after = settle(evidence)
    assert (after.outcome, after.confidence, after.final_at) == (
        before.outcome,
        before.confidence,
        before.final_at,
    )


@given(timelines(), st.sampled_from("rsm."), st.data())
def test_more_of_the_same_kind_never_makes_it_less_sure(
    timeline: str, letter: str, data: st.DataObject
) -> None:
    sounds = {"r": Sound.RINGING, "s": Sound.SPEECH, "m": Sound.MUSIC, ".": Sound.SILENCE}
    evidence = evidence_of(timeline)
    before = settle(evidence)
    if before.outcome is not OUTCOME_OF[letter]:
        return
    evidence.hear(data.draw(seconds(sounds[letter])))
    after = settle(evidence)
    assert after.outcome is before.outcome
    assert after.confidence >= before.confidence - 1e-12


@given(timelines(min_size=1), st.integers(1, 30))
def test_silence_inside_a_cadence_belongs_to_the_tone(timeline: str, pause: int) -> None:
    before = verdict_of(timeline)
    if before.outcome in (Outcome.SILENCE, Outcome.UNKNOWN):
        return
    after = verdict_of(timeline + pause * ".")
    assert (after.outcome, after.confidence) == (before.outcome, before.confidence)


@given(timelines(), st.integers(1, 30))
def test_leading_silence_changes_nothing_but_the_time(timeline: str, pause: int) -> None:
    after, before = verdict_of(pause * "." + timeline), verdict_of(timeline)
    if before.outcome in (Outcome.RINGING, Outcome.MUSIC, Outcome.ANNOUNCEMENT):
        assert (after.outcome, after.confidence) == (before.outcome, before.confidence)
    assert after.final == before.final
    if before.final_at is not None:
        assert after.final_at == before.final_at + pause


@given(timelines(letters="rm.", max_size=120))
def test_an_announcement_is_heard_out_whatever_came_before_it(timeline: str) -> None:
    verdict = verdict_of(timeline + 8 * "s")
    assert (verdict.outcome, verdict.final) == (Outcome.ANNOUNCEMENT, True)
    assert verdict.final_at is not None
    assert verdict.final_at <= len(timeline) + 6


@given(timelines())
def test_reading_the_verdict_changes_nothing(timeline: str) -> None:
    asked, unasked = evidence_of(""), evidence_of(timeline)
    for letter in timeline:
        asked.hear(second(letter))
        settle(asked)
    assert settle(asked) == settle(unasked)


def test_a_second_costs_the_same_however_long_the_call() -> None:
    def cost(evidence: Evidence) -> float:
        best = float("inf")
        for _ in range(20):
            began = time.perf_counter()
            for _ in range(50):
                evidence.hear(second("r"))
                settle(evidence)
            best = min(best, time.perf_counter() - began)
        return best

    assert cost(evidence_of(20_000 * "r")) < 3 * cost(evidence_of("r"))
