"""From examples to a student, and what students say of voices, songs and tones that they never heard."""

import io
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import joblib
import numpy as np
from joblib import parallel_config
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from threadpoolctl import threadpool_limits

from agent.hearing.calibration import Calibration
from agent.hearing.features import Vectors
from agent.hearing.forest import Probabilities
from agent.hearing.pcm import Samples
from agent.hearing.sound import SOUNDS, Sound
from agent.hearing.trees import Trees
from agent.train.errors import MaterialError
from agent.train.parallel import Backend, Workers
from agent.train.student.examples import Examples
from agent.train.student.recipes import BoostedRecipe, ForestRecipe, Recipe
from agent.train.student.strangers import Labels, Strangers

_LEAST_TARGET = 0.02
"""A sound that is less of a second's target is left out: it would only make the student larger."""

Weights = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Student:
    """A fitted model that names the sound of seconds."""

    recipe: Recipe
    model: Any
    """scikit-learn's, whose classes are the indices of SOUNDS."""
    calibration: Calibration | None = None
    trees: Trees | None = field(init=False, repr=False)
    """A random forest's, as the agent walks them."""

    def __post_init__(self) -> None:
        is_forest = isinstance(self.model, RandomForestClassifier)
        trees = Trees.of([tree.tree_ for tree in self.model.estimators_]) if is_forest else None
        object.__setattr__(self, "trees", trees)

    def hear(self, samples: Samples) -> Probabilities:
        """Judge the whole seconds of a recording, (n,) samples at 8 kHz: (seconds, 4)."""
        return self.predict(self.recipe.view.see(samples))

    def predict(self, vectors: Vectors) -> Probabilities:
        """Return the probabilities of (n, view.width) vectors, (n, 4), each row sums to 1."""
        shares = self._shares(vectors)
        return self.calibration.apply(shares) if self.calibration else shares

    def _shares(self, vectors: Vectors) -> Probabilities:
        if self.trees is not None:
            return self.trees.predict(vectors)
        if not len(vectors):
            return np.zeros((0, len(SOUNDS)))
        p: Probabilities = self.model.predict_proba(vectors)
        return p


def fit(
    recipe: Recipe,
    examples: Examples,
    vectors: Vectors,
    workers: Workers,
    calibration: Calibration | None = None,
) -> Student:
    """Fit a student; the same examples give the same one, however many work on it.

    Args:
        recipe: how it is made.
        examples: n labelled seconds.
        vectors: how `recipe.view` sees them, (n, width).
        workers: who works on it.
        calibration: what is made of what it says.

    Raises:
        MaterialError: a sound is missing, or the workers are.
    """
    if not recipe.ambiguous:
        examples, vectors = examples.where(~examples.ambiguous), vectors[~examples.ambiguous]
    missing = [sound for index, sound in enumerate(SOUNDS) if index not in examples.truth]
    if missing:
        raise MaterialError(
            f"there is no {'clear ' * (not recipe.ambiguous)}second of {' or '.join(missing)} to learn from: "
            "add recordings, of several groups"
        )
    # Trees let go of Python's lock, so threads do; and nothing is copied.
    with replace(workers, backend=Backend.THREADING).engaged() as config, parallel_config(**config):
        if isinstance(recipe, ForestRecipe):
            model = _forest(recipe, examples, vectors)
        else:
            model = _boosted(recipe, examples, vectors)
    return Student(recipe, model, calibration)


def _forest(recipe: ForestRecipe, examples: Examples, vectors: Vectors) -> RandomForestClassifier:
    rows, classes, weights = targets(examples, recipe.soft)
    if recipe.balanced:
        weights = balance(classes, weights)
    weights = np.where(classes == SOUNDS.index(Sound.MUSIC), recipe.music_weight, 1.0) * weights
    forest = RandomForestClassifier(
        n_estimators=recipe.trees,
        min_samples_leaf=recipe.leaf,
        max_samples=recipe.share,
        max_features=recipe.features_per_split or "sqrt",
        random_state=recipe.seed,
    )
    forest.fit(vectors[rows], classes, sample_weight=weights)
    # It keeps every second's weight, which nobody needs any more.
    vars(forest).pop("_sample_weight", None)
    forest.estimators_ = [_repeatable(tree) for tree in forest.estimators_]
    return forest


def _repeatable(tree: Any) -> Any:
    """Return the same tree, whose pickle shows neither who fitted it nor what lay in memory before it.

    Trees that one process fitted share some objects, trees of several do not; and between the fields of a
    node there are bytes that nobody has written to.
    """
    buffer = io.BytesIO()
    joblib.dump(tree, buffer)
    alone = joblib.load(buffer)
    state = alone.tree_.__getstate__()
    nodes = np.zeros(state["nodes"].shape, state["nodes"].dtype)
    for name in nodes.dtype.names:
        nodes[name] = state["nodes"][name]
    alone.tree_.__setstate__(state | {"nodes": nodes})
    return alone


def _boosted(recipe: BoostedRecipe, examples: Examples, vectors: Vectors) -> HistGradientBoostingClassifier:
    weights = examples.weight
    if recipe.balanced:
        weights = balance(examples.truth, weights)
    trees = HistGradientBoostingClassifier(
        max_iter=recipe.iterations,
        learning_rate=recipe.learning_rate,
        max_leaf_nodes=recipe.leaves,
        min_samples_leaf=recipe.leaf,
        max_features=recipe.features_per_split or 1.0,
        early_stopping=False,
        random_state=recipe.seed,
    )
    # With weights scikit-learn looks for every bin's edge by itself, which takes longer than the trees.
    weighted = None if (weights == weights[0]).all() else weights
    # Sums that several threads share out come out otherwise in the last digit, and their number is pickled.
    with threadpool_limits(1):
        return trees.fit(vectors, examples.truth, sample_weight=weighted)


def targets(examples: Examples, soft: float) -> tuple[NDArray[np.intp], Labels, Weights]:
    """Return what is learned of each second: its index, a sound, and how much that counts.

    A second whose target is part one sound and part another is there for each, weighted by its part. Splits
    that part these best (Gini) are those that part the targets best as numbers (squared error): a regression
    on soft targets is the same tree.
    """
    strength = examples.soft.sum(axis=1, keepdims=True)
    known = np.eye(len(SOUNDS))[examples.truth]
    shares = np.divide(examples.soft, strength, out=known.copy(), where=strength > 0)
    target = (1 - soft) * known + soft * shares
    rows, classes = np.nonzero(target > _LEAST_TARGET)
    return rows, classes.astype(np.int64), target[rows, classes] * examples.weight[rows]


def balance(classes: Labels, weights: Weights) -> Weights:
    """Weight (n,) seconds so that every sound counts alike, and all together as before."""
    total = np.bincount(classes, weights, minlength=len(SOUNDS))
    balanced: Weights = weights * (total.sum() / len(SOUNDS) / total)[classes]
    return balanced


def judge_strangers(
    recipe: Recipe,
    examples: Examples,
    vectors: Vectors,
    workers: Workers,
    step: Callable[[], None] = lambda: None,
) -> Strangers:
    """Judge every second by a student that was fitted without its fold; calls `step` for each fold.

    Raises:
        MaterialError: without a fold, a sound is missing.
    """
    p = np.empty((len(examples), len(SOUNDS)))
    for fold in np.unique(examples.fold):
        held_out = examples.fold == fold
        student = fit(recipe, examples.where(~held_out), vectors[~held_out], workers)
        p[held_out] = student.predict(vectors[held_out])
        step()
    return Strangers(
        file=examples.file,
        start=examples.start,
        group=examples.group,
        fold=examples.fold,
        truth=examples.truth,
        ambiguous=examples.ambiguous,
        p=p,
        soft=examples.soft,
        teacher=examples.teacher,
    )
