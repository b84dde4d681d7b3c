"""Mel bands: the power spectrum in steps of pitch as the ear takes them."""

import numpy as np
from numpy.typing import NDArray

from agent.hearing.pcm import SAMPLE_RATE
from agent.hearing.spectrogram import BIN_HZ, BINS, Power

MEL_BANDS = 64
LOWEST_HZ = 100.0
HIGHEST_HZ = 3800.0
FLOOR_DB = -90.0
"""What is quieter than this counts as nothing: a band of one 16-bit step lies at -90 dB."""

LogMel = NDArray[np.float32]
"""Log-mel spectra in dB relative to full scale, (frames, MEL_BANDS)."""

_FLOOR = np.float32(10 ** (FLOOR_DB / 10))
_DB_PER_NEPER = np.float32(10 / np.log(10))
"""Of power."""
_LINEAR_HZ_PER_MEL = 200.0 / 3
_BREAK_HZ = 1000.0
_LOG_STEP = np.log(6.4) / 27


def hz_to_mel(hz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Slaney's mel scale ("Auditory Toolbox", 1998): linear to 1 kHz, logarithmic above."""
    above = _BREAK_HZ / _LINEAR_HZ_PER_MEL + np.log(np.maximum(hz, _BREAK_HZ) / _BREAK_HZ) / _LOG_STEP
    return np.where(hz < _BREAK_HZ, hz / _LINEAR_HZ_PER_MEL, above)


def mel_to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    """Inverse of `hz_to_mel`."""
    break_mel = _BREAK_HZ / _LINEAR_HZ_PER_MEL
    above = _BREAK_HZ * np.exp(_LOG_STEP * (np.maximum(mel, break_mel) - break_mel))
    return np.where(mel < break_mel, mel * _LINEAR_HZ_PER_MEL, above)


def mel_filters() -> NDArray[np.float32]:
    """Triangular filters of height 1, (MEL_BANDS, BINS).

    Equal to `librosa.filters.mel(sr=8000, n_fft=512, n_mels=64, fmin=100, fmax=3800, norm=None)`.
    """
    edges = hz_to_mel(np.array([LOWEST_HZ, HIGHEST_HZ]))
    corners = mel_to_hz(np.linspace(edges[0], edges[1], MEL_BANDS + 2))
    distance = corners[:, np.newaxis] - np.arange(BINS) * BIN_HZ
    width = np.diff(corners)[:, np.newaxis]
    rising, falling = -distance[:-2] / width[:-1], distance[2:] / width[1:]
    return np.maximum(0.0, np.minimum(rising, falling)).astype(np.float32)


def _grouped() -> list[tuple[slice, slice, NDArray[np.float32]]]:
    """Return groups of neighbouring bands, the bins that reach into each, and the filters of these."""
    filters, groups = mel_filters(), []
    for first in range(0, MEL_BANDS, _GROUP):
        bands = slice(first, first + _GROUP)
        reaching = np.flatnonzero(filters[bands].any(axis=0))
        bins = slice(int(reaching[0]), int(reaching[-1]) + 1)
        groups.append((bands, bins, np.ascontiguousarray(filters[bands, bins].T)))
    return groups


_GROUP = 16
"""Bands that are made together: a third of the work that all bands with all bins are."""
_GROUPS = _grouped()
_TOGETHER = 8
"""Spectra in one product. BLAS adds up in another order where there are more: by its last bits, what a call
sounds like would then depend on how many others there are."""
assert SAMPLE_RATE / 2 >= HIGHEST_HZ


def log_mel(power: Power) -> LogMel:
    """Return the mel bands of power spectra in dB, (n, BINS) -> (n, MEL_BANDS), from FLOOR_DB up."""
    count = len(power)
    if over := count % _TOGETHER:
        power = np.concatenate((power, np.zeros((_TOGETHER - over, BINS), np.float32)))
    blocks = power.reshape(-1, _TOGETHER, BINS)
    result = np.empty((*blocks.shape[:2], MEL_BANDS), np.float32)
    for bands, bins, filters in _GROUPS:
        np.matmul(blocks[:, :, bins], filters, out=result[:, :, bands])
    return decibels(result.reshape(-1, MEL_BANDS)[:count])


def decibels(power: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return 10 log10 of any powers, from FLOOR_DB up."""
    result: NDArray[np.float32] = np.maximum(power, _FLOOR)
    np.log(result, out=result)  # a sixth of the time that numpy's log10 takes
    result *= _DB_PER_NEPER
    return result
