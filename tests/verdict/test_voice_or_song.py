"""Odds of a voice against a song."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.verdict.voice_or_song import VoiceOrSong, bits_of

SHARES = st.floats(0.0, 1.0)
TOLD = st.lists(st.floats(-6.0, 6.0), max_size=60)


def odds_of(*bits: float) -> VoiceOrSong:
    odds = VoiceOrSong(novelty=0.7)
    for each in bits:
        odds.hear(each)
    return odds


@pytest.mark.parametrize(
    ("p_speech", "p_music", "bits"),
    [
        (0.9, 0.1, 3.17),
        (0.6, 0.4, 0.58),
        (0.4, 0.6, -0.58),
        (0.1, 0.9, -3.17),
        (1.0, 0.0, 6.0),
        (0.0, 1.0, -6.0),
    ],
)
def test_a_second_tells_by_how_much_likelier_it_is(p_speech: float, p_music: float, bits: float) -> None:
    assert bits_of(p_speech, p_music) == pytest.approx(bits, abs=0.01)


@given(SHARES, SHARES)
def test_the_likelier_one_is_never_made_less_likely(p_speech: float, p_music: float) -> None:
    bits = bits_of(p_speech, p_music)
    assert bits >= 0.0 if p_speech >= p_music else bits <= 0.0


def test_what_is_not_clearly_a_song_is_a_voice() -> None:
    assert odds_of(*(bits_of(0.5, 0.5) for _ in range(20))).voice > 0.5


def test_a_song_is_one_after_a_clear_second_or_two() -> None:
    assert odds_of(-6.0).voice < 0.5
    assert odds_of(*(2 * [bits_of(0.2, 0.8)])).voice < 0.5


def test_the_announcement_after_a_song_of_an_hour_is_believed_after_two_seconds() -> None:
    assert odds_of(*(3600 * [-6.0]), 6.0, 6.0).voice > 0.8


def test_what_is_heard_as_a_voice_again_and_again_and_never_for_long_is_a_song() -> None:
    now_and_then = [4.0, 3.0, 2.0, -0.5]
    chances = [odds_of(*(times * now_and_then), 6.0, 6.0).voice for times in range(6)]
    assert chances == sorted(chances, reverse=True)
    assert chances[1] > 0.95
    assert chances[5] < 0.5


def test_how_often_it_wavered_is_forgotten_within_minutes() -> None:
    wavering = 10 * [4.0, -0.5]
    assert odds_of(*wavering, *(5 * [6.0])).voice < 0.5
    assert odds_of(*wavering, *(120 * [6.0])).voice > 0.95


def test_another_sound_between_makes_it_open_again() -> None:
    odds = odds_of(-6.0, -6.0)
    odds.fade(1.0)
    assert odds.bits == odds_of().bits


@given(TOLD, st.floats(0.0, 6.0))
def test_more_that_tells_for_a_voice_never_makes_it_less_sure(told: list[float], more: float) -> None:
    assert odds_of(*told, more).voice >= odds_of(*told).voice
    assert odds_of(*told, -more).voice <= odds_of(*told).voice
