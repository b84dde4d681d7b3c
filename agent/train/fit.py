"""From a labelled corpus to a forest, and what it is worth on voices, songs and tones it never heard."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier

from agent.hearing.features import FEATURES, Vectors, features
from agent.hearing.pcm import Samples
from agent.hearing.rows import ROW_WIDTH, frame_rows
from agent.hearing.sound import SOUNDS
from agent.hearing.spectrogram import FRAMES_PER_SECOND, Framer, power
from agent.train.corpus import LabelledSecond
from agent.train.errors import MaterialError

Labels = NDArray[np.int64]
"""Indices into SOUNDS, (n,)."""

TREES = 500
SEED = 42
LEAF = 4
"""Fewest seconds in a leaf."""
SHARE = 0.25
"""Share of the seconds that each tree is fitted on. On strangers this scores no worse than all seconds and
leaves of 16, in a third of the time, and keeps the file below 15 MB."""


def hear_recording(samples: Samples) -> Vectors:
    """Hear a recording as the agent would: (n,) samples give the (seconds, FEATURES) of its whole seconds."""
    rows = frame_rows(power([Framer().push(samples)]))
    whole = len(rows) // FRAMES_PER_SECOND
    return features(rows[: whole * FRAMES_PER_SECOND].reshape(whole, FRAMES_PER_SECOND, ROW_WIDTH))


def hear_corpus(
    folder: Path, seconds: Sequence[LabelledSecond], step: Callable[[], None] = lambda: None
) -> Vectors:
    """Return the vector of every labelled second, (len(seconds), FEATURES); calls `step` for each recording.

    Raises:
        MaterialError: a recording is missing, damaged or too short for its labels.
    """
    vectors = np.empty((len(seconds), FEATURES), np.float32)
    heard: Vectors = np.empty((0, FEATURES), np.float32)
    recording = None
    for index, second in enumerate(seconds):
        if second.recording != recording:
            recording = second.recording
            path = folder / "audio" / f"{recording}.flac"
            try:
                samples, _ = soundfile.read(path, dtype="float32")
            except (OSError, soundfile.LibsndfileError) as error:
                raise MaterialError(f"{path} cannot be read ({error}): make the corpus again") from error
            heard = hear_recording(samples)
            step()
        if second.second >= len(heard):
            raise MaterialError(
                f"recording {recording} ends before its second {second.second}: make the corpus again"
            )
        vectors[index] = heard[second.second]
    return vectors


def labels_of(seconds: Sequence[LabelledSecond]) -> Labels:
    """Return the classes of seconds as indices into SOUNDS."""
    return np.array([SOUNDS.index(second.sound) for second in seconds], np.int64)


def fit_forest(
    vectors: Vectors, labels: Labels, trees: int = TREES, jobs: int = -1
) -> RandomForestClassifier:
    """Fit a forest; the same vectors give the same forest, however many jobs fit it.

    Raises:
        MaterialError: a class is missing.
    """
    missing = [sound for index, sound in enumerate(SOUNDS) if index not in labels]
    if missing:
        raise MaterialError(f"the corpus has no second of {', '.join(missing)}: make a larger one")
    forest = RandomForestClassifier(
        n_estimators=trees,
        min_samples_leaf=LEAF,
        max_samples=SHARE,
        random_state=SEED,
        n_jobs=jobs,
        class_weight="balanced_subsample",
    )
    forest.fit(vectors, labels)
    # The number of jobs is pickled; the file must not depend on it.
    return forest.set_params(n_jobs=None)


@dataclass(frozen=True, slots=True)
class Scores:
    """How well strangers were told apart."""

    confusion: NDArray[np.int64]
    """Seconds by truth (rows) and verdict (columns), in the order of SOUNDS."""

    @property
    def precision(self) -> NDArray[np.float64]:
        """Share of the verdicts of each class that were right."""
        return self._right(1.0, self.confusion.sum(axis=0))

    @property
    def recall(self) -> NDArray[np.float64]:
        """Share of the seconds of each class that were found."""
        return self._right(1.0, self.confusion.sum(axis=1))

    @property
    def f1(self) -> NDArray[np.float64]:
        """Harmonic mean of precision and recall."""
        return self._right(2.0, self.confusion.sum(axis=0) + self.confusion.sum(axis=1))

    def _right(self, times: float, of: NDArray[np.int64]) -> NDArray[np.float64]:
        share: NDArray[np.float64] = times * np.diag(self.confusion) / np.maximum(1, of)
        return share

    @property
    def macro_f1(self) -> float:
        """Mean F1 of the four classes."""
        return float(self.f1.mean())


def score(truth: Labels, verdict: Labels) -> Scores:
    """Count verdicts against truth."""
    confusion = np.zeros((len(SOUNDS), len(SOUNDS)), np.int64)
    np.add.at(confusion, (truth, verdict), 1)
    return Scores(confusion)


def judge_strangers(
    vectors: Vectors,
    seconds: Sequence[LabelledSecond],
    trees: int = TREES,
    jobs: int = -1,
    step: Callable[[], None] = lambda: None,
) -> Labels:
    """Return a verdict for every second by a forest that heard nothing of its fold; calls `step` a fold."""
    folds = np.array([second.fold for second in seconds])
    labels = labels_of(seconds)
    verdict = np.empty(len(seconds), np.int64)
    for fold in np.unique(folds):
        held_out = folds == fold
        if held_out.all():
            raise MaterialError("the corpus has one fold only: make a larger one")
        forest = fit_forest(vectors[~held_out], labels[~held_out], trees, jobs)
        verdict[held_out] = forest.predict(vectors[held_out])
        step()
    return verdict
