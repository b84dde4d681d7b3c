"""What a composed second is: what can be heard in it, for how long, and how loud beside anything else."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agent.hearing.pcm import SAMPLE_RATE, Samples
from agent.hearing.sound import SOUNDS, Sound
from agent.train.labels.labelling import LabelledSecond

BLOCK = 160
"""Samples of the blocks of 20 ms that are judged one by one."""
BLOCKS_A_SECOND = SAMPLE_RATE // BLOCK
_SHORTEST = 0.1
"""Share of a second below which a sound does not name it, nor does another one trouble it."""
_FAINT = (0.05, 0.25)
"""Where the only sound can be heard for a share between these, an ear might miss it."""

Blocks = NDArray[np.bool_]
"""One value for each block of 20 ms, (blocks,)."""


@dataclass(frozen=True, slots=True)
class Track:
    """One source within a recording."""

    sound: Sound
    group: str
    present: Blocks
    """Where it plays, be it a pause of its own."""
    heard: Blocks
    """Where it can be heard."""
    power: NDArray[np.float64]
    """Its mean square, (blocks,)."""


@dataclass(frozen=True, slots=True)
class Truth:
    """One second and whose it is."""

    second: LabelledSecond
    group: str


def block_power(samples: Samples) -> NDArray[np.float64]:
    """Return the mean square of each whole block of (n,) samples, (n // BLOCK,)."""
    whole = len(samples) // BLOCK * BLOCK
    power: NDArray[np.float64] = np.mean(
        np.square(samples[:whole].reshape(-1, BLOCK), dtype=np.float64), axis=1
    )
    return power


def label_seconds(tracks: Sequence[Track], dominance_db: float) -> list[Truth]:
    """Name every whole second by what sounds in it.

    A second is what can be heard for the longest time in it, and silence if that is less than 100 ms. It is
    ambiguous if a second sound can be heard for more than 100 ms, or the only one for 50 to 250 ms.
    Where two sounds overlap for more than 100 ms, the one with more energy names the second; it is ambiguous
    unless that is `dominance_db` more. Soft targets are shares of the second: of time, and where sounds
    overlap, of energy; the rest is silence.
    """
    seconds = min(len(track.heard) for track in tracks) // BLOCKS_A_SECOND
    return [
        _label(tracks, start, slice(start * BLOCKS_A_SECOND, (start + 1) * BLOCKS_A_SECOND), dominance_db)
        for start in range(seconds)
    ]


def _label(tracks: Sequence[Track], start: int, blocks: slice, dominance_db: float) -> Truth:
    heard = np.array([track.heard[blocks] for track in tracks])
    energy = np.array([track.power[blocks] for track in tracks])
    energy = np.where(heard, energy, 0.0).sum(axis=1)
    overlaps = float((heard.sum(axis=0) > 1).mean()) > _SHORTEST
    audible = float(heard.any(axis=0).mean())
    measure = energy if overlaps else heard.mean(axis=1)
    shares = audible * measure / max(float(measure.sum()), 1e-30)
    order = np.argsort(-shares, kind="stable")
    best, share = int(order[0]), float(shares[order[0]])
    other = float(shares[order[1]]) if len(order) > 1 else 0.0
    if overlaps:
        ambiguous = other * 10 ** (dominance_db / 10) > share
    else:
        ambiguous = other > _SHORTEST or _FAINT[0] < share < _FAINT[1]
    if share < _SHORTEST:
        best = int(np.argmax([track.present[blocks].mean() for track in tracks]))
    sound = tracks[best].sound if share >= _SHORTEST else Sound.SILENCE
    soft = [
        sum(float(part) for part, track in zip(shares, tracks, strict=True) if track.sound is each)
        for each in SOUNDS
    ]
    soft[SOUNDS.index(Sound.SILENCE)] += 1.0 - audible
    ringing, speech, music, silence = (min(1.0, max(0.0, value)) for value in soft)
    second = LabelledSecond(
        start=start,
        sound=sound,
        soft=(ringing, speech, music, silence),
        agreement=(ringing, speech, music, silence)[SOUNDS.index(sound)],
        ambiguous=bool(ambiguous),
    )
    return Truth(second, tracks[best].group)
