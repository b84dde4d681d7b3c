"""A frame of the spectrogram as a row: what a second needs to remember of it.

A call that waits for its second to fill keeps 18 kB of rows and not 66 kB of whole spectra.
"""

import numpy as np
from numpy.typing import NDArray

from agent.hearing.mel import MEL_BANDS, decibels, log_mel
from agent.hearing.spectrogram import BIN_HZ, Power

Rows = NDArray[np.float32]
"""Frames as rows, (..., ROW_WIDTH)."""

LEVEL, PEAK, PEAK_HZ, SECOND, SECOND_HZ = range(MEL_BANDS, MEL_BANDS + 5)
"""Columns of a row after its 64 log-mel bands."""
ROW_WIDTH = MEL_BANDS + 5

_LOWEST_BIN, _HIGHEST_BIN = round(200 / BIN_HZ), round(3600 / BIN_HZ)
_LOBE = 3
"""Bins on either side that a Hann-windowed sine, or a beating pair such as 440+480 Hz, spreads into."""
_TINY = np.float32(1e-12)


def frame_rows(power: Power) -> Rows:
    """Reduce power spectra (n, BINS) to rows (n, ROW_WIDTH).

    A row holds the log-mel bands in dB, the level in dB relative to full scale, and for the
    strongest peak between 200 and 3600 Hz and then for the strongest one beside it: the share of
    the band's power within 47 Hz (0 to 1) and the frequency in Hz.
    """
    rows = np.empty((power.shape[0], ROW_WIDTH), np.float32)
    rows[:, :MEL_BANDS] = log_mel(power)
    rows[:, LEVEL] = decibels(power.sum(axis=1))
    band = power[:, _LOWEST_BIN - _LOBE : _HIGHEST_BIN + _LOBE + 1].copy()
    total = band.sum(axis=1) + _TINY
    for share, hz in ((PEAK, PEAK_HZ), (SECOND, SECOND_HZ)):
        rows[:, share], rows[:, hz] = _take_peak(band)
        rows[:, share] /= total
    return rows


def _take_peak(band: Power) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return power and frequency of each spectrum's strongest peak, and erase it from `band`."""
    if not band.shape[0]:
        return np.zeros(0, np.float32), np.zeros(0, np.float32)
    reach = np.arange(-_LOBE, _LOBE + 1)
    centre = band[:, _LOBE:-_LOBE].argmax(axis=1) + _LOBE
    around = centre[:, np.newaxis] + reach
    lobe = np.take_along_axis(band, around, axis=1)
    np.put_along_axis(band, around, np.float32(0.0), axis=1)
    power = lobe.sum(axis=1)
    offset = (lobe * reach.astype(np.float32)).sum(axis=1) / (power + _TINY)
    hz: NDArray[np.float32] = (centre + offset + (_LOWEST_BIN - _LOBE)) * np.float32(BIN_HZ)
    return power, hz.astype(np.float32)
