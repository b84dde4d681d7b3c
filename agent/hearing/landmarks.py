"""Landmarks: pairs of spectral peaks that a channel leaves where they are.

A. Wang, "An Industrial-Strength Audio Search Algorithm" (ISMIR 2003), over the log-mel bands of the one
spectrogram instead of its bins: measured on telephone speech, bands of 37 to 100 Hz keep more peaks in
place through GSM and noise than bins of 16 Hz, and a call has them in its rows already.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agent.hearing.mel import FLOOR_DB, MEL_BANDS, LogMel

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
    parts, frames, _ = mel.shape
    padded = np.full((parts, frames + 2 * PEAK_FRAMES, MEL_BANDS + 2 * PEAK_BANDS), -np.inf, np.float32)
    padded[:, PEAK_FRAMES:-PEAK_FRAMES, PEAK_BANDS:-PEAK_BANDS] = mel
    highest = _running_maximum(_running_maximum(padded, 1, 2 * PEAK_FRAMES + 1), 2, 2 * PEAK_BANDS + 1)
    peaks = (mel == highest) & (mel > _FAINTEST_DB)
    peaks[:, frames - PEAK_FRAMES :] = False
    part, frame, band = np.nonzero(peaks)
    count = part.size
    if count < 2:
        return Landmarks(*(np.zeros(0, np.int64) for _ in range(3)))
    # Peaks are in order of time; each looks at the next ones, and parts lie out of each other's reach.
    time = part * (frames + FARTHEST + 1) + frame
    other = np.arange(count)[:, np.newaxis] + np.arange(1, _CANDIDATES + 1)
    beyond = other >= count
    other[beyond] = 0
    distance = time[other] - time[:, np.newaxis]
    wanted = (distance >= NEAREST) & (distance <= FARTHEST) & ~beyond
    wanted &= np.abs(band[other] - band[:, np.newaxis]) <= _WIDEST_BANDS
    wanted &= np.cumsum(wanted, axis=1) <= FAN_OUT
    if since:
        wanted &= frame[other] >= since - PEAK_FRAMES
    first, place = np.nonzero(wanted)
    second = other[first, place]
    hashes = (band[first] << 11) | (band[second] << 5) | (distance[first, place] - NEAREST)
    return Landmarks(part[first], frame[first], hashes)


def _running_maximum(values: LogMel, axis: int, width: int) -> LogMel:
    """Highest of `width` neighbours along an axis, which gets shorter by `width - 1`."""
    reach = 1
    while reach < width:
        step = min(reach, width - reach)
        length = values.shape[axis] - step
        values = np.maximum(_cut(values, axis, 0, length), _cut(values, axis, step, step + length))
        reach += step
    return values


def _cut(values: LogMel, axis: int, start: int, stop: int) -> LogMel:
    return values[:, start:stop] if axis == 1 else values[:, :, start:stop]
