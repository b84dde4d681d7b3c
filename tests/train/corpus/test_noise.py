"""Noise is as loud as it is asked to be, and never speaks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.hearing.pcm import SAMPLE_RATE
from agent.train.corpus.channel import level_db
from agent.train.corpus.noise import Noise, make_noise


@pytest.mark.parametrize("kind", [kind for kind in Noise if kind not in (Noise.NOTHING, Noise.IDLE)])
def test_every_noise_has_the_level_asked_for(kind: Noise) -> None:
    assert level_db(make_noise(kind, SAMPLE_RATE, -50.0, np.random.default_rng(1))) == pytest.approx(
        -50, abs=0.01
    )


def test_an_idle_line_moves_by_a_step_or_two() -> None:
    idle = make_noise(Noise.IDLE, SAMPLE_RATE, 0.0, np.random.default_rng(1))
    assert 0 < np.abs(idle).max() <= 8 / 32768


def test_nothing_is_nothing() -> None:
    assert not make_noise(Noise.NOTHING, SAMPLE_RATE, -30.0, np.random.default_rng(1)).any()


@given(kind=st.sampled_from(Noise), samples=st.integers(1, 20_000), seed=st.integers(0, 2**32 - 1))
def test_any_length_can_be_made_and_again(kind: Noise, samples: int, seed: int) -> None:
    made = make_noise(kind, samples, -40.0, np.random.default_rng(seed))
    assert made.shape == (samples,)
    assert made.dtype == np.float32
    assert np.isfinite(made).all()
    np.testing.assert_array_equal(make_noise(kind, samples, -40.0, np.random.default_rng(seed)), made)
