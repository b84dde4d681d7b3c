"""What the network says with tones, from samples to events."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.hearing.rows import frame_rows
from agent.hearing.spectrogram import BINS, Framer, cut_frames, power_of
from agent.hearing.tone_lines import kept_bins
from agent.hearing.tone_table import ToneKind
from agent.hearing.tones import ToneEar, Tones
from tests.hearing.speech import speech
from tests.hearing.tone_sounds import EAR, events, noise, pause, sound, tone


def kinds(told: object) -> list[ToneKind]:
    return [event.kind for event in told]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("cadence", "seconds", "kind"),
    [
        ("425/1 -/4", 3, ToneKind.RINGING),
        ("400+450/0.4 -/0.2 400+450/0.4 -/2", 3, ToneKind.RINGING),
        ("440+480/2 -/4", 4, ToneKind.RINGING),
        ("425/0.48 -/0.48", 3, ToneKind.BUSY),
        ("480+620/0.5 -/0.5", 3, ToneKind.BUSY),
        ("480+620/0.25 -/0.25", 2, ToneKind.CONGESTION),
        ("400", 4, ToneKind.NUMBER_UNOBTAINABLE),
        ("350+440", 4, ToneKind.DIAL_TONE),
        ("425/0.4 -/0.04", 4, ToneKind.DIAL_TONE),
    ],
)
def test_a_tone_is_said_with_its_kind(cadence: str, seconds: float, kind: ToneKind) -> None:
    told = events(sound(cadence, seconds))
    assert kinds(told)[-1] is kind
    assert told[-1].since == pytest.approx(0.3, abs=0.05)
    assert told[-1].countries
    noisy = sound(cadence, seconds)
    assert kinds(events(noisy + noise(len(noisy) / 8000, 0.0125)))[-1] is kind


def test_ringing_is_said_soon_after_the_first_ring_and_busy_after_two_cycles() -> None:
    (ringing,) = events(sound("440+480/2 -/4", 5))
    assert 2.3 < ringing.at < 2.8
    busy = events(sound("425/0.5 -/0.5", 4))[0]
    assert 2.3 < busy.at < 2.6


def test_a_tone_that_goes_on_is_said_again_every_other_second() -> None:
    told = events(sound("425/0.5 -/0.5", 14))
    assert set(kinds(told)) == {ToneKind.BUSY}
    assert told[-1].at > 12
    assert all(2.0 <= b.at - a.at <= 3.1 for a, b in itertools.pairwise(told) if b.confidence == a.confidence)


@pytest.mark.parametrize(
    ("cadence", "kind"),
    [
        ("425/0.2 -/0.2 425/0.2 -/0.6", ToneKind.NUMBER_UNOBTAINABLE),
        ("425/0.2 -/0.2 425/0.2 -/0.2 425/0.2 -/0.6", ToneKind.CONGESTION),
    ],
)
def test_what_begins_as_its_opposite_begins_is_read_until_it_is_clear(cadence: str, kind: ToneKind) -> None:
    for begun in (0.0, 0.3, 0.7):
        *_, last = events(sound(cadence, 6)[int(begun * 8000) :])
        assert last.kind is kind
        assert last.confidence > 0.9


def test_hum_in_the_pauses_is_no_tone_of_the_cadence() -> None:
    beeps = np.concatenate((pause(0.5), *[tone(0.5, 1100), pause(3)] * 2))
    hum = tone(len(beeps) / 8000, 250, 300, amplitude=0.01)
    assert kinds(events((beeps + hum).astype(np.float32))) == [ToneKind.FAX_OR_MODEM]


def test_an_overdriven_dial_tone_is_told_once_it_has_held_still() -> None:
    spoilt = tone(4, 350, 440) + tone(4, 800, 1150, 1250, 1700, 2050, amplitude=0.024)
    assert kinds(events(np.concatenate((pause(0.3), spoilt)))) == [ToneKind.DIAL_TONE]


def test_a_ring_that_becomes_busy_is_busy() -> None:
    told = events(np.concatenate((sound("425/1 -/4", 6.5), sound("425/0.5 -/0.5", 4, lead=0))))
    assert kinds(told)[0] is ToneKind.RINGING
    assert kinds(told)[-1] is ToneKind.BUSY


def test_a_ring_that_is_answered_by_speech_stays_ringing() -> None:
    babble = noise(3, 0.1) * np.repeat(np.abs(np.sin(np.arange(30))), 800).astype(np.float32)
    assert set(kinds(events(np.concatenate((sound("425/1 -/4", 5), babble))))) == {ToneKind.RINGING}


@pytest.mark.parametrize("gap", [0.0, 0.03])
@pytest.mark.parametrize("announced", [False, True])
def test_sit_is_said_within_300_ms_of_its_end(gap: float, announced: bool) -> None:
    segments = [tone(0.38, 985.2), pause(gap), tone(0.274, 1370.6), pause(gap), tone(0.38, 1776.7)]
    after = noise(1, 0.1) if announced else pause(1)
    whole = np.concatenate((pause(2), *segments, after))
    (told,) = events(whole)
    assert told.kind is ToneKind.SIT_VACANT
    assert told.at - (len(whole) - 8000) / 8000 < 0.3
    assert told.countries == ()


def test_a_fax_is_told_and_keys_and_beeps_are_not() -> None:
    assert kinds(events(np.concatenate((pause(0.5), tone(3, 2100))))) == [ToneKind.FAX_OR_MODEM]
    calling = [tone(0.5, 1100), pause(3), tone(0.5, 1100), pause(0.5)]
    assert kinds(events(np.concatenate(calling))) == [ToneKind.FAX_OR_MODEM]
    keys = [part for row in (697, 770, 852) for part in (tone(0.2, row, 1336), pause(0.2))]
    assert events(np.concatenate((*keys, pause(3)))) == []
    waiting = np.concatenate((pause(2), tone(0.2, 425), pause(0.2), tone(0.2, 425), pause(5)))
    assert events(waiting) == []
    for hz, seconds in ((440, 0.3), (425, 0.5), (400, 0.6)):
        assert events(np.concatenate((pause(2), tone(seconds, hz), pause(6)))) == []


def test_a_named_country_decides() -> None:
    italian = sound("425/0.2 -/0.2", 3)
    assert kinds(events(italian))[-1] is ToneKind.CONGESTION
    told = events(italian, country="IT")
    assert kinds(told)[-1] is ToneKind.BUSY
    assert told[-1].countries == ("IT",)


def test_a_busy_tone_that_begins_within_a_cycle_is_never_ringing() -> None:
    for began in (0.05, 0.12, 0.2):
        busy = sound("400/0.5 -/0.5", 4)[int(began * 8000) :]
        told = events(np.concatenate((pause(2.5), busy)))
        assert {event.kind for event in told} == {ToneKind.BUSY}


def test_a_voicemail_s_beep_is_no_ringing_phone() -> None:
    beep = np.concatenate((tone(0.8, 440), pause(3)))
    talk = speech(3, 3.0)
    assert kinds(events(np.concatenate((pause(1), beep)))) == [ToneKind.RINGING]
    assert events(np.concatenate((talk, beep))) == []
    assert kinds(events(np.concatenate((talk, pause(4), beep)))) == [ToneKind.RINGING]


def test_a_long_tone_with_gaps_is_told_from_a_steady_one_of_the_same_country() -> None:
    steady = events(sound("400", 8), country="ZW")
    gaps = events(sound("400/2.5 -/0.5", 9), country="ZW")
    assert {event.kind for event in steady} == {ToneKind.DIAL_TONE}
    assert {event.kind for event in gaps} == {ToneKind.NUMBER_UNOBTAINABLE}


def test_a_tone_of_the_named_country_is_not_outvoted_by_the_world() -> None:
    ring, busy = sound("425/1 -/4", 8), sound("425/0.165 -/0.165 425/0.165 -/0.33", 5)
    told = events(np.concatenate((ring, busy)), country="CZ")
    assert [event.kind for event in told if event.at > 8] == [ToneKind.BUSY] * sum(e.at > 8 for e in told)
    assert told[-1].kind is ToneKind.BUSY


def test_another_country_s_tone_on_a_named_trunk_is_told_with_less_trust() -> None:
    american = sound("480+620/0.5 -/0.5", 4)
    assert kinds(events(american, country="DE"))[-1] is ToneKind.BUSY
    assert events(american, country="DE")[-1].confidence < events(american)[-1].confidence


def test_no_cadence_goes_on_over_lost_audio() -> None:
    call, framer = Tones(), Framer()
    told = []
    for _ in range(3):
        frames = cut_frames([framer], [np.concatenate((tone(0.5, 425), pause(0.5)))])
        spectra = power_of(frames)
        told += EAR.listen([call], frames.counts, kept_bins(spectra), frame_rows(spectra))[0]
        call.mark_gap()
    assert told == []


def test_nobody_calls() -> None:
    nothing = np.zeros((0, BINS), np.float32)
    assert EAR.listen([], [], kept_bins(nothing), frame_rows(nothing)) == []


PLAYED = np.concatenate(
    (
        sound("425/1 -/4", 5.5),
        sound("480+620/0.25 -/0.25", 2, lead=0.0),
        noise(0.6, 0.1),
        tone(0.33, 950),
        tone(0.33, 1400),
        tone(0.33, 1800),
        pause(0.5),
    )
)
WHOLE = events(PLAYED)


@settings(max_examples=25)
@given(st.lists(st.integers(0, len(PLAYED)), max_size=12))
def test_any_cutting_into_ticks_gives_the_same_events(cuts: list[int]) -> None:
    assert len(WHOLE) >= 3
    assert events(PLAYED, cuts) == WHOLE


@settings(max_examples=25)
@given(seeds=st.lists(st.integers(0, 5), min_size=1, max_size=6), tick=st.integers(200, 4000))
def test_many_calls_at_once_hear_what_each_hears_alone(seeds: list[int], tick: int) -> None:
    sounds = [PLAYED[seed * 4000 : seed * 4000 + 24000] for seed in seeds]
    calls, framers = [Tones() for _ in sounds], [Framer() for _ in sounds]
    together: list[list[object]] = [[] for _ in sounds]
    for start in range(0, 24000, tick):
        frames = cut_frames(framers, [samples[start : start + tick] for samples in sounds])
        spectra = power_of(frames)
        heard = EAR.listen(calls, frames.counts, kept_bins(spectra), frame_rows(spectra))
        for told, new in zip(together, heard, strict=True):
            told += new
    assert together == [events(samples) for samples in sounds]


@settings(max_examples=30)
@given(seed=st.integers(0, 2**32 - 1), frames=st.integers(0, 200), scale=st.floats(-80, 10))
def test_any_powers_are_heard_without_an_error(seed: int, frames: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    spectra = (rng.random((frames, BINS)) ** rng.integers(1, 40) * 10 ** (scale / 10)).astype(np.float32)
    for event in ToneEar.listen(EAR, [Tones()], [frames], kept_bins(spectra), frame_rows(spectra))[0]:
        assert 0 < event.confidence <= 1
