"""Recipes are values: what the thesis did, what the paper did, and what is shipped."""

import pytest

from agent.train.errors import MaterialError
from agent.train.student.fit_command import tuned
from agent.train.student.recipes import RECIPES, BoostedRecipe, ForestRecipe
from agent.train.student.views import View


def test_the_thesis_is_500_trees_on_hard_targets_without_limits() -> None:
    thesis = RECIPES["thesis"]
    assert isinstance(thesis, ForestRecipe)
    assert (thesis.view, thesis.trees, thesis.seed) == (View.THESIS, 500, 42)
    assert (thesis.leaf, thesis.share, thesis.soft) == (1, 1.0, 0.0)
    assert not thesis.balanced
    assert not thesis.ambiguous


def test_the_default_is_500_trees_of_seed_42_on_what_the_agent_hears() -> None:
    default = RECIPES["default"]
    assert isinstance(default, ForestRecipe)
    assert (default.view, default.trees, default.seed) == (View.AGENT, 500, 42)


def test_settings_that_are_given_change_a_recipe_and_no_other() -> None:
    recipe = tuned("boosted", {"iterations": 7, "seed": 1})
    assert recipe == BoostedRecipe(iterations=7, seed=1)
    assert RECIPES["boosted"] == BoostedRecipe()
    assert tuned("default", {}) == RECIPES["default"]


def test_a_setting_of_another_recipe_is_refused() -> None:
    with pytest.raises(MaterialError, match="the recipe thesis has no setting --iterations: leave it out"):
        tuned("thesis", {"iterations": 7})
