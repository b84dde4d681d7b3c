"""How a student is made: every setting of it, as a value that its card repeats."""

from dataclasses import dataclass
from typing import Literal

from agent.train.student.views import View

SEED = 42


@dataclass(frozen=True, slots=True, kw_only=True)
class ForestRecipe:
    """A random forest (Breiman 2001), the student of the thesis and of the agent."""

    kind: Literal["forest"] = "forest"
    view: View = View.AGENT
    trees: int = 500
    leaf: int = 5
    """Fewest seconds in a leaf."""
    share: float = 0.4
    """Share of the seconds that each tree is fitted on, above 0. Less makes the file smaller and the fit
    faster, more scores a little better (docs/students.md)."""
    features_per_split: float | None = None
    """Share of the features that each split may choose from; None is their square root, which scores as well
    as more in half the time."""
    balanced: bool = True
    """Every sound counts alike, however many seconds it has."""
    music_weight: float = 2.0
    """How much more a second of music counts, above 0: it is the sound with the most kinds, and strangers'
    music is what students miss most."""
    ambiguous: bool = True
    """Ambiguous seconds are learned from too."""
    soft: float = 0.0
    """How much of a second's target is its soft target, 0 to 1; the rest is its sound alone. Measured: it
    makes the student more like its teachers, no better on strangers, and larger."""
    seed: int = SEED


@dataclass(frozen=True, slots=True, kw_only=True)
class BoostedRecipe:
    """Gradient-boosted trees, the student of arXiv 2410.21478, by histograms (Ke et al. 2017)."""

    kind: Literal["boosted"] = "boosted"
    view: View = View.AGENT
    iterations: int = 200
    """Trees for each sound. Their number is fixed: stopping early would need strangers of its own."""
    learning_rate: float = 0.1
    leaves: int = 31
    """Most leaves of a tree."""
    leaf: int = 20
    """Fewest seconds in a leaf."""
    features_per_split: float | None = None
    """Share of the features that each split may choose from; None is all."""
    balanced: bool = False
    """Every sound counts alike. Any weights make fitting many times slower."""
    ambiguous: bool = True
    seed: int = SEED


Recipe = ForestRecipe | BoostedRecipe

RECIPES: dict[str, Recipe] = {
    "default": ForestRecipe(),
    "thesis": ForestRecipe(
        view=View.THESIS, leaf=1, share=1.0, balanced=False, music_weight=1.0, ambiguous=False
    ),
    "boosted": BoostedRecipe(),
}
"""Recipes by the name that `fit` knows."""
