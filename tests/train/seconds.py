"""Examples and recordings to learn from, made here."""

from pathlib import Path

import numpy as np
import soundfile

from agent.hearing.features import Vectors
from agent.hearing.sound import SOUNDS
from agent.train.labels.label_table import Row, write_rows
from agent.train.labels.labelling import LabelledSecond
from agent.train.student.examples import Examples
from agent.train.student.strangers import Strangers
from tests.train.conftest import song, voice

RATE_HZ = 8000


def plain(folds: int = 3, width: int = 6, each: int = 20) -> tuple[Examples, Vectors]:
    """Four sounds that differ in every feature, `each` seconds of each in every fold."""
    rng = np.random.default_rng(0)
    truth = np.tile(np.repeat(np.arange(4), each), folds)
    fold = np.repeat(np.arange(folds), 4 * each)
    n = len(truth)
    examples = Examples(
        root=Path(),
        file=tuple(f"{f}-{t}.wav" for f, t in zip(fold.tolist(), truth.tolist(), strict=True)),
        start=np.tile(np.arange(each), 4 * folds),
        truth=truth,
        soft=np.eye(4)[truth],
        ambiguous=np.zeros(n, np.bool_),
        teacher=("construction",) * n,
        group=tuple(f"{SOUNDS[t]}/{f}" for f, t in zip(fold.tolist(), truth.tolist(), strict=True)),
        fold=fold,
        weight=np.ones(n),
    )
    vectors = (truth[:, np.newaxis] * 10.0 + rng.normal(0, 1, (n, width))).astype(np.float32)
    return examples, vectors


def strangers(p: np.ndarray, truth: np.ndarray, fold: np.ndarray | None = None) -> Strangers:
    """Clear seconds of which a student said `p`."""
    n = len(truth)
    return Strangers(
        file=tuple(f"{i}.wav" for i in range(n)),
        start=np.zeros(n, np.int64),
        group=tuple(f"group/{i % 7}" for i in range(n)),
        fold=np.arange(n) % 5 if fold is None else fold,
        truth=truth,
        ambiguous=np.zeros(n, np.bool_),
        p=p,
        soft=np.eye(4)[truth],
        teacher=("construction",) * n,
    )


def corpus(folder: Path, recordings: int = 3, seconds: int = 6) -> Path:
    """Write `recordings` of each sound with their label file; returns the label file."""
    rng = np.random.default_rng(4)
    (folder / "audio").mkdir(parents=True)
    rows = []
    for index, sound in enumerate(SOUNDS):
        for number in range(recordings):
            length = seconds + 0.1
            if index == 0:
                time = np.arange(int(length * RATE_HZ)) / RATE_HZ
                samples = 0.2 * np.sin(2 * np.pi * (400 + 25 * number) * time)
            elif index == 3:
                samples = 0.002 * rng.standard_normal(int(length * RATE_HZ))
            else:
                samples = (voice if index == 1 else song)(rng, length)[::2]
            name = f"{sound}{number}.wav"
            soundfile.write(folder / "audio" / name, samples, RATE_HZ)
            soft = tuple(np.eye(4)[index].tolist())
            rows += [
                Row(name, LabelledSecond(at, sound, soft, 1.0, at == 1), "construction", f"{sound}/{number}")
                for at in range(seconds)
            ]
    write_rows(folder / "labels.csv", rows, ".csv")
    return folder / "labels.csv"
