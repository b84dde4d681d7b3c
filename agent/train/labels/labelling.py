"""From what teachers heard to one label for each second: the rules of the thesis, each a setting."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from agent.hearing.sound import SOUNDS, Sound
from agent.train.labels.aggregation import Aggregation
from agent.train.teachers.teacher import Frames, Unopened

BySound = NDArray[np.float64]
"""One column for each of `SOUNDS`."""


class Winner(StrEnum):
    """How strong a sound is in one frame."""

    HIGHEST = "highest"
    """As strong as its most probable class (the thesis)."""
    SUM = "sum"
    """As strong as all its classes together, 1 at most."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How seconds are labelled."""

    winner: Winner = Winner.HIGHEST
    agreement: float = 1.0
    """Share of a second's frames that must choose its label, or it is ambiguous (the thesis: all)."""
    confidence: float = 0.0
    """How strong the label must be, or the second is ambiguous (the thesis: .899 for speech)."""
    smoothing_seconds: float = 0.0
    """Width of the Hann window that frames are smoothed with (arXiv 2410.21478); 0 leaves them."""


@dataclass(frozen=True, slots=True)
class LabelledSecond:
    """What teachers say about the second from `start` on."""

    start: int
    sound: Sound
    soft: tuple[float, float, float, float]
    """Strength of each of `SOUNDS`, each in [0, 1] by itself: the teacher's own doubt is kept."""
    agreement: float
    """Share of the frames that chose the sound."""
    ambiguous: bool
    """Frames disagree or the sound is weak: kept, marked, and left to whoever trains on it."""


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one teacher says about each second of a recording."""

    soft: BySound
    """Mean strength, (seconds, 4); NaN where the teacher decided nothing."""
    votes: BySound
    """Share of frames in which each sound was the strongest, (seconds, 4)."""


@dataclass(frozen=True, slots=True)
class Member:
    """A teacher of an ensemble, and how much it counts."""

    teacher: Unopened
    weight: float = 1.0


def describe(members: Sequence[Member]) -> str:
    """Name an ensemble, as `yamnet` or `yamnet:1+mn04:0.5`."""
    if len(members) == 1:
        return members[0].teacher.name
    return "+".join(f"{member.teacher.name}:{member.weight:g}" for member in members)


def opinion(
    frames: Frames, classes: tuple[str, ...], seconds: int, aggregation: Aggregation, rules: Rules
) -> Opinion:
    """Aggregate one teacher's frames to seconds; a frame belongs to the second that its middle lies in."""
    strengths = smooth(
        strengths_of(frames.probabilities, aggregation.members(classes), rules.winner),
        frames.centres,
        rules.smoothing_seconds,
    )
    # Where no class of any sound is probable at all, nobody votes.
    chosen = np.eye(len(SOUNDS))[strengths.argmax(axis=1)] * (strengths.max(axis=1, keepdims=True) > 0)
    second = np.floor(frames.centres).astype(np.int64)
    inside = second < seconds
    soft, votes = (
        np.stack(
            [
                np.bincount(second[inside], of[inside, sound], minlength=seconds)
                for sound in range(len(SOUNDS))
            ],
            axis=1,
        )
        for of in (strengths, chosen)
    )
    count = np.bincount(second[inside], minlength=seconds).astype(float)[:, np.newaxis]
    count[count == 0] = np.nan
    return Opinion(soft / count, votes / count)


def strengths_of(probabilities: NDArray[np.float32], members: NDArray[np.bool_], winner: Winner) -> BySound:
    """Return how strong each sound is: (frames, classes) and (classes, 4) -> (frames, 4)."""
    strengths = np.zeros((len(probabilities), len(SOUNDS)))
    for sound in range(len(SOUNDS)):
        own = probabilities[:, members[:, sound]]
        if own.shape[1]:
            strengths[:, sound] = own.max(axis=1) if winner is Winner.HIGHEST else own.sum(axis=1)
    return np.minimum(strengths, 1.0)


def smooth(values: BySound, centres: NDArray[np.float64], width_seconds: float) -> BySound:
    """Average (frames, 4) under a Hann window of so many seconds; edges see what there is of it."""
    if width_seconds <= 0 or len(values) < 2:
        return values
    reach = int(width_seconds / 2 / np.median(np.diff(centres)))
    reach = min(reach, len(values) - 1)
    window = signal.windows.hann(2 * reach + 3)[1:-1, np.newaxis]
    weight = signal.convolve(np.ones((len(values), 1)), window, mode="full")
    summed = signal.convolve(values, window, mode="full", method="direct")
    inner = slice(reach, reach + len(values))
    result: BySound = summed[inner] / weight[inner]
    return result


def label(opinions: Sequence[tuple[float, Opinion]], rules: Rules) -> list[LabelledSecond]:
    """Label seconds by the weighted mean of what teachers say; one that says nothing is not counted."""
    weights = np.array([weight for weight, _ in opinions])[:, np.newaxis, np.newaxis]
    softs = np.stack([opinion.soft for _, opinion in opinions])
    votes = np.stack([opinion.votes for _, opinion in opinions])
    counted = weights * ~np.isnan(softs)
    total = np.maximum(counted.sum(axis=0), np.finfo(float).tiny)
    soft = (counted * np.nan_to_num(softs)).sum(axis=0) / total
    vote = (counted * np.nan_to_num(votes)).sum(axis=0) / total
    return [
        _second(start, strengths, shares, rules)
        for start, (strengths, shares) in enumerate(zip(soft, vote, strict=True))
    ]


def _second(start: int, strengths: BySound, shares: BySound, rules: Rules) -> LabelledSecond:
    best = int(strengths.argmax())
    ringing, speech, music, silence = (float(strength) for strength in strengths)
    agreement = float(shares[best])
    # Shares are sums of floats: three thirds may fall short of one by a rounding.
    doubtful = agreement < rules.agreement - 1e-9 or strengths[best] < rules.confidence
    return LabelledSecond(start, SOUNDS[best], (ringing, speech, music, silence), agreement, bool(doubtful))
