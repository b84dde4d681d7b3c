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
"""Raised with every change of what a fingerprint means; one of another version is made anew from its audio."""

_FEWEST_VOTES = 4
_NEIGHBOURS = 2


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
    _first: NDArray[np.int64]
    """Where the places of each hash begin, (HASHES + 1,)."""
    _places: NDArray[np.int32]
    """Tape frames of all landmarks, ordered by hash."""

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
        order = np.argsort(hashes, kind="stable")
        first = np.zeros(HASHES + 1, np.int64)
        np.cumsum(np.bincount(hashes, minlength=HASHES), out=first[1:])
        prints = np.concatenate([np.zeros((0, 8), np.uint8), *(r.prints for r in recordings)])
        return cls(starts, ends, prints, first, places[order])

    def votes(self, hashes: Ints, frames: Ints) -> Ints:
        """Return the shifts that (n,) landmarks heard at a call's `frames` speak for, in any order."""
        first = self._first[hashes]
        count = self._first[hashes + 1] - first
        ends = np.cumsum(count)
        total = int(ends[-1]) if ends.size else 0
        places = np.arange(total) + np.repeat(first - (ends - count), count)
        return self._places[places] - np.repeat(frames, count)

    def recording_at(self, frames: Ints) -> Ints:
        """Return which recordings hold tape frames; those before the first belong to it."""
        return np.maximum(np.searchsorted(self.starts, frames, "right") - 1, 0)


def elect(votes: Ints, most: int) -> Ints:
    """Return at most so many shifts that have enough votes, those with the most first.

    Neighbours count together, because a call's frames begin between the tape's.
    """
    if votes.size < _FEWEST_VOTES:
        return np.zeros(0, np.int64)
    ordered = np.sort(votes)
    edges = np.flatnonzero(np.diff(ordered, prepend=ordered[0] - 1))
    shifts = ordered[edges]
    counts = np.diff(edges, append=ordered.size)
    joined = counts.copy()
    joined[:-1] += np.where(np.diff(shifts) == 1, counts[1:], 0)
    # Neighbours of a good shift are good too: there may be two of them for each that is wanted.
    several = 4 * most
    top = np.argpartition(joined, -several)[-several:] if joined.size > several else np.arange(joined.size)
    best: list[int] = []
    for at in top[np.argsort(-joined[top], kind="stable")].tolist():
        if joined[at] < _FEWEST_VOTES or len(best) == most:
            break
        onto = at + 1 if joined[at] > 2 * counts[at] else at
        if all(abs(int(shifts[onto]) - other) > _NEIGHBOURS for other in best):
            best.append(int(shifts[onto]))
    return np.array(best, np.int64)
