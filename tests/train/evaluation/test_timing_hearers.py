"""Who is timed does what it does in earnest."""

import sys
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agent.hearing.features import FEATURES
from agent.train.errors import MaterialError
from agent.train.evaluation.timing_hearers import cnn14_hearer, student_hearer
from agent.train.parallel import Workers
from agent.train.student.calibration import calibrate
from agent.train.student.candidate import packed
from agent.train.student.card import StudentCard, make_card
from agent.train.student.fit import Student, fit, judge_strangers
from agent.train.student.recipes import ForestRecipe, Recipe
from agent.train.student.views import View
from agent.train.teachers.catalogue import CHECKPOINTS, TeacherName
from tests.train.seconds import plain

SECONDS = [
    (0.1 * np.sin(2 * np.pi * hz / 8000 * np.arange(8387))).astype(np.float32) for hz in (300, 440, 1000)
]


def made(recipe: Recipe) -> tuple[Student, StudentCard]:
    examples, vectors = plain(width=recipe.view.width, each=8)
    judged = calibrate(judge_strangers(recipe, examples, vectors, Workers(jobs=1)))
    student = Student(recipe, fit(recipe, examples, vectors, Workers(jobs=1)).model, judged.calibration)
    return student, make_card(student, packed(student), judged, [], date(2026, 1, 2))


def test_the_agents_student_is_heard_through_the_agents_ear() -> None:
    student, card = made(ForestRecipe(trees=5, leaf=1))
    hearer = student_hearer("ours", student, card)
    heard: Any = hearer.hear(SECONDS)
    assert [len(seconds) for seconds in heard] == [1, 1, 1]
    # A tap delivers 16 bits: what is heard is what the student says of those.
    coarse = [np.trunc(second * 32768).astype(np.float32) / np.float32(32768) for second in SECONDS]
    said = [student.hear(second)[0] for second in coarse]
    np.testing.assert_allclose([seconds[0].p for seconds in heard], said, atol=1e-9)
    assert student.recipe.view.width == FEATURES
    assert "through its own ear" in hearer.note


def test_the_thesis_student_is_run_as_scikit_learn_runs_it() -> None:
    student, card = made(ForestRecipe(trees=5, leaf=1, view=View.THESIS))
    hearer = student_hearer("thesis", student, card)
    vectors = np.concatenate([View.THESIS.see(second) for second in SECONDS])
    np.testing.assert_array_equal(hearer.hear(SECONDS), student.model.predict_proba(vectors))
    assert "its view (thesis)" in hearer.note


def test_cnn14_passes_through_its_network_once_a_second_whatever_its_weights(tmp_path: Path) -> None:
    hearer = cnn14_hearer(tmp_path)
    assert hearer is not None
    heard: Any = hearer.hear(SECONDS[:2])
    assert [frames.probabilities.shape for frames in heard] == [(1, 527)] * 2
    assert "random weights" in hearer.note


def test_another_file_under_its_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / CHECKPOINTS[TeacherName.CNN14].file).write_bytes(b"something else")
    with pytest.raises(MaterialError, match=r"Cnn14_mAP=0\.431\.pth"):
        cnn14_hearer(tmp_path)


def test_without_pytorch_it_stays_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    assert cnn14_hearer(None) is None
