"""Lean trees say what the trees say that they were made of, to the last bit."""

from pathlib import Path

import joblib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.ensemble import RandomForestClassifier

from agent.hearing.features import FEATURES
from agent.hearing.forest import walk
from agent.hearing.trees import lean
from tests.hearing.conftest import Small

SHIPPED = Path(__file__).parents[2] / "models" / "student.joblib"


@given(
    seed=st.integers(0, 2**32 - 1),
    rows=st.integers(0, 70),
    leaf=st.integers(1, 20),
    trees=st.integers(1, 4),
    classes=st.integers(1, 5),
)
def test_every_forest_says_the_same(seed: int, rows: int, leaf: int, trees: int, classes: int) -> None:
    random = np.random.default_rng(seed)
    examples, labels = random.normal(size=(60, 3)), random.integers(0, classes, 60)
    model = RandomForestClassifier(trees, min_samples_leaf=leaf, random_state=seed % 1000).fit(
        examples, labels
    )
    fitted = [estimator.tree_ for estimator in model.estimators_]
    vectors = random.normal(size=(rows, 3)).astype(np.float32)
    for ours, theirs in zip(lean(fitted), fitted, strict=True):
        np.testing.assert_array_equal(ours.predict(vectors), theirs.predict(vectors), strict=True)


@pytest.mark.parametrize("rows", [1, 20, 200])
def test_a_walk_over_them_gives_the_same_bits(small: Small, rows: int) -> None:
    fitted = [estimator.tree_ for estimator in small.model.estimators_]
    vectors = np.random.default_rng(rows).normal(0, 40, (rows, FEATURES)).astype(np.float32)
    np.testing.assert_array_equal(walk(lean(fitted), vectors), walk(fitted, vectors), strict=True)
    np.testing.assert_array_equal(walk(lean(fitted), vectors), small.model.predict_proba(vectors))


def test_all_trees_share_one_table_and_no_two_leaves_of_a_tree_say_the_same(small: Small) -> None:
    trees = lean([estimator.tree_ for estimator in small.model.estimators_])
    [table] = {id(tree.shares): tree.shares for tree in trees}.values()
    assert len(np.unique(table, axis=0)) == len(table)
    np.testing.assert_allclose(table.sum(axis=1), 1)
    for tree in trees:
        said = tree.row_of[tree.branches.children_left == -1]
        assert len(np.unique(said)) == len(said)


def test_the_shipped_forest_needs_less_than_half_of_the_memory() -> None:
    model = joblib.load(SHIPPED)
    fitted = [estimator.tree_ for estimator in model.estimators_]
    trees = lean(fitted)
    vectors = np.random.default_rng(0).normal(0, 40, (20, FEATURES)).astype(np.float32)
    np.testing.assert_array_equal(walk(trees, vectors), walk(fitted, vectors))
    bytes_a_node = fitted[0].__getstate__()["nodes"].itemsize
    before = sum(tree.node_count * bytes_a_node + tree.value.nbytes for tree in fitted)
    after = sum(tree.branches.node_count * bytes_a_node + tree.row_of.nbytes for tree in trees)
    assert after + trees[0].shares.nbytes < before / 2


def test_the_fitted_trees_stay_as_they_are(small: Small) -> None:
    before = [estimator.tree_.value.copy() for estimator in small.model.estimators_]
    lean([estimator.tree_ for estimator in small.model.estimators_])
    for tree, value in zip(small.model.estimators_, before, strict=True):
        np.testing.assert_array_equal(tree.tree_.value, value)
