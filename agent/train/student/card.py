"""The card of a student: what it is, what it heard, and what it is worth."""

import hashlib
from collections.abc import Sequence
from datetime import date

import numpy as np
import sklearn
from pydantic import BaseModel, ConfigDict

from agent.hearing.forest import Card
from agent.hearing.sound import SOUNDS
from agent.train.corpus.folder import Material
from agent.train.evaluation.evaluate_scores import Scores, score
from agent.train.student.calibration import Calibrated, Worth
from agent.train.student.examples import CONSTRUCTION, REVIEWED
from agent.train.student.fit import Student
from agent.train.student.recipes import ForestRecipe, Recipe
from agent.train.student.strangers import Strangers

_COMPOSED = (
    "real carriers' recordings, far-end noise of real streets and offices, people who speak freely, and what "
    "is not among its training data; every label comes from how the corpus was made"
)


class ClassScore(BaseModel):
    """How one class was told from the others."""

    precision: float
    recall: float
    f1: float
    seconds: int


class FoldScore(BaseModel):
    """How a student did on groups of which it heard nothing."""

    fold: int
    macro_f1: float
    classes: dict[str, ClassScore]


class GroupScore(BaseModel):
    """How the seconds of one held-out group were heard."""

    group: str
    seconds: int
    right: float
    heard_as: dict[str, dict[str, int]]
    """Seconds by true class and then by verdict."""


class Report(BaseModel):
    """Grouped cross-validation: all figures are about strangers."""

    mean_macro_f1: float
    folds: tuple[FoldScore, ...]
    groups: tuple[GroupScore, ...]
    mixed: FoldScore
    """Seconds that hold two sounds, or hardly one, over all folds; they are in no other figure."""


class Truth(BaseModel):
    """How true probabilities are, on clear seconds of strangers; each fold was calibrated by the others."""

    before: Worth
    after: Worth


class StudentCard(Card):
    """Everything that is known of a student: `student.json`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)

    created: date
    trees: int
    """Of a forest; 0 of another student."""
    seed: int
    seconds: int
    training_data: tuple[Material, ...]
    never_heard: str
    scores: Report
    recipe: Recipe | None = None
    """Every setting. None in cards of old, which were made by the default one."""
    test_set: str = ""
    """The same for all students that were judged on the same strangers, dealt alike: a sha256."""
    probabilities: Truth | None = None
    """Before and after calibration."""


def make_card(
    student: Student, content: bytes, calibrated: Calibrated, materials: Sequence[Material], created: date
) -> StudentCard:
    """Write the card of a student.

    Args:
        student: fitted on all examples.
        content: its `student.joblib`.
        calibrated: what students of its recipe said of strangers.
        materials: what the examples were made of.
        created: today.
    """
    recipe, strangers = student.recipe, calibrated.strangers
    return StudentCard(
        sha256=hashlib.sha256(content).hexdigest(),
        feature_version=recipe.view.version,
        classes=tuple(sound.value for sound in SOUNDS),
        sklearn_version=sklearn.__version__,
        calibration=calibrated.calibration,
        created=created,
        trees=recipe.trees if isinstance(recipe, ForestRecipe) else 0,
        seed=recipe.seed,
        seconds=len(strangers),
        training_data=tuple(materials),
        never_heard=never_heard(strangers.teacher),
        scores=report(strangers),
        recipe=recipe,
        test_set=strangers.test_set,
        probabilities=Truth(before=calibrated.before, after=calibrated.after),
    )


def report(strangers: Strangers) -> Report:
    """Score verdicts on strangers."""
    clear, mixed = strangers.where(~strangers.ambiguous), strangers.where(strangers.ambiguous)
    by_fold = [
        _fold_score(int(fold), clear.where(clear.fold == fold)) for fold in np.unique(clear.fold).tolist()
    ]
    return Report(
        mean_macro_f1=round(float(np.mean([fold.macro_f1 for fold in by_fold])), 4) if by_fold else 0.0,
        folds=tuple(by_fold),
        groups=tuple(_group_scores(clear)),
        mixed=_fold_score(-1, mixed),
    )


def _fold_score(fold: int, strangers: Strangers) -> FoldScore:
    scores = score(strangers.truth, strangers.verdict)
    classes = {
        each.sound: ClassScore(
            precision=round(each.precision, 4),
            recall=round(each.recall, 4),
            f1=round(each.f1, 4),
            seconds=each.seconds,
        )
        for each in scores.classes
    }
    return FoldScore(fold=fold, macro_f1=round(scores.macro_f1, 4), classes=classes)


def _group_scores(strangers: Strangers) -> list[GroupScore]:
    names, index = np.unique(np.array(strangers.group, dtype=np.str_), return_inverse=True)
    verdict = strangers.verdict
    scores = []
    for number, name in enumerate(names.tolist()):
        ours = index == number
        scored = score(strangers.truth[ours], verdict[ours])
        scores.append(
            GroupScore(
                group=name, seconds=scored.seconds, right=round(scored.right, 4), heard_as=_heard_as(scored)
            )
        )
    return scores


def _heard_as(scores: Scores) -> dict[str, dict[str, int]]:
    return {
        truth.value: {verdict.value: n for verdict, n in zip(SOUNDS, row, strict=True) if n}
        for truth, row in zip(SOUNDS, scores.confusion, strict=True)
        if any(row)
    }


def never_heard(teachers: Sequence[str]) -> str:
    """Say what no figure on the card is about, by who labelled the seconds."""
    known = sorted(set(teachers))
    if known == [CONSTRUCTION]:
        return _COMPOSED
    reviewed = sum(teacher == REVIEWED for teacher in teachers) / len(teachers)
    return (
        f"whatever is not in the recordings of its training data; labels are by {', '.join(known)}, "
        f"and {reviewed:.1%} of the seconds were listened to by a person"
    )
