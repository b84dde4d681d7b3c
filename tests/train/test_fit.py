"""Forests are fitted on what is there and judged on strangers alone."""

import numpy as np
import pytest

from agent.hearing.features import FEATURES, Vectors
from agent.hearing.sound import SOUNDS, Sound
from agent.train.corpus import LabelledSecond
from agent.train.errors import MaterialError
from agent.train.fit import fit_forest, judge_strangers, labels_of, score


def second(index: int, sound: Sound, fold: int = 0) -> LabelledSecond:
    return LabelledSecond("00000", index, sound, f"family/{sound}-{fold}", fold, mixed=False)


def plain(folds: int) -> tuple[Vectors, list[LabelledSecond]]:
    """Four sounds that differ in every feature, 20 seconds of each in every fold."""
    rng = np.random.default_rng(0)
    seconds = [second(i, sound, fold) for fold in range(folds) for sound in SOUNDS for i in range(20)]
    centres = labels_of(seconds)[:, np.newaxis] * 10.0
    return (centres + rng.normal(0, 1, (len(seconds), FEATURES))).astype(np.float32), seconds


def test_scores_are_counted_as_in_any_textbook() -> None:
    scores = score(np.array([0, 0, 0, 0, 1, 1, 2, 3]), np.array([0, 0, 0, 1, 1, 1, 2, 0]))
    np.testing.assert_allclose(scores.precision, [3 / 4, 2 / 3, 1, 0])
    np.testing.assert_allclose(scores.recall, [3 / 4, 1, 1, 0])
    np.testing.assert_allclose(scores.f1, [3 / 4, 4 / 5, 1, 0])
    assert scores.macro_f1 == pytest.approx((0.75 + 0.8 + 1) / 4)


def test_strangers_that_sound_alike_are_told_apart() -> None:
    vectors, seconds = plain(folds=3)
    folds_judged: list[None] = []
    verdict = judge_strangers(vectors, seconds, trees=25, jobs=1, step=lambda: folds_judged.append(None))
    np.testing.assert_array_equal(verdict, labels_of(seconds))
    assert len(folds_judged) == 3


def test_a_fold_is_judged_by_a_forest_that_never_heard_it() -> None:
    vectors, seconds = plain(folds=2)
    labels = labels_of(seconds)
    first = np.array([s.fold == 0 for s in seconds])
    # In fold 0 speech looks as ringing does in fold 1, and the other way round.
    swapped = np.where(first & (labels < 2), 1 - labels, labels)
    vectors = (vectors + 10 * (swapped - labels)[:, np.newaxis]).astype(np.float32)
    verdict = judge_strangers(vectors, seconds, trees=25, jobs=1)
    assert (verdict[labels < 2] == 1 - labels[labels < 2]).mean() > 0.9
    assert (verdict[labels >= 2] == labels[labels >= 2]).mean() > 0.9


def test_one_fold_cannot_be_judged() -> None:
    vectors, seconds = plain(folds=1)
    with pytest.raises(MaterialError, match="one fold only"):
        judge_strangers(vectors, seconds, trees=2, jobs=1)


def test_a_class_that_is_missing_is_named() -> None:
    with pytest.raises(MaterialError, match="has no second of music, silence"):
        fit_forest(np.zeros((4, FEATURES), np.float32), np.array([0, 1, 0, 1]), trees=2, jobs=1)
