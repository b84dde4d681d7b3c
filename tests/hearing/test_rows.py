"""A frame becomes a row that remembers what matters of it."""

import numpy as np
import pytest

from agent.hearing.mel import MEL_BANDS, log_mel
from agent.hearing.pcm import SAMPLE_RATE
from agent.hearing.rows import (
    LEVEL,
    PEAK,
    PEAK_HZ,
    ROW_WIDTH,
    SECOND,
    SECOND_HZ,
    SILENT_ROWS,
    Rows,
    frame_rows,
    is_silent,
)
from agent.hearing.spectrogram import BINS, FRAMES_PER_SECOND, LOOKAHEAD, power_spectrogram

TIME = np.arange(SAMPLE_RATE + LOOKAHEAD) / SAMPLE_RATE


def rows_of(*partials: tuple[float, float]) -> Rows:
    """Rows of a sound with these (frequency in Hz, amplitude)."""
    sound = sum((a * np.sin(2 * np.pi * hz * TIME) for hz, a in partials), np.zeros(TIME.size))
    return frame_rows(power_spectrogram(sound.astype(np.float32)))


def test_a_row_says_where_the_strongest_peak_is_and_how_much_it_holds() -> None:
    rows = rows_of((950, 0.5), (1800, 0.05))
    assert rows.shape == (FRAMES_PER_SECOND, ROW_WIDTH)
    np.testing.assert_allclose(rows[:, LEVEL], -9.0, atol=0.2)
    np.testing.assert_allclose(rows[:, PEAK], 1 / 1.01, atol=0.005)
    np.testing.assert_allclose(rows[:, PEAK_HZ], 950, atol=2)
    np.testing.assert_allclose(rows[:, SECOND], 0.01 / 1.01, atol=0.002)
    np.testing.assert_allclose(rows[:, SECOND_HZ], 1800, atol=4)


def test_a_beating_pair_is_one_peak() -> None:
    rows = rows_of((440, 0.3), (480, 0.3))
    assert np.all(rows[:, PEAK] > 0.95)
    assert np.median(rows[:, PEAK_HZ]) == pytest.approx(460, abs=3)


@pytest.mark.parametrize("hz", [210.0, 3590.0])
def test_peaks_are_found_up_to_the_edges_of_the_band(hz: float) -> None:
    assert np.median(rows_of((hz, 0.3))[:, PEAK_HZ]) == pytest.approx(hz, abs=10)


def test_bands_stand_in_the_row_as_they_are() -> None:
    spectra = np.random.default_rng(0).random((5, BINS), np.float32)
    np.testing.assert_array_equal(frame_rows(spectra)[:, :MEL_BANDS], log_mel(spectra))


def test_the_spectrum_is_left_as_it_was() -> None:
    spectra = np.random.default_rng(0).random((5, BINS), np.float32)
    before = spectra.copy()
    frame_rows(spectra)
    np.testing.assert_array_equal(spectra, before)


def test_no_frames_give_no_rows() -> None:
    assert frame_rows(np.zeros((0, BINS), np.float32)).shape == (0, ROW_WIDTH)


def test_digital_silence_is_known_from_the_softest_sound() -> None:
    samples = np.zeros(SAMPLE_RATE + LOOKAHEAD, np.float32)
    assert is_silent(frame_rows(power_spectrogram(samples)))
    np.testing.assert_array_equal(frame_rows(power_spectrogram(samples)), SILENT_ROWS)
    for place in (0, SAMPLE_RATE // 2, SAMPLE_RATE):
        softest = samples.copy()
        softest[place + 10] = 2.0**-15
        assert not is_silent(frame_rows(power_spectrogram(softest)))
