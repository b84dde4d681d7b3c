"""A forest and its card are published together, or not at all."""

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from agent.hearing.features import FEATURES
from agent.hearing.forest import Forest
from agent.hearing.sound import SOUNDS, Sound
from agent.train.card import Report, publish, report
from agent.train.corpus import LabelledSecond, Material, Origin
from agent.train.errors import MaterialError
from agent.train.fit import fit_forest

ORIGIN = Origin(seed=1, recordings=1, materials=(Material(what="a song", by="Ada", licence="CC0 1.0"),))


def seconds() -> list[LabelledSecond]:
    """Fold 0 and 1, each with one second of every sound, and one more that is mixed."""
    return [
        LabelledSecond("00000", i, sound, f"family/{sound}", fold, mixed=i > 0)
        for fold in (0, 1)
        for sound in SOUNDS
        for i in range(2)
    ]


def test_mixed_seconds_are_scored_apart() -> None:
    verdict = np.array([SOUNDS.index(s.sound) if not s.mixed else 0 for s in seconds()])
    scores = report(seconds(), verdict)
    assert scores.mean_macro_f1 == 1
    assert scores.mixed.classes["ringing"].precision == 0.25
    assert scores.mixed.macro_f1 == pytest.approx(0.4 / 4)


def test_every_group_says_what_it_was_taken_for() -> None:
    verdict = np.full(len(seconds()), SOUNDS.index(Sound.MUSIC))
    groups = {group.group: group for group in report(seconds(), verdict).groups}
    assert groups["family/speech"].heard_as == {"speech": {"music": 2}}
    assert (groups["family/speech"].right, groups["family/music"].right) == (0, 1)


def published(folder: Path) -> Path:
    labels = np.arange(40) % 4
    vectors = (labels[:, np.newaxis] + np.zeros((40, FEATURES))).astype(np.float32)
    scores: Report = report(seconds(), np.zeros(len(seconds()), np.int64))
    publish(fit_forest(vectors, labels, trees=3, jobs=1), ORIGIN, scores, 40, date(2026, 1, 2), folder)
    return folder / "student.joblib"


def test_what_is_published_can_be_loaded_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = published(tmp_path / "models")
    assert len(Forest.load(path).trees) == 3
    assert {file.name for file in path.parent.iterdir()} == {"student.joblib", "student.json"}
    assert '"created": "2026-01-02"' in path.with_suffix(".json").read_text()


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "models").write_text("")
    with pytest.raises(MaterialError, match=r"models cannot be written .* choose another folder"):
        published(tmp_path / "models")
