"""The one spectrogram that every kind of hearing reads."""

from collections.abc import Sequence
from dataclasses import dataclass

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

_HANN = np.hanning(FRAME_SIZE + 1)[:-1]
_WINDOW = (_HANN * np.sqrt(2.0 / (FRAME_SIZE * np.sum(_HANN**2)))).astype(np.float32)
_AT_ONCE = 512
"""Frames in one transform: what it works on stays in a processor's second cache (1 MB)."""
_MARKED = 8
"""Samples that are looked at together for whether any sounds: their marks are one word."""


@dataclass(frozen=True, slots=True)
class Frames:
    """Frames of many calls, those of one call after those of the other, as places in one signal."""

    signal: Samples
    """What all calls said, (n,)."""
    starts: NDArray[np.intp]
    """Sample at which each frame starts, (frames,)."""
    counts: list[int]
    """Frames of each call."""

    @property
    def sounding(self) -> NDArray[np.intp]:
        """Numbers of the frames that hold more than digital silence; all of a silent one's spectrum is 0.

        The samples right beside a frame, at most 7, may count as its own.
        """
        size = len(self.signal)
        marks = np.zeros(-(-size // _MARKED) * _MARKED, np.bool_)
        np.not_equal(self.signal, 0, out=marks[:size])
        marked = np.append(np.flatnonzero(marks.view(np.uint64)), size)
        first, last = self.starts // _MARKED, (self.starts + FRAME_SIZE - 1) // _MARKED
        return np.flatnonzero(marked[np.searchsorted(marked, first)] <= last)


class Framer:
    """Cuts a growing signal into overlapping frames: frame k starts at sample 125 k.

    Keeps at most 511 samples, so that frames join without a seam wherever the input is cut.
    """

    __slots__ = ("_held", "_tail")

    def __init__(self) -> None:
        # Made once and filled anew: what is made anew in each tick, and outlives it, keeps all that the
        # tick worked with in pieces.
        self._tail: Samples = np.empty(FRAME_SIZE - 1, np.float32)
        self._held = 0

    @property
    def tail(self) -> Samples:
        """Samples that belong to frames to come, at most 511."""
        return self._tail[: self._held]

    def keep(self, tail: Samples) -> None:
        """Keep a copy of these samples in place of the last ones."""
        self._held = len(tail)
        self._tail[: self._held] = tail


def cut_frames(framers: Sequence[Framer], samples: Sequence[Samples]) -> Frames:
    """Give each framer its (n,) samples and return the frames that they complete."""
    parts: list[Samples] = []
    edges, counts = [0], []
    for framer, new in zip(framers, samples, strict=True):
        parts += (framer.tail, new)
        size = framer._held + len(new)
        counts.append(max(0, (size - FRAME_SIZE) // HOP + 1))
        edges.append(edges[-1] + size)
    signal = np.concatenate(parts)
    for framer, begin, end, count in zip(framers, edges[:-1], edges[1:], counts, strict=True):
        framer.keep(signal[begin + count * HOP : end])
    first = np.cumsum(counts) - counts
    starts = np.arange(sum(counts)) * HOP + np.repeat(np.array(edges[:-1]) - first * HOP, counts)
    return Frames(signal, starts, counts)


def power_of(frames: Frames) -> Power:
    """Return the power spectra of frames: (frames, BINS).

    A periodic Hann window is used, and the scale is such that a spectrum adds up to the frame's mean square:
    0.5 for a sine at full scale.
    """
    result = np.empty((len(frames.starts), BINS), np.float32)
    if len(result):
        windows = _windows(frames.signal)
        for start in range(0, len(result), _AT_ONCE):
            windowed = windows[frames.starts[start : start + _AT_ONCE]]
            windowed *= _WINDOW
            _fill(result[start : start + _AT_ONCE], windowed)
    return result


def power_spectrogram(samples: Samples) -> Power:
    """Return the power spectra of a whole recording, (n,) samples at 8 kHz: (frames, BINS)."""
    return power_of(cut_frames([Framer()], [samples]))


def _windows(signal: Samples) -> Samples:
    """Return the frames that start at each sample of a signal that holds one at least, read-only."""
    # What numpy's sliding_window_view returns, which takes 20 µs.
    windows = np.ndarray((len(signal) - FRAME_SIZE + 1, FRAME_SIZE), np.float32, signal, strides=(4, 4))
    windows.flags.writeable = False
    return windows


def _fill(result: Power, windowed: Samples) -> None:
    spectrum = fft.rfft(windowed, axis=1)
    squares = spectrum.view(np.float32)
    np.square(squares, out=squares)
    np.add(squares[:, ::2], squares[:, 1::2], out=result)
