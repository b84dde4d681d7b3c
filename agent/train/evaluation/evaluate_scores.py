"""What verdicts on strangers are worth: the usual figures, each defined here once."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agent.hearing.forest import Probabilities
from agent.hearing.sound import SOUNDS
from agent.train.student.strangers import Labels, Strangers

BINS = 15
"""Bins of confidence, as Guo et al. use them."""

Confusion = tuple[tuple[int, ...], ...]
"""Seconds by truth (rows) and verdict (columns), in the order of SOUNDS."""


@dataclass(frozen=True, slots=True)
class ClassScore:
    """How one sound was told from the others. A share of nothing is 0."""

    sound: str
    precision: float
    """Share of the verdicts that were right."""
    recall: float
    """Share of the seconds that were found."""
    f1: float
    """Harmonic mean of both."""
    seconds: int


@dataclass(frozen=True, slots=True)
class Scores:
    """How seconds were told apart."""

    seconds: int
    right: float
    """Accuracy: share of seconds with the right verdict."""
    macro_f1: float
    """Mean F1 of the sounds that are there or were heard; 0 of no seconds."""
    classes: tuple[ClassScore, ...]
    confusion: Confusion

    @property
    def worst_recall(self) -> float:
        """Lowest recall of a sound that is there, 1 where nothing is."""
        return min((score.recall for score in self.classes if score.seconds), default=1.0)


@dataclass(frozen=True, slots=True)
class Bin:
    """Seconds whose verdict was given with about the same confidence."""

    low: float
    high: float
    seconds: int
    confidence: float
    """Mean probability of the verdict."""
    right: float
    """Share of verdicts that were right."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Whether of the verdicts given 0.9 nine in ten are right.

    C. Guo et al., "On Calibration of Modern Neural Networks", ICML 2017.
    """

    ece: float
    """Expected calibration error: mean distance of confidence and share of right, weighted by seconds."""
    brier: float
    """Mean squared distance of the probabilities from the truth, 0 to 2 (Brier 1950)."""
    bins: tuple[Bin, ...]
    """Those of `BINS` equal ones that hold seconds."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far a student and a teacher say the same, whoever is right."""

    teacher: str
    seconds: int
    """Seconds that both judged."""
    share: float
    kappa: float
    """Agreement beyond chance (Cohen 1960), 1 at most."""
    confusion: Confusion
    """Seconds by what the teacher said (rows) and what the student said (columns)."""


def confusion_of(truth: Labels, verdict: Labels) -> NDArray[np.int64]:
    """Count (n,) verdicts against truth, (4, 4)."""
    confusion = np.zeros((len(SOUNDS), len(SOUNDS)), np.int64)
    np.add.at(confusion, (truth, verdict), 1)
    return confusion


def score(truth: Labels, verdict: Labels) -> Scores:
    """Score (n,) verdicts against truth."""
    confusion = confusion_of(truth, verdict)
    there, heard, hits = confusion.sum(axis=1), confusion.sum(axis=0), np.diag(confusion)
    precision, recall = hits / np.maximum(heard, 1), hits / np.maximum(there, 1)
    f1 = 2 * hits / np.maximum(there + heard, 1)
    concerned = there + heard > 0
    classes = tuple(
        ClassScore(sound.value, float(precision[i]), float(recall[i]), float(f1[i]), int(there[i]))
        for i, sound in enumerate(SOUNDS)
    )
    return Scores(
        seconds=len(truth),
        right=share(hits.sum(), len(truth)),
        macro_f1=float(f1[concerned].mean()) if concerned.any() else 0.0,
        classes=classes,
        confusion=_tuples(confusion),
    )


def share(part: float, whole: float) -> float:
    """Return part of whole, 0 where there is nothing."""
    return float(part / whole) if whole else 0.0


def calibration(strangers: Strangers) -> Calibration:
    """Compare confidence with how often verdicts were right."""
    confidence = strangers.p.max(axis=1)
    right = strangers.verdict == strangers.truth
    index = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    bins = []
    for k in np.unique(index).tolist():
        ours = index == k
        bins.append(
            Bin(
                k / BINS,
                (k + 1) / BINS,
                int(ours.sum()),
                float(confidence[ours].mean()),
                float(right[ours].mean()),
            )
        )
    distance = sum(bin.seconds * abs(bin.confidence - bin.right) for bin in bins)
    return Calibration(share(distance, len(strangers)), _brier(strangers.p, strangers.truth), tuple(bins))


def _brier(p: Probabilities, truth: Labels) -> float:
    if not len(p):
        return 0.0
    return float(((p - np.eye(len(SOUNDS))[truth]) ** 2).sum(axis=1).mean())


def agreement(name: str, teacher: Labels, student: Labels) -> Agreement:
    """Compare what a teacher and a student say about the same (n,) seconds."""
    confusion = confusion_of(teacher, student)
    seconds = len(teacher)
    agreed = share(np.trace(confusion), seconds)
    by_chance = share(float(confusion.sum(axis=0) @ confusion.sum(axis=1)), seconds**2)
    kappa = (agreed - by_chance) / (1 - by_chance) if by_chance < 1 else 1.0
    return Agreement(name, seconds, agreed, kappa, _tuples(confusion))


def _tuples(confusion: NDArray[np.int64]) -> Confusion:
    return tuple(tuple(int(n) for n in row) for row in confusion)
