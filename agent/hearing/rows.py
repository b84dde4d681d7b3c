"""A frame of the spectrogram as a row: what a second needs to remember of it.

A call that waits for its second to fill keeps 18 kB of rows and not 66 kB of whole spectra.
"""

import numpy as np
from numpy.typing import NDArray

from agent.hearing.mel import MEL_BANDS, decibels, log_mel
from agent.hearing.spectrogram import BIN_HZ, BINS, FRAMES_PER_SECOND, Power

Rows = NDArray[np.float32]
"""Frames as rows, (..., ROW_WIDTH)."""

LEVEL, PEAK, PEAK_HZ, SECOND, SECOND_HZ, BAND = range(MEL_BANDS, MEL_BANDS + 6)
"""Columns of a row after its 64 log-mel bands."""
ROW_WIDTH = MEL_BANDS + 6

_LOWEST_BIN, _HIGHEST_BIN = round(200 / BIN_HZ), round(3600 / BIN_HZ)
_LOBE = 3
"""Bins on either side that a Hann-windowed sine, or a beating pair such as 440+480 Hz, spreads into."""
_AROUND = np.arange(-_LOBE, _LOBE + 1)
_BESIDE = _AROUND.astype(np.float32)
_TINY = np.float32(1e-12)
_AT_ONCE = 1024
"""Frames whose bands are worked on together: 1 MB, which malloc need not ask of the kernel each time."""


def frame_rows(power: Power) -> Rows:
    """Reduce power spectra (n, BINS) to rows (n, ROW_WIDTH).

    A row holds the log-mel bands in dB, the level in dB relative to full scale, and for the
    strongest peak between 200 and 3600 Hz and then for the strongest one beside it: the share of
    the band's power within 47 Hz (0 to 1) and the frequency in Hz; last the band's power as a mean square.
    """
    rows = np.empty((power.shape[0], ROW_WIDTH), np.float32)
    for start in range(0, len(rows), _AT_ONCE):
        _fill(rows[start : start + _AT_ONCE], power[start : start + _AT_ONCE])
    return rows


def _fill(rows: Rows, power: Power) -> None:
    rows[:, :MEL_BANDS] = log_mel(power)
    rows[:, LEVEL] = decibels(power.sum(axis=1))
    band = power[:, _LOWEST_BIN - _LOBE : _HIGHEST_BIN + _LOBE + 1].copy()
    total = band.sum(axis=1)
    rows[:, BAND] = total
    total += _TINY
    for share, hz in ((PEAK, PEAK_HZ), (SECOND, SECOND_HZ)):
        rows[:, share], rows[:, hz] = _take_peak(band)
        rows[:, share] /= total


def _take_peak(band: Power) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return power and frequency of each spectrum's strongest peak, and erase it from `band`."""
    centre = band[:, _LOBE:-_LOBE].argmax(axis=1) + _LOBE
    around = (np.arange(len(band)) * band.shape[1] + centre)[:, np.newaxis] + _AROUND
    flat = band.reshape(-1)
    lobe = flat[around]
    flat[around] = 0.0
    power = lobe.sum(axis=1)
    moment = np.einsum("nk,k->n", lobe, _BESIDE)
    hz: NDArray[np.float32] = (centre + moment / (power + _TINY) + (_LOWEST_BIN - _LOBE)) * np.float32(BIN_HZ)
    return power, hz.astype(np.float32)


SILENT_ROWS: Rows = frame_rows(np.zeros((FRAMES_PER_SECOND, BINS), np.float32))
"""A second in which every sample is 0."""


def is_silent(rows: Rows) -> bool:
    """Tell whether every sample of a second, (64, ROW_WIDTH), is 0."""
    return rows[0, BAND] == 0.0 == rows[-1, BAND] and bool((rows == SILENT_ROWS).all())
