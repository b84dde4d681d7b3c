"""Which frames hold a steady tone and nothing else, for all calls at once.

A frame counts as tone when nearly all of its power lies in one or two narrow peaks, when it is about as loud
as its neighbours, and when its pitch is not on its way to another. A Hann window passes half of a tone's
power when the tone begins or ends at its middle, so about half of the neighbours' power marks the edge to one
frame (16 ms).
"""

import numpy as np
from numpy.typing import NDArray

from agent.hearing import rows as row
from agent.hearing.rows import Rows

AROUND = 3
"""Frames on either side that say whether a frame is part of a tone: 47 ms, nearly a window."""

Traits = NDArray[np.float32]
"""What is known of frames, (n, 4): BAND, TONE, HZ, PURE."""
BAND, TONE, HZ, PURE = range(4)
"""Power of the rows' band and that of the two strongest peaks, as mean squares; the peaks' mean in Hz,
weighted by the square of their power; their share of the band's power, 0 to 1."""

_PURE = np.float32(0.72)
"""Share of the power in the peaks: 0.97 at an SNR of 15 dB, less through codecs that follow speech."""
_FAINTEST = np.float32(10**-6.4)
"""A tone at -50 dBm0 has ten times this mean square."""
_EDGE = np.float32(0.4)
"""Share of the loudest neighbour's power at which a tone begins and ends: half, and some room for codecs."""
_STRIDE = 2
_GLIDE_HZ = np.float32(90.0)
"""A pitch that moves further from _STRIDE frames before to _STRIDE frames after is between two tones."""


def frame_traits(rows: Rows) -> Traits:
    """Measure frames by their rows, (n, ROW_WIDTH) -> (n, 4)."""
    traits = np.empty((len(rows), 4), np.float32)
    traits[:, BAND] = rows[:, row.BAND]
    first, second = rows[:, row.PEAK], rows[:, row.SECOND]
    traits[:, PURE] = first + second
    traits[:, TONE] = traits[:, PURE] * traits[:, BAND]
    # Squared, so that a faint second peak, noise or distortion, hardly moves the pitch of a tone.
    first, second = first * first, second * second + np.float32(1e-12)
    traits[:, HZ] = (first * rows[:, row.PEAK_HZ] + second * rows[:, row.SECOND_HZ]) / (first + second)
    return traits


def silent_traits(frames: int) -> Traits:
    """Return the traits of frames in which nothing sounds."""
    return np.zeros((frames, 4), np.float32)


def tone_spans(held: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return from where to where frames (n,) hold a tone, in order."""
    edges = np.flatnonzero(np.diff(held, prepend=False, append=False)).tolist()
    return list(zip(edges[::2], edges[1::2], strict=True))


def tone_frames(traits: Traits) -> NDArray[np.bool_]:
    """Tell which frames hold a tone, (n, 4) -> (n,); never the first and last AROUND, which are neighbours.

    Many calls may stand one after the other, each with AROUND frames on either side that are asked for at
    another time.
    """
    held = np.zeros(len(traits), np.bool_)
    if len(traits) <= 2 * AROUND:
        return held
    tone, hz = traits[:, TONE], traits[:, HZ]
    middle, end = slice(AROUND, len(traits) - AROUND), len(traits) - AROUND
    edge = tone[: end - AROUND].copy()
    for shift in range(1, 2 * AROUND + 1):
        np.maximum(edge, tone[shift : end - AROUND + shift], out=edge)
    edge *= _EDGE
    before, after = slice(AROUND - _STRIDE, end - _STRIDE), slice(AROUND + _STRIDE, end + _STRIDE)
    still = np.abs(hz[after] - hz[before]) < _GLIDE_HZ
    # At a tone's end the pitch on the other side is that of noise.
    still |= np.minimum(tone[before], tone[after]) < edge
    held[middle] = (traits[middle, PURE] > _PURE) & (tone[middle] > np.maximum(edge, _FAINTEST)) & still
    return held
