"""A candidate is written whole or not at all, and read only if it is what its card says."""

import errno
import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from agent.hearing.features import FEATURES
from agent.hearing.forest import Forest, ModelError
from agent.train.errors import MaterialError
from agent.train.parallel import Workers
from agent.train.student import candidate
from agent.train.student.calibration import Calibrated, calibrate
from agent.train.student.candidate import packed, read_candidate, refuse_folder, write_candidate
from agent.train.student.card import StudentCard, make_card
from agent.train.student.fit import Student, fit, judge_strangers
from agent.train.student.recipes import BoostedRecipe, ForestRecipe, Recipe
from tests.train.seconds import plain

ALONE = Workers(jobs=1)


def made(recipe: Recipe) -> tuple[Student, StudentCard, Calibrated]:
    examples, vectors = plain(width=FEATURES, each=8)
    done = calibrate(judge_strangers(recipe, examples, vectors, ALONE))
    student = replace(fit(recipe, examples, vectors, ALONE), calibration=done.calibration)
    return student, make_card(student, packed(student), done, [], date(2026, 1, 2)), done


def written(folder: Path, recipe: Recipe = ForestRecipe(trees=5, leaf=1, share=1.0)) -> Student:  # noqa: B008
    student, card, done = made(recipe)
    write_candidate(folder, packed(student), card, done.strangers)
    return student


@pytest.mark.parametrize(
    "recipe", [ForestRecipe(trees=5, leaf=1, share=1.0), BoostedRecipe(iterations=3, leaf=2)]
)
def test_what_is_written_is_read_and_judges_alike(recipe: Recipe, tmp_path: Path) -> None:
    student = written(tmp_path / "candidate", recipe)
    read = read_candidate(tmp_path / "candidate")
    noise = np.random.default_rng(2).normal(15, 10, (30, FEATURES)).astype(np.float32)
    np.testing.assert_array_equal(read.student.predict(noise), student.predict(noise))
    assert read.student.recipe == recipe
    assert read.card.test_set == read.strangers.test_set
    assert {path.name for path in (tmp_path / "candidate").iterdir()} == {
        "student.joblib",
        "student.json",
        "strangers.csv",
    }
    assert list(tmp_path.iterdir()) == [tmp_path / "candidate"]


def test_the_agent_hears_with_a_candidate_as_training_did(tmp_path: Path) -> None:
    student = written(tmp_path / "candidate")
    noise = np.random.default_rng(2).normal(15, 10, (30, FEATURES)).astype(np.float32)
    forest = Forest.load(tmp_path / "candidate" / "student.joblib")
    np.testing.assert_array_equal(forest.predict(noise), student.predict(noise))


def test_the_agent_refuses_boosted_trees(tmp_path: Path) -> None:
    written(tmp_path / "candidate", BoostedRecipe(iterations=3, leaf=2))
    with pytest.raises(ModelError, match="holds no random forest"):
        Forest.load(tmp_path / "candidate" / "student.joblib")


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("student.joblib", "", "is not the file that its card describes"),
        ("student.json", "{}", r"student\.json is no card of a student \(sha256"),
        ("strangers.csv", "file\n", r"strangers\.csv is empty"),
    ],
)
def test_a_damaged_candidate_is_refused(name: str, text: str, said: str, tmp_path: Path) -> None:
    written(tmp_path / "candidate")
    (tmp_path / "candidate" / name).write_text(text)
    with pytest.raises(MaterialError, match=said):
        read_candidate(tmp_path / "candidate")


@pytest.mark.parametrize("name", ["student.joblib", "student.json", "strangers.csv"])
def test_a_missing_part_is_named(name: str, tmp_path: Path) -> None:
    written(tmp_path / "candidate")
    (tmp_path / "candidate" / name).unlink()
    with pytest.raises(MaterialError, match=f"{name} cannot be read"):
        read_candidate(tmp_path / "candidate")


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, strangers: object) -> None:
        path.write_text("half of it")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(candidate, "write_strangers", full)
    with pytest.raises(MaterialError, match=r"candidate cannot be written \(No space left on device\)"):
        written(tmp_path / "candidate")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_refused_before_the_work(tmp_path: Path) -> None:
    refuse_folder(tmp_path / "new" / "candidate")
    (tmp_path / "file").write_text("")
    with pytest.raises(MaterialError, match="exists already: remove it or name another folder"):
        refuse_folder(tmp_path / "file")
    with pytest.raises(MaterialError, match="file is no folder that can be written"):
        refuse_folder(tmp_path / "file" / "candidate")


def test_a_card_of_another_student_is_not_written(tmp_path: Path) -> None:
    student, card, done = made(ForestRecipe(trees=5, leaf=1))
    with pytest.raises(MaterialError, match="the card is not for the student"):
        write_candidate(tmp_path / "c", packed(student) + b"!", card, done.strangers)


def test_a_card_of_old_is_a_default_forest(tmp_path: Path) -> None:
    written(tmp_path / "candidate")
    path = tmp_path / "candidate" / "student.json"
    old = json.loads(path.read_text())
    for field in ("recipe", "test_set", "probabilities", "calibration"):
        del old[field]
    path.write_text(json.dumps(old))
    read = read_candidate(tmp_path / "candidate")
    assert read.student.recipe == ForestRecipe()
    assert read.student.calibration is None
