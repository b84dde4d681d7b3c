"""Shares of votes become probabilities, and the verdict stays."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from pydantic import ValidationError

from agent.hearing.calibration import Calibration


def test_a_low_temperature_makes_it_surer_and_a_high_one_less_sure() -> None:
    shares = np.array([[0.6, 0.2, 0.1, 0.1]])
    low, plain, high = (Calibration(temperature=t).apply(shares).max() for t in (0.5, 1.0, 2.0))
    assert high < plain < low
    assert plain == pytest.approx(0.6, abs=0.005)


@given(
    weights=arrays(float, (3, 4), elements=st.floats(0, 1)).filter(lambda w: (w.sum(axis=1) > 1e-3).all()),
    temperature=st.floats(1e-3, 1e3),
)
def test_rows_stay_probabilities_in_the_same_order(weights: NDArray[np.float64], temperature: float) -> None:
    shares = weights / weights.sum(axis=1, keepdims=True)
    p = Calibration(temperature=temperature).apply(shares)
    assert np.isfinite(p).all()
    np.testing.assert_allclose(p.sum(axis=1), 1)
    rows = np.arange(3)
    np.testing.assert_allclose(p[rows, shares.argmax(axis=1)], p.max(axis=1))


def test_no_rows_give_no_probabilities() -> None:
    assert Calibration(temperature=0.4).apply(np.zeros((0, 4))).shape == (0, 4)


@pytest.mark.parametrize("temperature", [0, -1, float("nan"), float("inf")])
def test_what_is_no_temperature_is_refused(temperature: float) -> None:
    with pytest.raises(ValidationError):
        Calibration(temperature=temperature)
