"""What a teacher is: it hears waveforms and tells, frame by frame, how probable every class is."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import gcd
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import signal

Waveform = NDArray[np.float32]
"""Mono samples in [-1, 1], (n,)."""
Probabilities = NDArray[np.float32]
"""How probable each class is in each frame, each in [0, 1] by itself, (frames, classes)."""


@dataclass(frozen=True, slots=True)
class Frames:
    """What a teacher heard in one waveform: one row for each decision that the network really made."""

    centres: NDArray[np.float64]
    """Middle of what each frame heard, in seconds from the first sample, rising, (frames,)."""
    probabilities: Probabilities


class Teacher(Protocol):
    """A network that names sounds."""

    @property
    def name(self) -> str:
        """Short name, as in `--teacher`."""

    @property
    def rate_hz(self) -> int:
        """Sampling rate of the waveforms it takes."""

    @property
    def classes(self) -> tuple[str, ...]:
        """AudioSet id of each column of `Frames.probabilities`."""

    def hear(self, waveforms: Sequence[Waveform]) -> list[Frames]:
        """Hear a batch of waveforms at `rate_hz`, each of at least one second."""


class Unopened(Protocol):
    """A teacher that is not open yet: small, hashable, and pickled to every process that shall open it."""

    @property
    def name(self) -> str:
        """The teacher's name."""

    def open(self) -> Teacher:
        """Load its network."""


def resample(samples: Waveform, rate_hz: int, wanted_hz: int) -> Waveform:
    """Bring (n,) samples to another rate by a polyphase filter: (ceil(n * wanted_hz / rate_hz),)."""
    if rate_hz == wanted_hz:
        return samples
    common = gcd(rate_hz, wanted_hz)
    result: Waveform = signal.resample_poly(samples, wanted_hz // common, rate_hz // common)
    return result.astype(np.float32, copy=False)


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of one waveform of a batch."""

    waveform: int
    """Which waveform."""
    start: int
    """First sample."""
    samples: int


def batches(pieces: Sequence[Piece], most_samples: int) -> Iterator[list[Piece]]:
    """Group pieces of one length into batches of at most so many samples (one piece at least).

    Nothing is padded: a padded piece would be heard with a silence that is not there.
    """
    waiting: list[Piece] = []
    for piece in sorted(pieces, key=lambda piece: piece.samples):
        full = (len(waiting) + 1) * piece.samples > most_samples
        if waiting and (full or waiting[0].samples != piece.samples):
            yield waiting
            waiting = []
        waiting.append(piece)
    if waiting:
        yield waiting
