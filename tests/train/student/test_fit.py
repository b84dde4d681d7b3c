"""Students are fitted on what is there, by their recipe, and judged on strangers alone."""

from dataclasses import replace

import numpy as np
import pytest

from agent.hearing.calibration import Calibration
from agent.train.errors import MaterialError
from agent.train.parallel import Workers
from agent.train.student.candidate import packed
from agent.train.student.fit import balance, fit, judge_strangers, targets
from agent.train.student.recipes import BoostedRecipe, ForestRecipe, Recipe
from tests.train.seconds import plain

ALONE = Workers(jobs=1)
FOREST = ForestRecipe(trees=25, leaf=2, share=0.5)
BOOSTED = BoostedRecipe(iterations=10, leaf=5)


@pytest.mark.parametrize("recipe", [FOREST, replace(FOREST, soft=0.5), BOOSTED])
def test_strangers_that_sound_alike_are_told_apart(recipe: Recipe) -> None:
    examples, vectors = plain(folds=3)
    folds_judged: list[None] = []
    judged = judge_strangers(recipe, examples, vectors, ALONE, lambda: folds_judged.append(None))
    np.testing.assert_array_equal(judged.verdict, examples.truth)
    np.testing.assert_allclose(judged.p.sum(axis=1), 1)
    assert len(folds_judged) == 3
    assert (judged.file, judged.group) == (examples.file, examples.group)


@pytest.mark.parametrize("recipe", [FOREST, BOOSTED])
def test_a_fold_is_judged_by_a_student_that_never_heard_it(recipe: Recipe) -> None:
    examples, vectors = plain(folds=2)
    truth = examples.truth
    # In fold 0 speech looks as ringing does in fold 1, and the other way round.
    swapped = np.where((examples.fold == 0) & (truth < 2), 1 - truth, truth)
    vectors = (vectors + 10 * (swapped - truth)[:, np.newaxis]).astype(np.float32)
    verdict = judge_strangers(recipe, examples, vectors, ALONE).verdict
    assert (verdict[truth < 2] == 1 - truth[truth < 2]).mean() > 0.9
    assert (verdict[truth >= 2] == truth[truth >= 2]).mean() > 0.9


def test_a_forest_says_what_scikit_learn_says_of_it() -> None:
    examples, vectors = plain()
    student = fit(FOREST, examples, vectors, ALONE)
    noise = np.random.default_rng(1).normal(15, 15, (50, vectors.shape[1])).astype(np.float32)
    np.testing.assert_allclose(student.predict(noise), student.model.predict_proba(noise), atol=1e-9)


def test_a_calibrated_student_is_surer_of_the_same() -> None:
    examples, vectors = plain()
    student = fit(FOREST, examples, vectors + np.float32(4), ALONE)
    noise = np.random.default_rng(1).normal(15, 15, (50, vectors.shape[1])).astype(np.float32)
    surer = replace(student, calibration=Calibration(temperature=0.4)).predict(noise)
    assert surer.max(axis=1).mean() > student.predict(noise).max(axis=1).mean()
    assert student.predict(noise[:0]).shape == (0, 4)


@pytest.mark.parametrize("recipe", [FOREST, BOOSTED])
def test_a_sound_that_is_missing_is_named(recipe: Recipe) -> None:
    examples, vectors = plain()
    some = examples.truth < 2
    with pytest.raises(MaterialError, match="no second of music or silence to learn from"):
        fit(recipe, examples.where(some), vectors[some], ALONE)


def test_ambiguous_seconds_are_judged_even_where_they_are_not_learned_from() -> None:
    examples, vectors = plain()
    doubtful = np.arange(len(examples)) % 4 == 1
    lied = replace(examples, ambiguous=doubtful, truth=np.where(doubtful, 0, examples.truth))
    kept = judge_strangers(replace(FOREST, ambiguous=False), lied, vectors, ALONE)
    assert len(kept) == len(examples)
    np.testing.assert_array_equal(kept.verdict, examples.truth)
    all_doubtful = replace(examples, ambiguous=np.ones(len(examples), np.bool_))
    with pytest.raises(MaterialError, match="no clear second of ringing or speech or music or silence"):
        fit(replace(FOREST, ambiguous=False), all_doubtful, vectors, ALONE)


def test_weights_tell_what_is_learned() -> None:
    examples, vectors = plain(each=30)
    contrary = np.arange(len(examples)) % 2 == 1
    lied = replace(examples, truth=np.where(contrary, (examples.truth + 1) % 4, examples.truth))
    weighted = replace(lied, weight=np.where(contrary, 0.01, 1.0))
    for recipe in (FOREST, replace(BOOSTED, leaf=20)):
        verdict = fit(recipe, weighted, vectors, ALONE).predict(vectors).argmax(axis=1)
        assert (verdict == examples.truth).mean() > 0.95


def test_a_soft_target_makes_a_second_part_of_several_sounds() -> None:
    examples, _ = plain(folds=1, each=1)
    soft = np.array([[0.4, 0.1, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0], [0.01, 0, 0, 0.99]])
    taught = replace(examples, soft=soft, weight=np.array([1.0, 1.0, 3.0, 1.0]))
    rows, classes, weights = targets(taught, 0.5)
    learned = {(r, c): w for r, c, w in zip(rows.tolist(), classes.tolist(), weights.tolist(), strict=True)}
    # A second of which the teachers say nothing at all is what it is known to be.
    assert learned == pytest.approx({(0, 0): 0.9, (0, 1): 0.1, (1, 1): 1.0, (2, 2): 3.0, (3, 3): 0.995})
    assert targets(taught, 0.0)[1].tolist() == [0, 1, 2, 3]


def test_balanced_sounds_count_alike() -> None:
    classes = np.array([0, 0, 0, 1, 2, 3])
    weights = balance(classes, np.array([1.0, 1.0, 2.0, 1.0, 1.0, 6.0]))
    np.testing.assert_allclose(np.bincount(classes, weights), [3.0] * 4)
    assert weights[2] == 2 * weights[0]


def test_where_a_second_may_be_either_the_weight_of_music_decides() -> None:
    examples, vectors = plain()
    speech_or_music = np.isin(examples.truth, [1, 2])
    vectors = np.where(speech_or_music[:, np.newaxis], np.float32(15), vectors)
    says_music = [
        fit(replace(FOREST, music_weight=weight), examples, vectors, ALONE).predict(vectors)[
            speech_or_music, 2
        ]
        for weight in (0.5, 2.0)
    ]
    assert says_music[0].mean() < 0.4
    assert says_music[1].mean() > 0.6


def test_no_byte_of_a_forest_is_left_to_chance() -> None:
    examples, vectors = plain()
    forest = fit(FOREST, examples, vectors, ALONE).model
    for tree in forest.estimators_:
        nodes = tree.tree_.__getstate__()["nodes"]
        written = sum(nodes.dtype[field].itemsize for field in nodes.dtype.names)
        rows = np.frombuffer(nodes.tobytes(), np.uint8).reshape(len(nodes), -1)
        assert rows.shape[1] > written
        assert not rows[:, written:].any()
    one, two = (packed(fit(FOREST, examples, vectors, Workers(jobs=jobs))) for jobs in (1, 2))
    assert one == two
    assert not hasattr(forest, "_sample_weight")
