"""The student: a random forest that names the sound of a second.

The file is a joblib pickle, and a pickle runs what it holds. So nothing is unpickled before
its bytes are known to be the ones that the card was written for, and before it is known that
nobody but root, the package's owner and the running user could have put them there.
"""

import hashlib
import io
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import joblib
import numpy as np
import sklearn
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError
from sklearn.ensemble import RandomForestClassifier

from agent.hearing.calibration import Calibration
from agent.hearing.features import FEATURE_VERSION, FEATURES, Vectors
from agent.hearing.sound import SOUNDS
from agent.hearing.trees import Trees

Probabilities = NDArray[np.float64]
"""Probability of each of `SOUNDS`, (n, 4), each row sums to 1."""


_AGAIN = "train it again with `earlymedia train fit` or install the model that belongs to this version"


class ModelError(Exception):
    """A forest cannot be used; the message says which file, why, and how to mend it."""


class Card(BaseModel):
    """What `Forest.load` must know of a forest before it opens it; the rest is for readers."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    sha256: str
    feature_version: int
    classes: tuple[str, ...]
    sklearn_version: str
    calibration: Calibration | None = None
    """None, as in cards of old: shares of votes are given as they are."""


@dataclass(frozen=True, slots=True)
class Forest:
    """A checked forest, ready to judge."""

    card: Card
    trees: Trees

    @classmethod
    def load(cls, path: Path) -> Self:
        """Load `path` (joblib) by the card beside it, the same name ending in `.json`.

        Raises:
            ModelError: a file is missing, may be written by others, is not what the card
                says, or was made for other features, classes or scikit-learn.
        """
        card_path = path.with_suffix(".json")
        try:
            card = Card.model_validate_json(_read_trusted(card_path), strict=None)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "the file"
            raise ModelError(
                f"{card_path} is no model card ({where}: {first['msg'].lower()}): install the model again"
            ) from None
        if card.feature_version != FEATURE_VERSION:
            raise ModelError(
                f"{path} was trained on features of version {card.feature_version}, this agent computes "
                f"version {FEATURE_VERSION}: {_AGAIN}"
            )
        model = read_model(path, card)
        return cls.of(model, card, path)

    @classmethod
    def of(cls, model: object, card: Card, path: Path) -> Self:
        """Take a fitted model, whose classes are the indices of `SOUNDS`."""
        if (
            not isinstance(model, RandomForestClassifier)
            or model.n_features_in_ != FEATURES
            or list(model.classes_) != list(range(len(SOUNDS)))
        ):
            raise ModelError(
                f"{path} holds no random forest of {FEATURES} features and {len(SOUNDS)} classes: "
                "train it again with `earlymedia train fit`"
            )
        return cls(card, Trees.of([estimator.tree_ for estimator in model.estimators_]))

    def predict(self, vectors: Vectors) -> Probabilities:
        """Return the probabilities of (n, FEATURES) vectors, (n, 4).

        They are those of `predict_proba`, made true by the card's calibration where it has one.
        """
        shares = self.trees.predict(vectors)
        return self.card.calibration.apply(shares) if self.card.calibration else shares


def read_model(path: Path, card: Card) -> Any:
    """Unpickle what `card` describes, after all that can be known without it is checked.

    Raises:
        ModelError: the file is missing, may be written by others, is another one than the card is for,
            or was made for other classes or another scikit-learn.
    """
    content = _read_trusted(path)
    sha256 = hashlib.sha256(content).hexdigest()
    if sha256 != card.sha256:
        raise ModelError(
            f"{path} is not the file that its card describes (sha256 {sha256[:12]}..., card says "
            f"{card.sha256[:12]}...): install the model and its card together again"
        )
    if card.classes != tuple(SOUNDS):
        raise ModelError(
            f"{path} knows the classes {', '.join(card.classes)}, not {', '.join(SOUNDS)}: {_AGAIN}"
        )
    theirs, ours = card.sklearn_version.split(".")[:2], sklearn.__version__.split(".")[:2]
    if theirs != ours:
        raise ModelError(
            f"{path} was made by scikit-learn {card.sklearn_version}, {sklearn.__version__} is installed: "
            f"install scikit-learn {'.'.join(theirs)}.* or train it again with `earlymedia train fit`"
        )
    try:
        return joblib.load(io.BytesIO(content))
    except Exception as error:
        raise ModelError(f"{path} cannot be unpickled ({error}): install the model again") from error


def _read_trusted(path: Path) -> bytes:
    """Read a file that nobody but root, the package's owner and ourselves can have written."""
    try:
        real = path.resolve(strict=True)
        with real.open("rb") as file:
            _refuse_writable(real, os.fstat(file.fileno()))
            _refuse_writable(real.parent, real.parent.stat())
            return file.read()
    except OSError as error:
        raise ModelError(
            f"{path} cannot be read ({error.strerror or error}): install the model or set the right path"
        ) from None


def _refuse_writable(path: Path, status: os.stat_result) -> None:
    sticky_folder = stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and not sticky_folder:
        raise ModelError(f"{path} may be written by others than its owner: run `chmod go-w {path}`")
    trusted = {0, os.geteuid(), Path(__file__).stat().st_uid}
    if status.st_uid not in trusted:
        raise ModelError(
            f"{path} belongs to user id {status.st_uid}, not to root or to whom the agent runs as: "
            f"run `chown root {path}`"
        )
