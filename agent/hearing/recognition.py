"""Recognises known announcements in calls, second by second, before or after a spoken number.

Landmarks elect the few shifts at which a call may lie over the tape of known recordings; then the
sub-fingerprints of every remembered second are compared there. The *likeness* of a piece is the share of
its movement that agrees, -1 to 1, chance near 0. One word by the same voice makes a second alike, and
shared phrases make two: a match needs RUN_SECONDS of speech in a row, at one shift, of which most
quarters are alike. Between announcements the sum over all remembered seconds and shifts decides.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from agent.hearing.landmarks import CONTEXT, Ints, landmarks
from agent.hearing.mel import FLOOR_DB, MEL_BANDS, LogMel
from agent.hearing.spectrogram import FRAMES_PER_SECOND
from agent.hearing.subfingerprints import Movement, Prints, compare, movement, sub_fingerprints
from agent.hearing.tape import Fingerprint, Shifts, Tape, elect

WINDOW_SECONDS = 5
"""Seconds of speech that a call is recognised by."""
COLLECTED_SECONDS = 20
"""Seconds of speech that a call's own fingerprint holds at most."""
CHANCE = 0.1
"""Likeness of a second below which it counts for nothing."""
RUN_SECONDS = 3
"""Seconds of speech in a row that a match is made of, at most."""
ENOUGH = 0.5
"""Evidence in one run that makes a match: what the likeness of its seconds has above CHANCE, added up."""
FEWEST_QUARTERS = 8
"""Quarters of a second in one run that must be alike: 2 s."""
RIVAL = 0.7
"""No match while another announcement has this share of all evidence: both may begin with the same words."""
_ALIKE = 0.2
_QUARTER = FRAMES_PER_SECOND // 4
_SHIFTS = 2
_KEPT_SHIFTS = 4
_VOTING_SECONDS = 3


@dataclass(frozen=True, slots=True)
class Known:
    """Recordings that can be recognised, and whose they are; never changed, only replaced."""

    tape: Tape
    owners: Ints
    """The announcement that each recording belongs to, (recordings,)."""

    @classmethod
    def of(cls, recordings: Sequence[tuple[int, Fingerprint]]) -> Self:
        """Know recordings by the number of the announcement that each belongs to."""
        owners = np.array([owner for owner, _ in recordings], np.int64)
        return cls(Tape.of([fingerprint for _, fingerprint in recordings]), owners)


@dataclass(frozen=True, slots=True)
class Match:
    """A known announcement in a call."""

    owner: int
    """Number of the announcement."""
    evidence: float
    """ENOUGH or more; a clean second adds about 0.65, one through GSM and noise 0.3."""
    seconds: float
    """Seconds that are alike, 2 to RUN_SECONDS, in quarters."""


@dataclass(frozen=True, slots=True)
class _Second:
    frame: int
    movement: Movement
    votes: Shifts


class Recollection:
    """What recognition remembers of one call: about 130 kB while it hears speech."""

    __slots__ = ("_collected", "_edge", "_known", "_next", "_seconds", "_shifts", "allowed")

    def __init__(self, allowed: NDArray[np.bool_] | None = None) -> None:
        self.allowed = allowed
        """Which announcements may be recognised in this call, (announcements,); None: all."""
        self._seconds: deque[_Second] = deque(maxlen=WINDOW_SECONDS)
        self._shifts: Shifts = np.zeros(0, np.int32)
        self._collected: list[tuple[int, Ints, Ints, Prints]] = []
        self._edge: LogMel = np.empty((0, MEL_BANDS), np.float32)
        self._next = -1
        self._known: Known | None = None

    def collected(self) -> Fingerprint:
        """Return the fingerprint of the speech heard so far; pauses keep their length, up to a minute."""
        if not self._collected:
            return Fingerprint.of(np.zeros((0, MEL_BANDS), np.float32))
        begin = self._collected[0][0]
        near = [piece for piece in self._collected if piece[0] - begin < 60 * FRAMES_PER_SECOND]
        prints = np.zeros((near[-1][0] - begin + FRAMES_PER_SECOND, 8), np.uint8)
        for frame, _, _, second in near:
            prints[frame - begin : frame - begin + FRAMES_PER_SECOND] = second
        hashes = np.concatenate([piece[1] for piece in near]).astype(np.uint32)
        frames = np.concatenate([piece[2] for piece in near]) - begin
        return Fingerprint(hashes[frames >= 0], frames[frames >= 0].astype(np.uint32), prints)

    def _block(self, frame: int, mel: LogMel) -> LogMel:
        """Return a second behind the CONTEXT before it; what was not heard is silent."""
        block = np.full((CONTEXT + FRAMES_PER_SECOND, MEL_BANDS), FLOOR_DB, np.float32)
        block[CONTEXT:] = mel
        if frame == self._next:
            block[:CONTEXT] = self._edge
        self._edge = mel[-CONTEXT:].copy()
        self._next = frame + FRAMES_PER_SECOND
        return block


def recognise(known: Known, heard: Sequence[tuple[Recollection, float, LogMel]]) -> list[Match | None]:
    """Take one second of speech of each of many calls: (its memory, its start in s, (64, 64) log-mel in dB).

    Returns what each call plays, in the same order, None where that is not known or not yet.
    """
    if not heard:
        return []
    frames = [round(at * FRAMES_PER_SECOND) for _, at, _ in heard]
    blocks = np.stack([call._block(at, mel) for at, (call, _, mel) in zip(frames, heard, strict=True)])
    found = landmarks(blocks, since=CONTEXT)
    edges = np.searchsorted(found.part, np.arange(len(heard) + 1))
    matches: list[Match | None] = []
    for index, (at, (call, _, _)) in enumerate(zip(frames, heard, strict=True)):
        new = slice(edges[index], edges[index + 1])
        hashes, places = found.hash[new], found.frame[new] + (at - CONTEXT)
        moved = movement(blocks[index])[CONTEXT:]
        if len(call._collected) < COLLECTED_SECONDS:
            call._collected.append((at, hashes, places, sub_fingerprints(blocks[index])[CONTEXT:]))
        if call._known is not known:
            call._seconds.clear()
            call._shifts = call._shifts[:0]
            call._known = known
        call._seconds.append(_Second(at, moved, known.tape.votes(hashes, places)))
        lately = [second.votes for second in list(call._seconds)[-_VOTING_SECONDS:]]
        shifts = np.union1d(elect(np.concatenate(lately), _SHIFTS), call._shifts)
        match, call._shifts = _best(known, call._seconds, shifts, call.allowed)
        matches.append(match)
    return matches


def identify(known: Known, fingerprint: Fingerprint) -> Match | None:
    """Say which known announcement a whole fingerprint is, as `recognise` would, None where none."""
    moved = np.zeros((-(-len(fingerprint.prints) // FRAMES_PER_SECOND) * FRAMES_PER_SECOND, 8), np.uint8)
    moved[: len(fingerprint.prints)] = fingerprint.prints
    signs = np.unpackbits(moved, axis=1, bitorder="little").astype(np.float32) * 2 - 1
    signs[~moved.any(axis=1)] = 0.0
    votes = known.tape.votes(fingerprint.hashes.astype(np.int64), fingerprint.frames.astype(np.int64))
    nothing = np.zeros(0, np.int32)
    seconds = [
        _Second(frame, signs[frame : frame + FRAMES_PER_SECOND], nothing)
        for frame in range(0, len(signs), FRAMES_PER_SECOND)
    ]
    return _best(known, seconds, elect(votes, _SHIFTS), None)[0] if seconds else None


def _best(
    known: Known, seconds: Sequence[_Second], shifts: Shifts, allowed: NDArray[np.bool_] | None
) -> tuple[Match | None, Shifts]:
    """Return what these seconds are, and the shifts at which any of them is alike."""
    heard = np.concatenate([second.movement for second in seconds])
    places = (np.array([s.frame for s in seconds])[:, np.newaxis] + np.arange(FRAMES_PER_SECOND)).ravel()
    tape = known.tape
    of_owner: dict[int, NDArray[np.float32]] = {}
    runs: dict[int, tuple[float, int]] = {}
    kept: list[int] = []
    for shift in shifts.tolist():
        frames = places + shift
        recording = _most_common(tape.recording_at(frames))
        owner = int(known.owners[recording])
        if allowed is not None and not allowed[owner]:
            continue
        within = (frames >= tape.starts[recording]) & (frames < tape.ends[recording])
        agreed, moved = compare(heard, tape.prints[np.where(within, frames, 0)], within, _QUARTER)
        quarters = agreed / (moved + np.float32(1.0)) >= _ALIKE
        alike = agreed.reshape(-1, 4).sum(axis=1) / (moved.reshape(-1, 4).sum(axis=1) + np.float32(1.0))
        above = np.maximum(alike - np.float32(CHANCE), 0)
        of_owner[owner] = np.maximum(of_owner.get(owner, above), above)
        runs[owner] = max(runs.get(owner, (0.0, 0)), _best_run(above, quarters.reshape(-1, 4).sum(axis=1)))
        if alike.max() >= _ALIKE:
            kept.append(shift)
    still = np.array(kept[-_KEPT_SHIFTS:], np.int32)
    ranked = sorted(((float(above.sum()), owner) for owner, above in of_owner.items()), reverse=True)
    if not ranked or (len(ranked) > 1 and ranked[1][0] > RIVAL * ranked[0][0]):
        return None, still
    owner = ranked[0][1]
    evidence, count = runs[owner]
    return (Match(owner, evidence, count / 4) if evidence >= ENOUGH else None), still


def _best_run(above: NDArray[np.float32], quarters: Ints) -> tuple[float, int]:
    """Return evidence and alike quarters of the best seconds in a row that have enough of them, or zeros."""
    runs = [
        (float(above[at : at + RUN_SECONDS].sum()), int(quarters[at : at + RUN_SECONDS].sum()))
        for at in range(max(1, len(above) - RUN_SECONDS + 1))
    ]
    return max(((evidence, count) for evidence, count in runs if count >= FEWEST_QUARTERS), default=(0.0, 0))


def _most_common(recordings: Ints) -> int:
    """Recordings under a shift lie side by side: the commonest of a few."""
    values, counts = np.unique(recordings, return_counts=True)
    return int(values[counts.argmax()])
