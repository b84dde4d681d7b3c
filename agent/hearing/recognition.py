"""Recognises known announcements in calls, second by second, before or after a spoken number.

Landmarks elect the few shifts at which a call may lie over the tape of known recordings; then the
sub-fingerprints of every remembered second are compared there. The *likeness* of a piece is the share of
its movement that agrees, -1 to 1, chance near 0. One word by the same voice makes a second alike, and
shared phrases make two: a match needs RUN_SECONDS of speech in a row, at one shift, of which most
quarters are alike. Between announcements the sum over all remembered seconds and shifts decides.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agent.hearing.known import Known
from agent.hearing.landmarks import CONTEXT, landmarks
from agent.hearing.mel import FLOOR_DB, MEL_BANDS, LogMel
from agent.hearing.spectrogram import FRAMES_PER_SECOND
from agent.hearing.subfingerprints import (
    HalvedMovement,
    Movement,
    Prints,
    agreement,
    halved,
    movement,
    sub_fingerprints,
    whole,
)
from agent.hearing.tape import Fingerprint, Shifts, elect

WINDOW_SECONDS = 5
"""Seconds of speech that a call is recognised by."""
COLLECTED_SECONDS = 30
"""Seconds that a call's own fingerprint holds at most."""
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
_LITTLE = np.float32(1.0)
_QUARTER = FRAMES_PER_SECOND // 4
_NOBODY = -1
_SHIFTS = 2
_KEPT_SHIFTS = 4
_VOTING_SECONDS = 3


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
    movement: HalvedMovement
    moved: Movement
    """How much each of its quarters moves, (4,)."""


@dataclass(frozen=True, slots=True)
class _Votes:
    hashes: NDArray[np.uint32]
    frames: NDArray[np.int32]
    """The landmarks of a second, and the frames of the call at which they begin."""
    shifts: Shifts
    """What they vote for."""


@dataclass(frozen=True, slots=True)
class _Collected:
    frame: int
    hashes: NDArray[np.uint32]
    places: NDArray[np.int32]
    """The frames of the call at which its landmarks begin."""
    prints: Prints


class Recollection:
    """What recognition remembers of one call: 90 kB while it hears speech, 170 kB with 30 s collected."""

    __slots__ = (
        "_allowed",
        "_collected",
        "_edge",
        "_known",
        "_latest",
        "_next",
        "_seconds",
        "_shifts",
        "_votes",
        "trunk",
    )

    def __init__(self, trunk: str | None = None) -> None:
        self.trunk = trunk
        """The trunk that the call goes over; announcements of others are not recognised. None: any."""
        self._allowed: NDArray[np.bool_] | None = None
        self._seconds: list[_Second] = []
        self._votes: list[_Votes] = []
        self._shifts: list[int] = []
        self._latest: _Collected | None = None
        self._collected: list[_Collected] = []
        self._edge: LogMel = np.empty((0, MEL_BANDS), np.float32)
        self._next = -1
        self._known: Known | None = None

    def collect(self) -> None:
        """Add the second that was taken last to the call's own fingerprint, unless that is long enough."""
        if self._latest is not None and len(self._collected) < COLLECTED_SECONDS:
            self._collected.append(self._latest)
            self._latest = None

    def collected(self, seconds: Collection[float] | None = None) -> Fingerprint:
        """Return the fingerprint of what was collected; pauses keep their length, up to a minute.

        With `seconds`, only of those that begin then.
        """
        wanted = [
            second
            for second in self._collected
            if seconds is None or second.frame / FRAMES_PER_SECOND in seconds
        ]
        if not wanted:
            return Fingerprint.of(np.zeros((0, MEL_BANDS), np.float32))
        begin = wanted[0].frame
        near = [second for second in wanted if second.frame - begin < 60 * FRAMES_PER_SECOND]
        prints = np.zeros((near[-1].frame - begin + FRAMES_PER_SECOND, 8), np.uint8)
        for second in near:
            prints[second.frame - begin : second.frame - begin + FRAMES_PER_SECOND] = second.prints
        hashes = np.concatenate([second.hashes for second in near])
        frames = np.concatenate([second.places for second in near]) - begin
        return Fingerprint(hashes[frames >= 0], frames[frames >= 0].astype(np.uint32), prints)

    def _know(self, known: Known) -> None:
        """Go by a library from now on, also for the seconds that are remembered."""
        if self._known is known:
            return
        self._known = known
        self._allowed = known.allowed(self.trunk)
        self._shifts = []
        self._votes = [
            replace(old, shifts=known.tape.votes(old.hashes.astype(np.int64), old.frames.astype(np.int64)))
            for old in self._votes
        ]

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
    movements = movement(blocks, CONTEXT)
    moved = _by_quarter(movements)
    prints = sub_fingerprints(blocks, CONTEXT)
    matches: list[Match | None] = []
    for index, (at, (call, _, _)) in enumerate(zip(frames, heard, strict=True)):
        new = slice(edges[index], edges[index + 1])
        hashes, places = found.hash[new], found.frame[new] + (at - CONTEXT)
        narrow = hashes.astype(np.uint32), places.astype(np.int32)
        call._latest = _Collected(at, *narrow, prints[index].copy())
        call._know(known)
        second = _Second(at, halved(movements[index]), moved[index].copy())
        call._seconds = [*call._seconds, second][-WINDOW_SECONDS:]
        latest = _Votes(*narrow, known.tape.votes(hashes, places))
        call._votes = [*call._votes, latest][-_VOTING_SECONDS:]
        votes = np.concatenate([votes.shifts for votes in call._votes])
        shifts = {*elect(votes, _SHIFTS).tolist(), *call._shifts}
        match, call._shifts = _best(known, call._seconds, sorted(shifts), call._allowed)
        matches.append(match)
    return matches


def identify(
    known: Known,
    fingerprint: Fingerprint,
    allowed: NDArray[np.bool_] | None = None,
    *,
    rival: float = RIVAL,
) -> Match | None:
    """Say which known announcement a whole fingerprint is, as `recognise` would, None where none.

    With `allowed`, (announcements,), only some of them count. With a `rival` of 1 the most alike is the
    match, however much of it another has.
    """
    moved = np.zeros((-(-len(fingerprint.prints) // FRAMES_PER_SECOND) * FRAMES_PER_SECOND, 8), np.uint8)
    moved[: len(fingerprint.prints)] = fingerprint.prints
    signs = np.unpackbits(moved, axis=1, bitorder="little").astype(np.float32) * 2 - 1
    signs[~moved.any(axis=1)] = 0.0
    votes = known.tape.votes(fingerprint.hashes.astype(np.int64), fingerprint.frames.astype(np.int64))
    seconds = []
    for frame in range(0, len(signs), FRAMES_PER_SECOND):
        part = signs[frame : frame + FRAMES_PER_SECOND]
        seconds.append(_Second(frame, halved(part), _by_quarter(part)))
    return _best(known, seconds, elect(votes, _SHIFTS).tolist(), allowed, rival)[0]


def _best(
    known: Known,
    seconds: Sequence[_Second],
    shifts: list[int],
    allowed: NDArray[np.bool_] | None,
    rival: float = RIVAL,
) -> tuple[Match | None, list[int]]:
    """Return what these seconds are, and the shifts at which any of them is alike."""
    if not shifts or not seconds:
        return None, []
    begins = np.array([second.frame for second in seconds]) + np.array(shifts)[:, np.newaxis]
    frames = (begins[..., np.newaxis] + np.arange(FRAMES_PER_SECOND)).reshape(len(shifts), -1)
    prints = known.tape.prints.take(frames, axis=0, mode="clip")
    heard = whole(np.concatenate([second.movement for second in seconds]))
    agreed = agreement(heard, prints, _QUARTER)
    moved = np.concatenate([second.moved for second in seconds])
    sizes = moved.reshape(-1, 4).sum(axis=1) + _LITTLE
    likeness = _fours(agreed).sum(axis=2) / sizes
    still = np.flatnonzero(likeness.max(axis=1) >= _ALIKE)
    if not still.size:
        return None, []
    # Each quarter belongs to the recording that lies there: a second may begin in one and end in the next.
    middles = begins[..., np.newaxis] + (np.arange(4) * _QUARTER + _QUARTER // 2)
    owners = known.owners[known.tape.recording_at(middles)]
    if allowed is not None:
        owners = np.where(allowed[owners], owners, _NOBODY)
    quarters = _fours(agreed)
    alike = _fours(agreed / (moved + _LITTLE) >= _ALIKE)
    kept = [shifts[at] for at in still.tolist()][-_KEPT_SHIFTS:]
    everything: dict[int, float] = {}
    runs: dict[int, tuple[float, int]] = {}
    for owner in set(owners[still].ravel().tolist()) - {_NOBODY}:
        whose = owners == owner
        own = np.where(whose, quarters, 0).sum(axis=2) / sizes
        above = np.maximum(own - np.float32(CHANCE), 0)
        everything[owner] = float(above.max(axis=0).sum())
        counts = (whose & alike).sum(axis=2)
        runs[owner] = max(map(_best_run, above[still].tolist(), counts[still].tolist()))
    if not everything:
        return None, kept
    owner = max(everything, key=everything.__getitem__)
    if any(sum_ > rival * everything[owner] for other, sum_ in everything.items() if other != owner):
        return None, kept
    evidence, count = runs[owner]
    return (Match(owner, evidence, count / 4) if evidence >= ENOUGH else None), kept


def _best_run(above: list[float], quarters: list[int]) -> tuple[float, int]:
    """Return evidence and alike quarters of the best seconds in a row that have enough of them, or zeros."""
    best = (0.0, 0)
    for at in range(max(1, len(above) - RUN_SECONDS + 1)):
        run = sum(above[at : at + RUN_SECONDS]), sum(quarters[at : at + RUN_SECONDS])
        if run[1] >= FEWEST_QUARTERS and run > best:
            best = run
    return best


def _by_quarter(movements: Movement) -> Movement:
    """Return how much (..., 64, 64) movement there is in each quarter of a second, (..., 4)."""
    frames = np.abs(movements).sum(axis=-1)
    quarters: Movement = frames.reshape(*frames.shape[:-1], 4, _QUARTER).sum(axis=-1)
    return quarters


def _fours(values: NDArray[Any]) -> NDArray[Any]:
    return values.reshape(len(values), -1, 4)
