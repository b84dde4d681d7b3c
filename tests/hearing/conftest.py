"""A small real forest, fitted on sounds made here."""

import hashlib
import io
import json
from dataclasses import dataclass
from pathlib import Path

import joblib
import numpy as np
import pytest
import sklearn
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier

from agent.hearing.features import FEATURE_VERSION, Vectors, features
from agent.hearing.pcm import SAMPLE_RATE
from agent.hearing.rows import frame_rows
from agent.hearing.sound import SOUNDS
from agent.hearing.spectrogram import LOOKAHEAD, power_spectrogram

Sound = NDArray[np.float64]
TIME = np.arange(SAMPLE_RATE + LOOKAHEAD) / SAMPLE_RATE


def tone(rng: np.random.Generator) -> Sound:
    wave: Sound = np.sin(2 * np.pi * rng.uniform(380, 480) * TIME)
    return wave


def buzz(rng: np.random.Generator) -> Sound:
    wave: Sound = np.sign(np.sin(2 * np.pi * rng.uniform(90, 220) * TIME)) * (1 + np.sin(8 * np.pi * TIME))
    return wave


def chords(rng: np.random.Generator) -> Sound:
    hz, strike = rng.uniform(200, 300), np.exp(-3 * (TIME % 0.5))
    wave: Sound = sum(
        (np.sin(2 * np.pi * hz * ratio * TIME) for ratio in (1, 1.25, 1.5)), np.zeros(TIME.size)
    )
    return wave * strike


def hiss(rng: np.random.Generator) -> Sound:
    return 0.003 * rng.standard_normal(TIME.size)


@dataclass(frozen=True, slots=True)
class Small:
    """A forest of 20 trees with the seconds it was fitted on."""

    model: RandomForestClassifier
    vectors: Vectors
    labels: list[int]

    def card(self, content: bytes) -> dict[str, object]:
        return {
            "sha256": hashlib.sha256(content).hexdigest(),
            "feature_version": FEATURE_VERSION,
            "classes": list(SOUNDS),
            "sklearn_version": sklearn.__version__,
        }

    def write(self, folder: Path) -> Path:
        buffer = io.BytesIO()
        joblib.dump(self.model, buffer, compress=3)
        folder.mkdir(mode=0o755, exist_ok=True)
        path = folder / "student.joblib"
        path.write_bytes(buffer.getvalue())
        path.with_suffix(".json").write_text(json.dumps(self.card(buffer.getvalue())))
        for file in (path, path.with_suffix(".json")):
            file.chmod(0o644)
        return path


@pytest.fixture(scope="session")
def small() -> Small:
    rng = np.random.default_rng(7)
    rows, labels = [], []
    for label, make in enumerate((tone, buzz, chords, hiss)):
        for _ in range(12):
            sound = (0.2 * make(rng)).astype(np.float32)
            rows.append(frame_rows(power_spectrogram(sound)))
            labels.append(label)
    vectors = features(np.stack(rows))
    model = RandomForestClassifier(n_estimators=20, random_state=42).fit(vectors, labels)
    return Small(model, vectors, labels)


@pytest.fixture
def model_file(small: Small, tmp_path: Path) -> Path:
    """A forest and its card, as they are installed."""
    return small.write(tmp_path / "models")
