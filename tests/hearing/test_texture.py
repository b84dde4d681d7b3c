"""Texture tells how bands move, whatever they hold."""

import numpy as np
from numpy.typing import NDArray

from agent.hearing.mel import MEL_BANDS
from agent.hearing.spectrogram import FRAMES_PER_SECOND
from agent.hearing.texture import Bands, texture

FRAMES = np.arange(FRAMES_PER_SECOND, dtype=np.float64)
ALWAYS = np.ones((1, FRAMES_PER_SECOND), np.float32)
RATES, TOGETHER, ATTACKS, FINE = slice(0, 15), slice(15, 19), slice(19, 32), slice(32, 39)


def measure(mel: NDArray[np.float64]) -> NDArray[np.float32]:
    measures: NDArray[np.float32] = texture(Bands.of(mel[np.newaxis].astype(np.float32)), ALWAYS)[0]
    return measures


def all_bands(envelope: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.repeat(envelope[:, np.newaxis], MEL_BANDS, axis=1) - 50


def test_syllables_move_at_their_rate() -> None:
    four_a_second = measure(all_bands(10 * np.sin(2 * np.pi * 4 * FRAMES / FRAMES_PER_SECOND)))
    np.testing.assert_allclose(four_a_second[RATES].reshape(3, 5), [[0, 1, 0, 0, 0]] * 3, atol=0.01)


def test_bands_that_move_as_one_are_together() -> None:
    together = measure(all_bands(10 * np.sin(FRAMES / 3.0)))
    apart = measure(np.random.default_rng(0).normal(0, 10, (FRAMES_PER_SECOND, MEL_BANDS)) - 50)
    assert np.all(together[TOGETHER] > 0.95)
    assert np.all(np.abs(apart[TOGETHER]) < 0.3)


def test_plucked_notes_rise_faster_than_they_fall() -> None:
    plucked = measure(all_bands(-(FRAMES % 16) * 2.0))
    swelled = measure(all_bands((FRAMES % 16) * 2.0))
    rises, skewness = plucked[ATTACKS][0:9:3], plucked[ATTACKS][1:9:3]
    assert np.all(rises > 0.7)
    assert np.all(skewness > 1)
    assert np.all(swelled[ATTACKS][0:9:3] < 0.3)
    assert np.all(swelled[ATTACKS][1:9:3] < -1)


def test_harmonics_that_stay_are_told_from_those_that_move() -> None:
    bands = np.arange(MEL_BANDS)
    standing = np.repeat(10 * np.cos(2 * np.pi * bands / 5)[np.newaxis], FRAMES_PER_SECOND, axis=0) - 50
    shifts = np.random.default_rng(0).uniform(0, 5, (FRAMES_PER_SECOND, 1))
    moving = 10 * np.cos(2 * np.pi * (bands[np.newaxis] - shifts) / 5) - 50
    still, moved = measure(standing)[FINE], measure(moving)[FINE]
    assert np.all(still[2:6] > 0.9)
    assert np.all(moved[2:6] < 0.5)
    assert still[6] > 3 * moved[6]


def test_a_still_second_moves_not_at_all() -> None:
    still = measure(np.full((FRAMES_PER_SECOND, MEL_BANDS), -60.0))
    assert np.isfinite(still).all()
    np.testing.assert_allclose(np.delete(still, FINE.start), 0, atol=0.01)
    assert still[FINE.start] < 0.5
