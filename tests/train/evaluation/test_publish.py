"""A student takes its place whole, the one before is kept, and a crash never leaves a wrong pair."""

import errno
import os
import stat
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from agent.hearing.features import FEATURES
from agent.hearing.forest import Forest, ModelError
from agent.train.errors import MaterialError
from agent.train.evaluation.publish import is_published, publish, refuse_other_kind
from agent.train.parallel import Workers
from agent.train.student.calibration import calibrate
from agent.train.student.candidate import packed, read_card, write_candidate
from agent.train.student.card import make_card
from agent.train.student.fit import Student, fit, judge_strangers
from agent.train.student.recipes import BoostedRecipe, ForestRecipe, Recipe
from agent.train.student.views import View
from tests.train.seconds import plain

PAIR = ("student.joblib", "student.json")
PREVIOUS = ("student.previous.joblib", "student.previous.json")
CREATED = date(2026, 1, 2)


def candidate(folder: Path, recipe: Recipe = ForestRecipe(trees=3, leaf=1)) -> Path:  # noqa: B008
    examples, vectors = plain(width=FEATURES if recipe.view is View.AGENT else recipe.view.width, each=6)
    judged = calibrate(judge_strangers(recipe, examples, vectors, Workers(jobs=1)))
    student = Student(recipe, fit(recipe, examples, vectors, Workers(jobs=1)).model, judged.calibration)
    card = make_card(student, packed(student), judged, [], CREATED)
    write_candidate(folder, packed(student), card, judged.strangers)
    return folder


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Candidates `one`, `two` and `three`, all different."""
    root = tmp_path_factory.mktemp("made")
    for seed, name in enumerate(("one", "two", "three")):
        candidate(root / name, ForestRecipe(trees=3, leaf=1, seed=seed))
    return root


def contents(folder: Path, names: tuple[str, ...]) -> list[bytes]:
    return [(folder / name).read_bytes() for name in names]


def test_a_candidate_becomes_the_model_that_the_agent_loads(made: Path, tmp_path: Path) -> None:
    assert publish(made / "one", tmp_path / "models") is False
    assert contents(tmp_path / "models", PAIR) == contents(made / "one", PAIR)
    assert sorted(path.name for path in (tmp_path / "models").iterdir()) == sorted(PAIR)
    assert Forest.load(tmp_path / "models" / PAIR[0]).predict(np.zeros((1, FEATURES), np.float32)).shape == (
        1,
        4,
    )


def test_the_model_before_it_is_kept(made: Path, tmp_path: Path) -> None:
    publish(made / "one", tmp_path)
    assert publish(made / "two", tmp_path) is True
    assert publish(made / "three", tmp_path) is True
    assert contents(tmp_path, PAIR) == contents(made / "three", PAIR)
    assert contents(tmp_path, PREVIOUS) == contents(made / "two", PAIR)
    Forest.load(tmp_path / PREVIOUS[0])
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted((*PAIR, *PREVIOUS))


def test_the_agent_may_read_it_whatever_the_umask(made: Path, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        (tmp_path / "models").mkdir(mode=0o755)
        publish(made / "one", tmp_path / "models")
    finally:
        os.umask(before)
    assert {stat.S_IMODE((tmp_path / "models" / name).stat().st_mode) for name in PAIR} == {0o644}


@pytest.mark.parametrize("survived", range(4))
def test_a_crash_between_two_renames_never_leaves_a_wrong_pair(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, survived: int
) -> None:
    """The power fails after so many of the four renames; then the same command is given again."""
    publish(made / "one", tmp_path)
    publish(made / "two", tmp_path)
    replace, done = Path.replace, list[Path]()

    def fail(path: Path, target: Path) -> Path:
        if len(done) == survived:
            raise KeyboardInterrupt
        done.append(target)
        return replace(path, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", fail)
        with pytest.raises(KeyboardInterrupt):
            publish(made / "three", tmp_path)
    if survived == 3:
        with pytest.raises(ModelError, match="is not the file that its card describes"):
            Forest.load(tmp_path / PAIR[0])
    else:
        assert contents(tmp_path, PAIR) == contents(made / "two", PAIR)
        Forest.load(tmp_path / PAIR[0])

    publish(made / "three", tmp_path)
    assert contents(tmp_path, PAIR) == contents(made / "three", PAIR)
    assert contents(tmp_path, PREVIOUS) == contents(made / "two", PAIR), "a torn pair is not kept"


def test_a_full_disk_leaves_the_old_pair(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(made / "one", tmp_path)

    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(MaterialError, match=r"cannot be written \(No space left on device\): make room"):
        publish(made / "two", tmp_path)
    assert contents(tmp_path, PAIR) == contents(made / "one", PAIR)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(PAIR)


def test_a_folder_that_others_may_write_is_refused_before_anything_changes(
    made: Path, tmp_path: Path
) -> None:
    publish(made / "one", tmp_path)
    tmp_path.chmod(0o777)
    with pytest.raises(MaterialError, match="chmod go-w"):
        publish(made / "two", tmp_path)
    assert contents(tmp_path, PAIR) == contents(made / "one", PAIR)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(PAIR)


def test_what_is_published_is_known_by_both_files(made: Path, tmp_path: Path) -> None:
    publish(made / "one", tmp_path)
    assert is_published(made / "one", tmp_path)
    assert not is_published(made / "two", tmp_path)
    (tmp_path / PAIR[1]).write_bytes((made / "two" / PAIR[1]).read_bytes())
    assert not is_published(made / "one", tmp_path)
    assert not is_published(made / "one", tmp_path / "none")


@pytest.mark.parametrize(
    ("recipe", "said"),
    [
        (BoostedRecipe(iterations=2, leaf=2), "holds a boosted student with the agent's features"),
        (ForestRecipe(trees=2, view=View.THESIS), "holds a forest student with the thesis's features"),
    ],
)
def test_a_student_that_the_agent_cannot_run_is_refused(
    recipe: Recipe, said: str, made: Path, tmp_path: Path
) -> None:
    other = candidate(tmp_path / "other", recipe)
    with pytest.raises(MaterialError, match=said):
        refuse_other_kind(read_card(other), other)
    refuse_other_kind(read_card(made / "one"), made / "one")
