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
HalvedMovement = NDArray[np.float16]
_ITS_BITS, _ITS_BIAS = np.int32(-0x70000001), np.float32(2.0**112)
"""Sign, exponent and fraction of a half-precision number in the place of a single one (IEEE 754), and what
makes up for the biases of their exponents, 15 and 127."""


def movement(mel: LogMel, since: int = 0) -> Movement:
    """Return how each step from band to band changes over time, (..., frames - since, 64) in dB within ±12.

    Frames that are 30 dB softer than the loudest, and the first and last two, stand still. What comes before
    frame `since` is but compared with.
    """
    change = _change(mel, since)
    np.clip(change, -_LIMIT_DB, _LIMIT_DB, out=change)
    loudness = mel.max(axis=-1)
    loudest = loudness.max(axis=-1, keepdims=True, initial=-np.inf)
    change *= (loudness >= loudest - _BELOW_LOUDEST_DB)[..., since:, np.newaxis]
    return change


def sub_fingerprints(mel: LogMel, since: int = 0) -> Prints:
    """Return the signs of all movement of (..., frames, 64) log-mel spectra in dB, from frame `since` on."""
    return np.packbits(_change(mel, since) > 0, axis=-1, bitorder="little")


def halved(moved: Movement) -> HalvedMovement:
    """Return movement in half the memory, for keeping."""
    return moved.astype(np.float16)


def whole(kept: HalvedMovement) -> Movement:
    """Return what was kept as it can be calculated with, in a third of the time that numpy takes."""
    bits = kept.view(np.int16).astype(np.int32)
    bits <<= 13
    bits &= _ITS_BITS
    moved = bits.view(np.float32)
    moved *= _ITS_BIAS
    return moved


def agreement(heard: Movement, known: Prints, frames: int) -> Movement:
    """Return how far movement agrees with each of several sub-fingerprints, in dB, for every `frames` frames.

    Shapes: (n, 64) against (k, n, 8) makes (k, n / frames); all of the movement where all agrees, minus
    that where nothing does.
    """
    signs = _SIGNS.take(known, axis=0).reshape(*known.shape[:2], -1)
    agreed = np.einsum("fb,kfb->kf", heard, signs)
    sums: Movement = agreed.reshape(len(known), -1, frames).sum(axis=2)
    return sums


def _change(mel: LogMel, since: int) -> Movement:
    """Return how each step changes in the frames from `since` on; those without neighbours stand still."""
    frames, first = mel.shape[-2], max(APART, since)
    change = np.zeros((*mel.shape[:-2], frames - since, mel.shape[-1]), np.float32)
    if frames > first + APART:
        near = mel[..., first - APART :, :]
        step = near[..., 1:] - near[..., :-1]
        moving = change[..., first - since : -APART, :-1]
        np.subtract(step[..., 2 * APART :, :], step[..., : -2 * APART, :], out=moving)
    return change
