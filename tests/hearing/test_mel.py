"""Mel bands as librosa makes them."""

import numpy as np
import pytest

from agent.hearing.mel import (
    FLOOR_DB,
    HIGHEST_HZ,
    LOWEST_HZ,
    MEL_BANDS,
    decibels,
    hz_to_mel,
    log_mel,
    mel_filters,
    mel_to_hz,
)
from agent.hearing.pcm import SAMPLE_RATE
from agent.hearing.spectrogram import BINS, FRAME_SIZE


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_filters_equal_librosas() -> None:
    import librosa

    reference = librosa.filters.mel(
        sr=SAMPLE_RATE, n_fft=FRAME_SIZE, n_mels=MEL_BANDS, fmin=LOWEST_HZ, fmax=HIGHEST_HZ, norm=None
    )
    np.testing.assert_allclose(mel_filters(), reference, atol=1e-6)


def test_every_band_hears_something() -> None:
    assert mel_filters().shape == (MEL_BANDS, BINS)
    assert np.all(mel_filters().sum(axis=1) > 0.5)


def test_the_scale_can_be_undone() -> None:
    hz = np.linspace(0, 4000, 101)
    np.testing.assert_allclose(mel_to_hz(hz_to_mel(hz)), hz, atol=1e-9)


def test_silence_lies_on_the_floor() -> None:
    assert np.all(log_mel(np.zeros((3, BINS), np.float32)) == FLOOR_DB)


def test_ten_times_the_power_is_ten_decibels() -> None:
    assert decibels(np.array([0.01, 0.1], np.float32)) == pytest.approx([-20, -10])
