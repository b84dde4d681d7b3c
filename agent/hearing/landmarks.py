"""Landmarks: pairs of spectral peaks that a channel leaves where they are.

A. Wang, "An Industrial-Strength Audio Search Algorithm" (ISMIR 2003), over the log-mel bands of the one
spectrogram instead of its bins: measured on telephone speech, bands of 37 to 100 Hz keep more peaks in
place through GSM and noise than bins of 16 Hz, and a call has them in its rows already.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from agent.hearing.mel import FLOOR_DB, LogMel

PEAK_FRAMES, PEAK_BANDS = 4, 4
"""A peak is the highest point of so many frames and bands to either side of it."""
NEAREST, FARTHEST = 3, 34
"""Frames from a peak to those it is paired with (47 to 531 ms)."""
FAN_OUT = 5
"""Pairs that one peak begins at most."""
CONTEXT = FARTHEST + 2 * PEAK_FRAMES
"""Frames before a second that its landmarks need."""
HASHES = 1 << 17

_WIDEST_BANDS = 16
_CANDIDATES = 24
_NEVER = 1 << 30
"""A time that is out of reach of all."""
_FAINTEST_DB = np.float32(FLOOR_DB + 3.0)

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Landmarks:
    """Landmarks of a batch, three arrays of the same length."""

    part: Ints
    """Which part of the batch each one belongs to, ascending."""
    frame: Ints
    """Frame of its first peak within the part."""
    hash: Ints
    """Both bands and the distance in frames, 0 to HASHES - 1."""


def landmarks(mel: LogMel, since: int = 0) -> Landmarks:
    """Find the landmarks of (parts, frames, MEL_BANDS) log-mel spectra in dB.

    With `since`, only those whose second peak lies in or after frame `since - PEAK_FRAMES`: what a
    second adds to its CONTEXT. Peaks in the last PEAK_FRAMES frames wait for what follows them.
    """
    parts, frames, bands = mel.shape
    padded = np.full((parts, frames + 2 * PEAK_FRAMES, bands + 2 * PEAK_BANDS), -np.inf, np.float32)
    padded[:, PEAK_FRAMES:-PEAK_FRAMES, PEAK_BANDS:-PEAK_BANDS] = mel
    _put_highest(padded)
    peaks = (mel == padded[:, :frames, :bands]) & (mel > _FAINTEST_DB)
    peaks[:, frames - PEAK_FRAMES :] = False
    part, frame, band = np.unravel_index(np.flatnonzero(peaks), peaks.shape)
    if part.size < 2:
        return Landmarks(*(np.zeros(0, np.int64) for _ in range(3)))
    # Peaks are in order of time; each looks at the next ones, and parts lie out of each other's reach.
    time = (part * (frames + FARTHEST + 1) + frame).astype(np.int32)
    distance = _next_ones(time, _NEVER) - time[:, np.newaxis]
    wanted = (distance >= NEAREST) & (distance <= FARTHEST)
    wanted &= np.abs(_next_ones(band, 0) - band[:, np.newaxis]) <= _WIDEST_BANDS
    wanted &= np.cumsum(wanted, axis=1, dtype=np.uint8) <= FAN_OUT
    first, place = np.nonzero(wanted)
    second = first + 1 + place
    if since:
        new = frame[second] >= since - PEAK_FRAMES
        first, place, second = first[new], place[new], second[new]
    hashes = (band[first] << 11) | (band[second] << 5) | (distance[first, place] - NEAREST)
    return Landmarks(part[first], frame[first], hashes)


def _put_highest(padded: LogMel) -> None:
    """Put in each place the highest point from there to 2 PEAK_FRAMES and 2 PEAK_BANDS further on.

    Where there is none so far on, what is put is of no meaning.
    """
    flat = padded.reshape(-1)
    highest = _running_maximum(flat, padded.shape[2], 2 * PEAK_FRAMES + 1)
    highest = _running_maximum(highest, 1, 2 * PEAK_BANDS + 1)
    flat[: highest.size] = highest


def _running_maximum(values: LogMel, apart: int, width: int) -> LogMel:
    """Highest of `width` values that lie so far apart, (n,); there are `apart * (width - 1)` fewer."""
    reach = 1
    while reach < width:
        step = min(reach, width - reach)
        values = np.maximum(values[: -step * apart], values[step * apart :])
        reach += step
    return values


def _next_ones(values: NDArray[Any], beyond: int) -> NDArray[Any]:
    """Return the _CANDIDATES values after each of (n,), (n, _CANDIDATES), then `beyond`; read-only."""
    return sliding_window_view(np.pad(values[1:], (0, _CANDIDATES), constant_values=beyond), _CANDIDATES)
