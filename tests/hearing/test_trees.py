"""Trees laid out for walking say what those say that they were made of, to the last bit."""

from pathlib import Path

import joblib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.ensemble import RandomForestClassifier

from agent.hearing.features import FEATURES
from agent.hearing.sound import SOUNDS
from agent.hearing.trees import Trees
from tests.hearing.conftest import Small

SHIPPED = Path(__file__).parents[2] / "models" / "student.joblib"


def laid_out(model: RandomForestClassifier) -> Trees:
    return Trees.of([estimator.tree_ for estimator in model.estimators_])


@given(
    seed=st.integers(0, 2**32 - 1),
    rows=st.integers(0, 70),
    leaf=st.integers(1, 60),
    trees=st.integers(1, 30),
    depth=st.integers(1, 20),
)
def test_every_forest_says_the_same(seed: int, rows: int, leaf: int, trees: int, depth: int) -> None:
    random = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(len(SOUNDS)), random.integers(0, len(SOUNDS), 56)])
    examples = random.normal(size=(60, 3))
    model = RandomForestClassifier(trees, min_samples_leaf=leaf, max_depth=depth, random_state=seed % 1000)
    model.fit(examples, labels)
    vectors = random.normal(size=(rows, 3)).astype(np.float32)
    theirs = model.predict_proba(vectors) if rows else np.zeros((0, len(SOUNDS)))
    np.testing.assert_array_equal(laid_out(model).predict(vectors), theirs, strict=True)


def test_values_beside_a_threshold_go_where_scikit_learn_sends_them(small: Small) -> None:
    fitted = [estimator.tree_ for estimator in small.model.estimators_]
    vectors = []
    for tree in fitted:
        branch = tree.children_left != -1
        for feature, threshold in zip(tree.feature[branch], tree.threshold[branch], strict=True):
            nearest = np.float32(threshold)
            for value in (nearest, np.nextafter(nearest, -np.inf), np.nextafter(nearest, np.inf)):
                vector = small.vectors[0].copy()
                vector[feature] = value
                vectors.append(vector)
    every = np.stack(vectors)
    np.testing.assert_array_equal(laid_out(small.model).predict(every), small.model.predict_proba(every))


@pytest.mark.parametrize("rows", [1, 20, 200])
def test_the_shipped_forest_gives_the_same_bits_in_less_than_half_of_the_memory(rows: int) -> None:
    model = joblib.load(SHIPPED)
    fitted = [estimator.tree_ for estimator in model.estimators_]
    trees = laid_out(model)
    vectors = np.random.default_rng(rows).normal(0, 40, (rows, FEATURES)).astype(np.float32)
    np.testing.assert_array_equal(trees.predict(vectors), model.predict_proba(vectors), strict=True)
    before = sum(tree.__getstate__()["nodes"].nbytes + tree.value.nbytes for tree in fitted)
    assert trees.nodes.nbytes + trees.says.nbytes + trees.shares.nbytes < before / 2


def test_no_two_of_the_shares_are_the_same(small: Small) -> None:
    shares = laid_out(small.model).shares
    assert len(np.unique(shares, axis=0)) == len(shares)
    np.testing.assert_allclose(shares.sum(axis=1), 1)


def test_the_fitted_trees_stay_as_they_are(small: Small) -> None:
    before = [estimator.tree_.__getstate__() for estimator in small.model.estimators_]
    laid_out(small.model)
    for tree, state in zip(small.model.estimators_, before, strict=True):
        after = tree.tree_.__getstate__()
        assert after["nodes"].tobytes() == state["nodes"].tobytes()
        np.testing.assert_array_equal(after["values"], state["values"])
