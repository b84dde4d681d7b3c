"""What each setting of a forest is worth: strangers told apart, against megabytes and time."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from itertools import product
from typing import Any

import numpy as np

from agent.hearing.features import Vectors
from agent.train.evaluation.evaluate_scores import score
from agent.train.parallel import Workers
from agent.train.student.calibration import calibrate
from agent.train.student.candidate import packed
from agent.train.student.examples import Examples
from agent.train.student.fit import Student, fit, judge_strangers
from agent.train.student.recipes import ForestRecipe

TURNS = 20
"""Times that one second is judged, to find out how long that takes."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Values to try of each setting; every combination is fitted."""

    trees: tuple[int, ...] = (ForestRecipe().trees,)
    leaf: tuple[int, ...] = (ForestRecipe().leaf,)
    share: tuple[float, ...] = (ForestRecipe().share,)
    features_per_split: tuple[float | None, ...] = (None,)
    balanced: tuple[bool, ...] = (True,)

    def recipes(self, base: ForestRecipe) -> Iterator[ForestRecipe]:
        """Return `base` with every combination of them."""
        names = [name for name in self.__slots__ if getattr(self, name)]
        for values in product(*(getattr(self, name) for name in names)):
            changes: dict[str, Any] = dict(zip(names, values, strict=True))
            yield replace(base, **changes)


@dataclass(frozen=True, slots=True)
class Trial:
    """What one combination is worth."""

    recipe: ForestRecipe
    macro_f1: float
    """Mean of the folds, clear seconds of strangers."""
    worst_fold: float
    """Macro F1 of the worst fold."""
    log_loss: float
    """After calibration, clear seconds of strangers."""
    expected_calibration_error: float
    """After calibration."""
    megabytes: float
    """Of `student.joblib`, fitted on everything."""
    ms_a_second: float
    """Milliseconds to judge one second alone: median of `TURNS`, features not counted."""
    ms_a_second_of_batch: float
    """The same in a batch of 64 calls."""
    fit_seconds: float
    """To fit it on everything."""

    def as_json(self) -> dict[str, Any]:
        """Return the documented object of `earlymedia train sweep --json`."""
        figures = asdict(self)
        del figures["recipe"]
        recipe = asdict(self.recipe)
        settings = {name: recipe[name] for name in (*Settings.__slots__, "seed")}
        return settings | {name: round(value, 5) for name, value in figures.items()}


def sweep(
    recipes: Iterable[ForestRecipe],
    examples: Examples,
    vectors: Vectors,
    workers: Workers,
    step: Callable[[], None] = lambda: None,
) -> Iterator[Trial]:
    """Try recipes on the same examples; calls `step` after each.

    Raises:
        MaterialError: a sound is missing, from all examples or without a fold.
    """
    for recipe in recipes:
        yield _try(recipe, examples, vectors, workers)
        step()


def _try(recipe: ForestRecipe, examples: Examples, vectors: Vectors, workers: Workers) -> Trial:
    calibrated = calibrate(judge_strangers(recipe, examples, vectors, workers))
    clear = calibrated.strangers.where(~examples.ambiguous)
    folds = []
    for fold in np.unique(clear.fold):
        own = clear.where(clear.fold == fold)
        folds.append(score(own.truth, own.verdict).macro_f1)
    began = time.perf_counter()
    student = fit(recipe, examples, vectors, workers)
    took = time.perf_counter() - began
    return Trial(
        recipe=recipe,
        macro_f1=float(np.mean(folds)),
        worst_fold=min(folds),
        log_loss=calibrated.after.log_loss,
        expected_calibration_error=calibrated.after.expected_calibration_error,
        megabytes=len(packed(student)) / 1e6,
        ms_a_second=_milliseconds(student, vectors[:1]),
        ms_a_second_of_batch=_milliseconds(student, np.resize(vectors, (64, vectors.shape[1]))) / 64,
        fit_seconds=took,
    )


def _milliseconds(student: Student, vectors: Vectors) -> float:
    """Return how long a batch takes, the median of several turns."""
    student.predict(vectors)
    turns = []
    for _ in range(TURNS):
        began = time.perf_counter()
        student.predict(vectors)
        turns.append(time.perf_counter() - began)
    return float(np.median(turns)) * 1e3
