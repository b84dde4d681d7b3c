"""The one spectrogram that every kind of hearing reads."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from agent.hearing.pcm import SAMPLE_RATE, Samples

FRAME_SIZE = 512
"""Samples in a frame (64 ms)."""
HOP = 125
"""Samples from one frame's start to the next one's (15.625 ms)."""
FRAMES_PER_SECOND = SAMPLE_RATE // HOP
"""Exactly 64, so that every second of audio has the same number of frames."""
LOOKAHEAD = FRAME_SIZE - HOP
"""Samples of the next second that a second's last frame needs."""
BINS = FRAME_SIZE // 2 + 1
BIN_HZ = SAMPLE_RATE / FRAME_SIZE

Power = NDArray[np.float32]
"""Power spectra, (frames, BINS)."""

_HANN = np.hanning(FRAME_SIZE + 1)[:-1].astype(np.float32)
_SCALE = np.float32(2.0 / (FRAME_SIZE * float(np.sum(_HANN.astype(np.float64) ** 2))))
_AT_ONCE = 512
"""Frames in one transform: what it works on stays in a processor's second cache (1 MB)."""


class Framer:
    """Cuts a growing signal into overlapping frames: frame k starts at sample 125 k.

    Keeps at most 511 samples, so that frames join without a seam wherever the input is cut.
    """

    __slots__ = ("_tail",)

    def __init__(self) -> None:
        self._tail: Samples = np.zeros(0, np.float32)

    def push(self, samples: Samples) -> Samples:
        """Take (n,) samples and return the frames they complete, (frames, FRAME_SIZE), read-only."""
        signal = np.concatenate((self._tail, samples))
        count = max(0, (signal.size - FRAME_SIZE) // HOP + 1)
        self._tail = signal[count * HOP :].copy()
        if not count:
            return np.zeros((0, FRAME_SIZE), np.float32)
        # What numpy's sliding_window_view returns, which takes 20 µs for every call and tick.
        frames = np.ndarray((count, FRAME_SIZE), np.float32, signal, strides=(4 * HOP, 4))
        frames.flags.writeable = False
        return frames


def power(frames: Sequence[Samples]) -> Power:
    """Return the power spectra of all frames of all calls in one transform, (sum of frames, BINS).

    `frames` are arrays of (n, FRAME_SIZE). A periodic Hann window is used, and the scale is such
    that a spectrum adds up to the frame's mean square: 0.5 for a sine at full scale.
    """
    result = np.empty((sum(map(len, frames)), BINS), np.float32)
    done = 0
    for block in _blocks(frames):
        windowed = np.concatenate(block)
        windowed *= _HANN
        spectrum = fft.rfft(windowed, axis=1)
        part, imaginary = result[done : done + len(spectrum)], spectrum.imag
        np.square(spectrum.real, out=part)
        part += np.square(imaginary, out=imaginary)
        part *= _SCALE
        done += len(part)
    return result


def _blocks(frames: Sequence[Samples]) -> Iterator[list[Samples]]:
    """Yield all frames in their order, at most _AT_ONCE at a time."""
    block: list[Samples] = []
    held = 0
    for some in frames:
        for start in range(0, len(some), _AT_ONCE):
            piece = some[start : start + _AT_ONCE]
            if held + len(piece) > _AT_ONCE:
                yield block
                block, held = [], 0
            block.append(piece)
            held += len(piece)
    if block:
        yield block
