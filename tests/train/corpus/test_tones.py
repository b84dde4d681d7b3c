"""Tones sound as exchanges sound them, and those that can sound the same belong together."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.hearing.pcm import SAMPLE_RATE
from agent.train.corpus.tones import (
    Chord,
    Pattern,
    Step,
    Tolerance,
    alike,
    group_patterns,
    invent_pattern,
    sound_pattern,
)

PAUSE = Chord()
OFF = Tolerance(pitch=0.02, time=0.1)
EXACT = Tolerance(0.0, 0.0)
RINGING = Pattern((), (Step(Chord((425.0,)), 1.0), Step(PAUSE, 4.0)))


def test_patterns_that_can_sound_the_same_are_one_group() -> None:
    near = Pattern((), (Step(Chord((430.0,)), 1.1), Step(PAUSE, 3.8)))
    far = Pattern((), (Step(Chord((480.0,)), 1.0), Step(PAUSE, 4.0)))
    fast = Pattern((), (Step(Chord((425.0,)), 0.5), Step(PAUSE, 0.5)))
    assert alike(RINGING, near, OFF)
    assert not alike(RINGING, far, OFF)
    assert not alike(RINGING, fast, OFF)
    assert sorted(len(group) for group in group_patterns([RINGING, near, far, fast], OFF)) == [1, 1, 2]


def test_a_chain_of_likenesses_joins_groups() -> None:
    chain = [Pattern((), (Step(Chord((hz,)), 1.0),)) for hz in (400.0, 425.0, 412.0)]
    assert len(group_patterns(chain, OFF)) == 1


def test_a_cadence_sounds_when_it_says() -> None:
    rng = np.random.default_rng(0)
    share = [sound_pattern(RINGING, 20 * SAMPLE_RATE, rng, OFF)[1].mean() for _ in range(20)]
    assert 0.15 < np.mean(share) < 0.3
    assert np.std(share) > 0


def test_a_tone_has_the_pitch_it_says() -> None:
    steady = Pattern((), (Step(Chord((1000.0,)), math.inf),))
    sound, on = sound_pattern(steady, SAMPLE_RATE, np.random.default_rng(2), OFF)
    peak = int(np.abs(np.fft.rfft(sound)).argmax())
    assert on.all()
    assert abs(peak / 1000 - 1) <= 0.021


@given(seed=st.integers(0, 2**32 - 1), seconds=st.floats(0.01, 8))
def test_any_invented_tone_can_be_sounded(seed: int, seconds: float) -> None:
    rng = np.random.default_rng(seed)
    samples = int(seconds * SAMPLE_RATE)
    sound, on = sound_pattern(invent_pattern(rng), samples, rng, OFF)
    assert sound.shape == on.shape == (samples,)
    assert np.isfinite(sound).all()
    assert np.abs(sound).max() < 2


def test_without_tolerance_a_tone_is_what_it_says() -> None:
    assert not alike(RINGING, Pattern((), (Step(Chord((426.0,)), 1.0), Step(PAUSE, 4.0))), EXACT)
    sound, _ = sound_pattern(
        Pattern((), (Step(Chord((1000.0,)), math.inf),)), SAMPLE_RATE, np.random.default_rng(2), EXACT
    )
    assert int(np.abs(np.fft.rfft(sound)).argmax()) == 1000


def test_keyed_frequencies_join_without_a_click() -> None:
    keyed = Pattern((), (Step(Chord((1650.0,)), 0.01), Step(Chord((1850.0,)), 0.01)))
    sound, _ = sound_pattern(keyed, SAMPLE_RATE, np.random.default_rng(4), EXACT)
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(SAMPLE_RATE))) ** 2
    assert spectrum[1400:2100].sum() > 0.99 * spectrum.sum()


def test_an_answer_tone_turns_its_phase() -> None:
    turning = Pattern((), (Step(Chord((2100.0,), turns_s=0.45), math.inf),))
    plain = Pattern((), (Step(Chord((2100.0,)), math.inf),))
    carrier = [
        np.abs(np.fft.rfft(sound_pattern(pattern, SAMPLE_RATE, np.random.default_rng(0), EXACT)[0]))[2100]
        for pattern in (turning, plain)
    ]
    assert carrier[0] < 0.2 * carrier[1]


def test_a_modulated_tone_has_side_bands_of_its_depth() -> None:
    answer = Pattern((), (Step(Chord((2100.0,), modulated_by=15.0, depth=0.2), math.inf),))
    sound, _ = sound_pattern(answer, SAMPLE_RATE, np.random.default_rng(3), EXACT)
    spectrum = np.abs(np.fft.rfft(sound))
    assert spectrum[2115] / spectrum[2100] == pytest.approx(0.1, abs=0.01)
