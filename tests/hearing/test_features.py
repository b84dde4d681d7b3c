"""One second becomes one row of numbers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from agent.hearing.features import FEATURES, Vectors, features
from agent.hearing.pcm import SAMPLE_RATE
from agent.hearing.rows import ROW_WIDTH, frame_rows
from agent.hearing.spectrogram import FRAMES_PER_SECOND, LOOKAHEAD, power_spectrogram

LENGTH = SAMPLE_RATE + LOOKAHEAD
TIME = np.arange(LENGTH) / SAMPLE_RATE


def vectors_of(*sounds: NDArray[np.float64]) -> Vectors:
    rows = [frame_rows(power_spectrogram(sound.astype(np.float32))) for sound in sounds]
    return features(np.stack(rows))


def test_vectors_do_not_depend_on_their_neighbours() -> None:
    sounds = [np.random.default_rng(seed).uniform(-1, 1, LENGTH) * 10.0**-seed for seed in range(5)]
    together = vectors_of(*sounds)
    alone = np.concatenate([vectors_of(sound) for sound in sounds])
    np.testing.assert_allclose(together, alone, rtol=1e-4, atol=1e-4)


def test_level_moves_few_numbers() -> None:
    sound = np.random.default_rng(1).uniform(-1, 1, LENGTH) * 0.5
    loud, soft = vectors_of(sound, sound * 0.25)
    moved = np.abs(loud - soft) > 0.05
    assert 1 <= moved.sum() <= 10
    np.testing.assert_allclose((loud - soft)[moved], 20 * np.log10(4), atol=0.1)


@given(
    seed=st.integers(0, 2**32 - 1),
    loudness=st.sampled_from([0.0, 1 / 32768, 1e-3, 0.1, 1.0]),
    sparse=st.sampled_from([1.0, 0.01, 0.0001]),
)
def test_any_sound_gives_finite_numbers(seed: int, loudness: float, sparse: float) -> None:
    rng = np.random.default_rng(seed)
    sound = rng.uniform(-1, 1, LENGTH) * loudness * (rng.random(LENGTH) < sparse)
    vectors = vectors_of(sound)
    assert vectors.shape == (1, FEATURES)
    assert vectors.dtype == np.float32
    assert np.isfinite(vectors).all()


@pytest.mark.parametrize("width", [1, 2, 7])
def test_the_size_of_a_batch_changes_not_a_bit(width: int) -> None:
    rng = np.random.default_rng(3)
    noises = [rng.uniform(-1, 1, LENGTH) * 10 ** rng.uniform(-3, 0) for _ in range(14)]
    whole = vectors_of(*noises)
    parts = [vectors_of(*noises[at : at + width]) for at in range(0, len(noises), width)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


@pytest.mark.parametrize("width", [1, 3, 64])
def test_a_batch_of_any_size_is_one_c_contiguous_array(width: int) -> None:
    vectors = features(np.zeros((width, FRAMES_PER_SECOND, ROW_WIDTH), np.float32))
    assert vectors.shape == (width, FEATURES)
    assert vectors.flags.c_contiguous
