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
"""Sub-fingerprints, (..., frames, 8): bit b of a frame's 64 says whether step b rises; the last is 0."""
Movement = NDArray[np.float32]
"""Movement in dB, (..., frames, 64), the last column 0."""


def movement(mel: LogMel) -> Movement:
    """Return how each step from band to band changes over time, (..., frames, 64) in dB within ±12.

    Frames that are 30 dB softer than the loudest, and the first and last two, stand still.
    """
    moved = np.zeros_like(mel)
    if mel.shape[-2] > 2 * APART:
        change = _change(mel)
        np.clip(change, -_LIMIT_DB, _LIMIT_DB, out=change)
        loudness = mel.max(axis=-1)
        change *= (loudness >= loudness.max(axis=-1, keepdims=True) - _BELOW_LOUDEST_DB)[
            ..., APART:-APART, np.newaxis
        ]
        moved[..., APART:-APART, :-1] = change
    return moved


def sub_fingerprints(mel: LogMel) -> Prints:
    """Return the signs of all movement of (..., frames, 64) log-mel spectra in dB."""
    rises = np.zeros(mel.shape, np.bool_)
    if mel.shape[-2] > 2 * APART:
        rises[..., APART:-APART, :-1] = _change(mel) > 0
    return np.packbits(rises, axis=-1, bitorder="little")


def agreement(heard: Movement, known: Prints, frames: int) -> Movement:
    """Return how far movement agrees with each of several sub-fingerprints, in dB, for every `frames` frames.

    Shapes: (n, 64) against (k, n, 8) makes (k, n / frames); all of the movement where all agrees, minus
    that where nothing does.
    """
    signs = _SIGNS[known].reshape(*known.shape[:2], -1)
    agreed = np.einsum("fb,kfb->kf", heard, signs)
    sums: Movement = agreed.reshape(len(known), -1, frames).sum(axis=2)
    return sums


def _change(mel: LogMel) -> Movement:
    step = mel[..., 1:] - mel[..., :-1]
    change: Movement = step[..., 2 * APART :, :] - step[..., : -2 * APART, :]
    return change
