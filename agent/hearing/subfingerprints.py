"""Sub-fingerprints: how the slope of each frame's spectrum moves, as one bit for each step of band.

J. Haitsma and T. Kalker, "A Highly Robust Audio Fingerprinting System" (ISMIR 2002), over the log-mel
bands and four frames apart instead of one, because a call's frames begin anywhere between the library's.
The library keeps signs; what is heard keeps its sizes, so that what stands near zero counts for little.
"""

import numpy as np
from numpy.typing import NDArray

from agent.hearing.mel import LogMel

APART = 2
"""Frames to either side of the one whose movement is taken (31 ms)."""
_LIMIT_DB = np.float32(12.0)
_BELOW_LOUDEST_DB = np.float32(30.0)
_SIGNS = (((np.arange(256)[:, np.newaxis] >> np.arange(8)) & 1) * 2 - 1).astype(np.float32)

Prints = NDArray[np.uint8]
"""Sub-fingerprints, (frames, 8): bit b of a frame's 64 says whether step b rises; the last is 0."""
Movement = NDArray[np.float32]
"""Movement in dB, (frames, 64), the last column 0."""


def movement(mel: LogMel) -> Movement:
    """Return how each step from band to band changes over time, (frames, 64) in dB within ±12.

    Frames that are 30 dB softer than the loudest, and the first and last two, stand still.
    """
    moved = np.zeros_like(mel)
    if len(mel) > 2 * APART:
        step = mel[:, 1:] - mel[:, :-1]
        np.clip(step[2 * APART :] - step[: -2 * APART], -_LIMIT_DB, _LIMIT_DB, out=moved[APART:-APART, :-1])
        loudness = mel.max(axis=1)
        moved[loudness < loudness.max() - _BELOW_LOUDEST_DB] = 0.0
    return moved


def sub_fingerprints(mel: LogMel) -> Prints:
    """Return the signs of all movement of (frames, 64) log-mel spectra in dB."""
    rises = np.zeros(mel.shape, np.bool_)
    if len(mel) > 2 * APART:
        step = mel[:, 1:] - mel[:, :-1]
        rises[APART:-APART, :-1] = step[2 * APART :] > step[: -2 * APART]
    return np.packbits(rises, axis=1, bitorder="little")


def compare(
    heard: Movement, known: Prints, within: NDArray[np.bool_], frames: int
) -> tuple[Movement, Movement]:
    """Return how much agrees with sub-fingerprints and how much moves, in dB, for every `frames` frames.

    What is heard where `within` is false moves and has nothing to agree with.
    """
    agreed = np.einsum("fb,fb->f", heard, _SIGNS[known].reshape(heard.shape)) * within
    moved = np.abs(heard).sum(axis=1)
    return agreed.reshape(-1, frames).sum(axis=1), moved.reshape(-1, frames).sum(axis=1)
