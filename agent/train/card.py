"""The card of a forest: what it is, what it heard, and what it is worth."""

import hashlib
import io
import tempfile
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import joblib
import numpy as np
import sklearn
from pydantic import BaseModel, ConfigDict
from sklearn.ensemble import RandomForestClassifier

from agent.hearing.features import FEATURE_VERSION
from agent.hearing.forest import Card
from agent.hearing.sound import SOUNDS
from agent.train.corpus import LabelledSecond, Material, Origin
from agent.train.errors import MaterialError
from agent.train.fit import Labels, Scores, labels_of, score

NEVER_HEARD = (
    "real carriers' recordings, far-end noise of real streets and offices, singing in most songs, "
    "people who speak freely, fax and modem; every label comes from how the corpus was made"
)


class ClassScore(BaseModel):
    """How one class was told from the others."""

    precision: float
    recall: float
    f1: float
    seconds: int


class FoldScore(BaseModel):
    """How a forest did on groups of which it heard nothing."""

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


class StudentCard(Card):
    """Everything that is known of a forest: `student.json`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)

    created: date
    trees: int
    seed: int
    seconds: int
    training_data: tuple[Material, ...]
    never_heard: str
    scores: Report


def report(seconds: Sequence[LabelledSecond], verdict: Labels) -> Report:
    """Score the verdicts of `judge_strangers`."""
    truth = labels_of(seconds)
    mixed = np.array([second.mixed for second in seconds])
    folds = np.array([second.fold for second in seconds])
    groups = np.array([second.group for second in seconds])
    by_fold = []
    for fold in np.unique(folds):
        ours = (folds == fold) & ~mixed
        by_fold.append(_fold_score(int(fold), score(truth[ours], verdict[ours])))
    by_group = []
    for group in np.unique(groups[~mixed]):
        ours = (groups == group) & ~mixed
        by_group.append(
            GroupScore(
                group=str(group),
                seconds=int(ours.sum()),
                right=round(float((truth[ours] == verdict[ours]).mean()), 4),
                heard_as=_heard_as(score(truth[ours], verdict[ours])),
            )
        )
    return Report(
        mean_macro_f1=round(float(np.mean([fold.macro_f1 for fold in by_fold])), 4),
        folds=tuple(by_fold),
        groups=tuple(by_group),
        mixed=_fold_score(-1, score(truth[mixed], verdict[mixed])),
    )


def _fold_score(fold: int, scores: Scores) -> FoldScore:
    classes = {
        sound.value: ClassScore(
            precision=round(float(scores.precision[index]), 4),
            recall=round(float(scores.recall[index]), 4),
            f1=round(float(scores.f1[index]), 4),
            seconds=int(scores.confusion[index].sum()),
        )
        for index, sound in enumerate(SOUNDS)
    }
    return FoldScore(fold=fold, macro_f1=round(scores.macro_f1, 4), classes=classes)


def _heard_as(scores: Scores) -> dict[str, dict[str, int]]:
    return {
        truth.value: {verdict.value: int(n) for verdict, n in zip(SOUNDS, row, strict=True) if n}
        for truth, row in zip(SOUNDS, scores.confusion, strict=True)
        if row.any()
    }


def publish(
    forest: RandomForestClassifier, origin: Origin, scores: Report, seconds: int, created: date, folder: Path
) -> StudentCard:
    """Write `student.joblib` and its card into `folder`, and return the card.

    Both are written beside their places first, so that a full disk leaves the old pair whole.

    Raises:
        MaterialError: the folder cannot be written.
    """
    buffer = io.BytesIO()
    # zlib: xz is a tenth smaller and takes four times as long to load.
    joblib.dump(forest, buffer, compress=("zlib", 9))
    content = buffer.getvalue()
    card = StudentCard(
        sha256=hashlib.sha256(content).hexdigest(),
        feature_version=FEATURE_VERSION,
        classes=tuple(sound.value for sound in SOUNDS),
        sklearn_version=sklearn.__version__,
        created=created,
        trees=len(forest.estimators_),
        seed=forest.random_state,
        seconds=seconds,
        training_data=origin.materials,
        never_heard=NEVER_HEARD,
        scores=scores,
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as draft:
            (Path(draft) / "student.joblib").write_bytes(content)
            (Path(draft) / "student.json").write_text(card.model_dump_json(indent=1) + "\n", encoding="utf-8")
            for name in ("student.joblib", "student.json"):
                (Path(draft) / name).replace(folder / name)
    except OSError as error:
        raise MaterialError(
            f"{folder} cannot be written ({error.strerror}): choose another folder"
        ) from error
    return card
