"""The card of a student says what strangers were taken for, and that probabilities are true."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from agent.hearing.features import FEATURE_VERSION
from agent.hearing.sound import SOUNDS, Sound
from agent.train.corpus.folder import Material
from agent.train.parallel import Workers
from agent.train.student.calibration import calibrate
from agent.train.student.candidate import read_card
from agent.train.student.card import StudentCard, make_card, never_heard, report
from agent.train.student.fit import fit, judge_strangers
from agent.train.student.recipes import RECIPES, BoostedRecipe, ForestRecipe, Recipe
from agent.train.student.strangers import Strangers
from tests.train.seconds import plain, strangers

SONG = Material(what="a song", by="Ada", licence="CC0 1.0")
SHIPPED = Path(__file__).parents[3] / "models"


def judged(verdict: np.ndarray) -> Strangers:
    """Fold 0 and 1, each with two seconds of every sound, the second of them ambiguous."""
    truth = np.tile(np.repeat(np.arange(4), 2), 2)
    return replace(
        strangers(np.eye(4)[verdict], truth, np.repeat([0, 1], 8)),
        ambiguous=np.arange(16) % 2 == 1,
        group=tuple(f"family/{SOUNDS[i]}" for i in truth),
    )


def test_ambiguous_seconds_are_scored_apart() -> None:
    truth = np.tile(np.repeat(np.arange(4), 2), 2)
    scores = report(judged(np.where(np.arange(16) % 2 == 1, 0, truth)))
    assert scores.mean_macro_f1 == 1
    assert [fold.fold for fold in scores.folds] == [0, 1]
    assert scores.mixed.classes["ringing"].precision == 0.25
    assert scores.mixed.classes["music"].recall == 0


def test_every_group_says_what_it_was_taken_for() -> None:
    groups = {group.group: group for group in report(judged(np.full(16, 2))).groups}
    assert groups["family/speech"].heard_as == {"speech": {"music": 2}}
    assert (groups["family/speech"].right, groups["family/music"].right) == (0, 1)


@pytest.mark.parametrize(
    ("recipe", "trees"), [(ForestRecipe(trees=5, leaf=2), 5), (BoostedRecipe(iterations=3, leaf=5), 0)]
)
def test_a_card_repeats_the_recipe_and_what_strangers_showed(recipe: Recipe, trees: int) -> None:
    examples, vectors = plain()
    done = calibrate(judge_strangers(recipe, examples, vectors, Workers(jobs=1)))
    student = fit(recipe, examples, vectors, Workers(jobs=1))
    card = make_card(student, b"content", done, [SONG], date(2026, 1, 2))
    again = StudentCard.model_validate_json(card.model_dump_json())
    assert again == card
    assert again.recipe == recipe
    assert (again.trees, again.seed, again.seconds) == (trees, 42, len(examples))
    assert again.test_set == done.strangers.test_set
    assert again.calibration == done.calibration
    assert again.probabilities is not None
    assert again.probabilities.after == done.after
    assert again.created == date(2026, 1, 2)
    assert again.training_data == (SONG,)


def test_the_thesis_features_are_none_of_the_agents() -> None:
    assert RECIPES["default"].view.version == FEATURE_VERSION
    assert RECIPES["thesis"].view.version != FEATURE_VERSION


def test_what_was_never_heard_depends_on_who_labelled() -> None:
    assert "every label comes from how the corpus was made" in never_heard(["construction"] * 3)
    mixed = never_heard(["yamnet", "reviewed", "construction", "yamnet"])
    assert "labels are by construction, reviewed, yamnet" in mixed
    assert "25.0% of the seconds were listened to" in mixed


def test_the_shipped_card_can_be_read() -> None:
    card = read_card(SHIPPED)
    assert card.trees == 500
    assert card.scores.mean_macro_f1 > 0.9
    assert Sound.RINGING in card.scores.folds[0].classes
