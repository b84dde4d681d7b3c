"""How far figures would go with other groups: the seconds of a voice or song are not independent.

So whole groups are drawn, with replacement, as many as there are (cluster bootstrap; A. Davison, D. Hinkley,
"Bootstrap Methods and their Application", 1997, 3.8).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agent.hearing.sound import SOUNDS
from agent.train.student.strangers import Strangers

ROUNDS = 1000
_SEED = 42


@dataclass(frozen=True, slots=True)
class Interval:
    """Where 95 % of the draws lie."""

    low: float
    high: float


def macro_f1_draws(judged: Strangers) -> NDArray[np.float64]:
    """Return macro F1 of all seconds in `ROUNDS` draws of groups, the same draws for the same groups."""
    names, group = np.unique(np.array(judged.group, dtype=np.str_), return_inverse=True)
    if not len(names):
        return np.zeros(ROUNDS)
    size = len(SOUNDS)
    confusions = np.zeros((len(names), size, size))
    np.add.at(confusions, (group, judged.truth, judged.verdict), 1)
    times = np.random.default_rng(_SEED).multinomial(len(names), np.full(len(names), 1 / len(names)), ROUNDS)
    drawn = (times @ confusions.reshape(len(names), -1)).reshape(ROUNDS, size, size)
    hits = np.diagonal(drawn, axis1=1, axis2=2)
    concerned = drawn.sum(axis=1) + drawn.sum(axis=2)
    f1 = 2 * hits / np.maximum(concerned, 1)
    mean: NDArray[np.float64] = f1.sum(axis=1) / (concerned > 0).sum(axis=1)
    return mean


def interval(draws: NDArray[np.float64]) -> Interval:
    """Return where 95 % of the draws lie."""
    low, high = np.quantile(draws, (0.025, 0.975)).tolist()
    return Interval(low, high)
