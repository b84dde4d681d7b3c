"""A sweep fits every combination and says what each is worth, how large it is and how fast."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from agent.train.commands import app
from agent.train.parallel import Workers
from agent.train.student.recipes import ForestRecipe
from agent.train.student.sweep import Settings, sweep
from agent.train.student.sweep_plot import front
from tests.train import seconds


def train_sweep(*words: object) -> Result:
    return CliRunner().invoke(app, ["sweep", *map(str, words), "--jobs", "1"])


@pytest.fixture(scope="module")
def labels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return seconds.corpus(tmp_path_factory.mktemp("made") / "corpus")


def test_every_combination_is_tried_once() -> None:
    recipes = list(Settings(trees=(5, 10), leaf=(1, 2, 3), balanced=(True, False)).recipes(ForestRecipe()))
    assert len(recipes) == len(set(recipes)) == 12
    assert replace(ForestRecipe(), trees=10, leaf=3, balanced=False) in recipes
    assert list(Settings().recipes(ForestRecipe())) == [ForestRecipe()]


def test_more_trees_are_larger_and_slower_and_a_leaf_of_everything_knows_nothing() -> None:
    examples, vectors = seconds.plain()
    recipes = [ForestRecipe(trees=n, leaf=leaf, share=1.0) for n, leaf in ((5, 2), (100, 2), (5, 10_000))]
    steps: list[None] = []
    small, large, stump = sweep(recipes, examples, vectors, Workers(jobs=1), lambda: steps.append(None))
    assert small.macro_f1 == large.macro_f1 == large.worst_fold == 1
    assert stump.macro_f1 < 0.5
    assert small.megabytes < large.megabytes
    assert small.ms_a_second_of_batch < large.ms_a_second_of_batch
    assert stump.log_loss > large.log_loss
    assert len(steps) == 3


def test_a_sweep_is_a_table_and_a_picture(labels: Path, tmp_path: Path) -> None:
    plot = tmp_path / "new" / "sweep.png"
    result = train_sweep(labels, "--trees", 3, "--trees", 6, "--leaf", 1, "--share", 1, "--plot", plot)
    assert result.exit_code == 0, result.output
    assert "Forests on strangers" in result.stdout
    assert plot.read_bytes().startswith(b"\x89PNG")
    assert [path.name for path in plot.parent.iterdir()] == ["sweep.png"]


def test_a_sweep_is_one_object_a_line(labels: Path) -> None:
    words = ("--features-per-split", "sqrt", "--features-per-split", 0.5, "--balanced", "no", "--json")
    result = train_sweep(labels, "--trees", 3, "--leaf", 1, "--share", 1, *words)
    assert result.exit_code == 0, result.output
    first, second = (json.loads(line) for line in result.stdout.splitlines())
    assert (first["features_per_split"], second["features_per_split"]) == (None, 0.5)
    assert (first["trees"], first["leaf"], first["balanced"]) == (3, 1, False)
    assert 0 <= first["worst_fold"] <= first["macro_f1"] <= 1
    assert first["megabytes"] > 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--features-per-split", "many"), "--features-per-split many is no share"),
        (("--features-per-split", "1.5"), "--features-per-split 1.5 is no share"),
        (("--balanced", "perhaps"), "--balanced perhaps is neither yes nor no"),
        (("--plot", "sweep.txt"), "sweep.txt should be a new file that ends in .png"),
    ],
)
def test_a_wrong_word_is_named(words: tuple[str, ...], said: str, labels: Path) -> None:
    result = train_sweep(labels, *words)
    assert result.exit_code == 2
    assert said in result.stderr


@given(points=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1))
def test_what_is_on_the_front_is_beaten_by_nothing(points: list[tuple[int, int]]) -> None:
    chosen = front([cost for cost, _ in points], [value for _, value in points])
    for index, (cost, value) in enumerate(points):
        beaten = any(c <= cost and v >= value and (c, v) != (cost, value) for c, v in points)
        if index in chosen:
            assert not beaten
        else:
            assert beaten or points.count((cost, value)) > 1
