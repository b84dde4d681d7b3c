"""Evidence is what a call has told, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.hearing.sound import SOUNDS, HeardSecond
from agent.verdict.evidence import Evidence
from tests.verdict.heard import evidence_of, second, seconds, timelines


def test_the_timeline_reads_like_the_call() -> None:
    assert evidence_of("..r....r.!sss").timeline == "..r....r.!sss"


def test_lost_audio_is_counted() -> None:
    assert evidence_of("r!r..!.").gaps == 2


def test_a_weight_is_a_number_of_fully_sure_seconds() -> None:
    evidence = Evidence()
    evidence.hear(HeardSecond(0.0, (1.0, 0.0, 0.0, 0.0)))
    evidence.hear(HeardSecond(1.0, (0.75, 0.25, 0.0, 0.0)))
    assert evidence.tones == 1.5


def test_that_voice_or_song_is_open_makes_it_no_less_sure_that_no_tone_is_heard() -> None:
    evidence = Evidence()
    before = evidence.odds.bits
    evidence.hear(HeardSecond(0.0, (0.0, 0.6, 0.4, 0.0)))
    assert (evidence.programme, evidence.odds.bits) == (1.0, before)


def test_a_contrary_second_takes_earlier_evidence_away() -> None:
    evidence = evidence_of("rr")
    before = evidence.tones
    evidence.hear(HeardSecond(2.0, (0.0, 1.0, 0.0, 0.0)))
    assert evidence.tones == pytest.approx(before * (1 - evidence.settling.contradiction))


def test_silence_takes_nothing_away() -> None:
    assert evidence_of("rr" + 30 * ".").tones == evidence_of("rr").tones


def test_an_hour_of_ringing_weighs_no_more_than_the_memory_holds() -> None:
    evidence = evidence_of(3600 * "r")
    assert evidence.tones == evidence.settling.memory_seconds


def test_pauses_do_not_interrupt_speech() -> None:
    assert evidence_of("s.s..").speech_run == 2


@pytest.mark.parametrize("interruption", ["r", "m", "!"])
def test_another_sound_or_a_gap_starts_the_count_anew(interruption: str) -> None:
    assert evidence_of(f"ss{interruption}s").speech_run == 1


@pytest.mark.parametrize("close", [Evidence.answer, Evidence.end])
def test_nothing_counts_after_the_end(close: object) -> None:
    evidence = evidence_of("rr")
    assert callable(close)
    close(evidence)
    evidence.hear(second("s"))
    evidence.waited(9.0)
    evidence.answer()
    evidence.end()
    assert (evidence.timeline, evidence.seconds_without_audio, evidence.final_at) == ("rr", 0.0, 2.0)
    assert evidence.answered != evidence.ended


def test_waiting_ends_with_the_first_audio() -> None:
    evidence = evidence_of("r")
    evidence.waited(3.0)
    assert evidence.seconds_without_audio == 0.0


@given(st.lists(seconds(), max_size=40))
def test_beliefs_are_shares_of_one(heard: list[HeardSecond]) -> None:
    evidence = Evidence()
    for each in heard:
        evidence.hear(each)
    beliefs = [evidence.belief(sound) for sound in SOUNDS]
    assert all(0.0 <= belief <= 1.0 for belief in beliefs)
    assert sum(beliefs) <= 1.0 + 1e-12


@given(st.lists(seconds(), max_size=40), st.data())
def test_more_of_a_sound_never_lowers_the_belief_in_it(heard: list[HeardSecond], data: st.DataObject) -> None:
    evidence = Evidence()
    for each in heard:
        evidence.hear(each)
    sound = data.draw(st.sampled_from(SOUNDS))
    before = evidence.belief(sound)
    evidence.hear(data.draw(seconds(sound)))
    assert evidence.belief(sound) >= before - 1e-12


@given(timelines())
def test_seconds_are_counted_once(timeline: str) -> None:
    evidence = evidence_of(timeline)
    assert evidence.seconds_heard == len(timeline) == sum(evidence.seconds_of.values())
