"""Known recordings on one long tape, and where on it something heard may come from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from agent.hearing.landmarks import HASHES, Ints, landmarks
from agent.hearing.mel import LogMel
from agent.hearing.subfingerprints import Prints, sub_fingerprints

PRINT_VERSION = 1
"""Raised with every change of what a fingerprint means; others are made anew from their audio."""

Shifts = NDArray[np.int32]
"""Frames of the tape less frames of a call, (n,)."""

_COMMON, _COMMON_TIMES = 32, 4
"""A hash that stands this often, and this many times more often than others, tells nothing: held vowels."""
_FEWEST_VOTES = 4
_NEIGHBOURS = 2
_NO = np.zeros(1, np.bool_)


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What is kept of one recording."""

    hashes: NDArray[np.uint32]
    """Its landmarks' hashes, (landmarks,)."""
    frames: NDArray[np.uint32]
    """The frames at which they begin, (landmarks,)."""
    prints: Prints
    """Its sub-fingerprints, (frames, 8)."""

    @classmethod
    def of(cls, mel: LogMel) -> Self:
        """Take the fingerprint of (frames, 64) log-mel spectra in dB."""
        found = landmarks(mel[np.newaxis])
        return cls(found.hash.astype(np.uint32), found.frame.astype(np.uint32), sub_fingerprints(mel))


@dataclass(frozen=True, slots=True)
class Tape:
    """Recordings one after the other, found by their landmarks.

    A call that plays a recording from its frame t on, beginning at the tape's frame p, votes for the
    shift p - t with every landmark it shares, whatever the recording and wherever it began.
    """

    starts: Ints
    """First frame of each recording, (recordings,)."""
    ends: Ints
    """Frame after the last one of each, (recordings,)."""
    prints: Prints
    """Sub-fingerprints of all frames."""
    _first: NDArray[np.int32]
    """Where the places of each hash begin, (HASHES + 1,)."""
    _places: NDArray[np.int32]
    """Tape frames of all landmarks, ordered by hash."""

    @property
    def memory_bytes(self) -> int:
        """Bytes that the tape takes: 600 for a second of audio, and half a megabyte."""
        return self.prints.nbytes + self._first.nbytes + self._places.nbytes

    @classmethod
    def of(cls, recordings: Sequence[Fingerprint]) -> Self:
        """Lay recordings on a tape, in order; at most 2^31 frames (a year of audio)."""
        lengths = np.array([len(recording.prints) for recording in recordings], np.int64)
        ends = np.cumsum(lengths)
        starts = ends - lengths
        nothing = np.zeros(0, np.uint32)
        hashes = np.concatenate([nothing, *(recording.hashes for recording in recordings)])
        frames = [r.frames.astype(np.int32) + np.int32(at) for r, at in zip(recordings, starts, strict=True)]
        places = np.concatenate([np.zeros(0, np.int32), *frames])
        counts = np.bincount(hashes, minlength=HASHES)
        commonest = max(_COMMON, _COMMON_TIMES * hashes.size / max(1, int(np.count_nonzero(counts))))
        telling = counts[hashes] <= commonest
        hashes, places = hashes[telling], places[telling]
        order = np.argsort(hashes, kind="stable")
        counts[counts > commonest] = 0
        first = np.zeros(HASHES + 1, np.int32)
        np.cumsum(counts, out=first[1:])
        prints = np.concatenate([np.zeros((0, 8), np.uint8), *(r.prints for r in recordings)])
        return cls(starts, ends, prints, first, places[order])

    def votes(self, hashes: Ints, frames: Ints) -> Shifts:
        """Return the shifts that (n,) landmarks heard at a call's `frames` agree on, ascending.

        A shift that has one vote and neighbours without any is chance, and left out: nineteen of twenty.
        """
        first = self._first[hashes]
        count = self._first[hashes + 1] - first
        ends = np.cumsum(count)
        total = int(ends[-1]) if ends.size else 0
        places = np.arange(total) + np.repeat(first - (ends - count), count)
        shifts = np.sort(self._places[places] - np.repeat(frames.astype(np.int32), count))
        close = shifts[1:] - shifts[:-1] <= 1
        return shifts[np.concatenate((close, _NO)) | np.concatenate((_NO, close))] if total else shifts

    def recording_at(self, frames: Ints) -> Ints:
        """Return which recordings hold tape frames; those before the first belong to it."""
        return np.maximum(np.searchsorted(self.starts, frames, "right") - 1, 0)


def elect(votes: Shifts, most: int) -> Shifts:
    """Return at most so many shifts that have enough votes, those with the most first.

    Neighbours count together, because a call's frames begin between the tape's.
    """
    if votes.size < _FEWEST_VOTES:
        return np.zeros(0, np.int32)
    ordered = np.sort(votes)
    edges = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    shifts, counts = ordered[edges], np.append(edges[1:], ordered.size) - edges
    joined = counts.copy()
    joined[:-1] += counts[1:] * (shifts[1:] - shifts[:-1] == 1)
    enough = np.flatnonzero(joined >= _FEWEST_VOTES)
    best: list[int] = []
    for at in enough[np.argsort(-joined[enough], kind="stable")[: 4 * most]].tolist():
        onto = int(shifts[at + 1] if joined[at] > 2 * counts[at] else shifts[at])
        # Neighbours of a good shift are good too.
        if all(abs(onto - other) > _NEIGHBOURS for other in best):
            best.append(onto)
    return np.array(best[:most], np.int32)
