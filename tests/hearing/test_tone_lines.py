"""The frequencies of a tone from its mean spectrum."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from agent.hearing.pcm import Samples
from agent.hearing.spectrogram import power_spectrogram
from agent.hearing.tone_lines import END_BIN, FIRST_BIN, Lines, find_lines, kept_bins
from tests.hearing.tone_sounds import noise, tone


def spectrum(samples: Samples) -> NDArray[np.float64]:
    mean: NDArray[np.float64] = kept_bins(power_spectrogram(samples)).mean(axis=0, dtype=np.float64)
    return mean


def lines_of(spectrum: NDArray[np.float64]) -> Lines:
    (lines,) = find_lines(spectrum[np.newaxis])
    return lines


@given(hz=st.floats(300, 2250))
def test_a_sine_is_found_to_a_hertz(hz: float) -> None:
    lines = lines_of(spectrum(tone(0.5, hz)))
    assert lines.hz == pytest.approx((hz,), abs=1.0)
    assert lines.width_hz < 6
    assert lines.share > 0.99


@pytest.mark.parametrize("hz", [(350, 440), (440, 480), (480, 620), (400, 450), (383.3, 416.7)])
def test_a_pair_is_resolved_over_a_second(hz: tuple[float, float]) -> None:
    for samples in (tone(1, *hz), tone(1, *hz) + noise(1, 0.1 * 10 ** (-15 / 20))):
        assert lines_of(spectrum(samples)).hz == pytest.approx(hz, rel=0.01)


def test_what_cannot_be_resolved_is_wide_and_lies_between() -> None:
    lines = lines_of(spectrum(tone(1, 400, 425)))
    assert len(lines.hz) == 1
    assert 405 < lines.hz[0] < 420
    assert lines.width_hz > 9


def test_what_an_overdriven_line_adds_is_no_frequency() -> None:
    clipped = np.tanh(30 * tone(1, 425)).astype(np.float32)
    assert lines_of(spectrum(clipped)).hz == pytest.approx((425,), abs=1)
    pair = np.tanh(15 * tone(1, 480, 620)).astype(np.float32)
    assert lines_of(spectrum(pair)).hz == pytest.approx((480, 620), abs=1.5)


def test_noise_has_no_lines_that_hold_its_power() -> None:
    assert lines_of(spectrum(noise(2, 0.1))).share < 0.4


@given(st.lists(st.floats(0, 1e6), min_size=END_BIN - FIRST_BIN, max_size=END_BIN - FIRST_BIN))
def test_any_spectrum_has_one_to_three_lines(values: list[float]) -> None:
    values[7] += 1.0
    lines = lines_of(np.array(values))
    assert 1 <= len(lines.hz) <= 3
    assert list(lines.hz) == sorted(lines.hz)
    assert 0 <= lines.share <= 1.0001
    assert lines.width_hz >= 0
