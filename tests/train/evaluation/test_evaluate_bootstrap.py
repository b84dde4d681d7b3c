"""Figures vary by whole groups, not by seconds."""

from dataclasses import replace

import numpy as np
import pytest

from agent.train.evaluation.evaluate_bootstrap import ROUNDS, interval, macro_f1_draws
from agent.train.evaluation.evaluate_scores import score
from agent.train.student.strangers import Strangers
from tests.train.seconds import strangers

TRUTH = np.tile(np.arange(4), 100)


def judged(groups: int, wrong: np.ndarray) -> Strangers:
    """Four hundred seconds of so many groups; those that are wrong are taken for the next sound."""
    verdict = np.where(wrong, (TRUTH + 1) % 4, TRUTH)
    return replace(
        strangers(np.eye(4)[verdict], TRUTH), group=tuple(f"g/{i * groups // 400}" for i in range(400))
    )


def test_one_who_is_always_right_is_always_right() -> None:
    assert set(macro_f1_draws(judged(20, np.zeros(400, bool))).tolist()) == {1.0}


def test_draws_lie_around_what_was_measured() -> None:
    some = judged(100, np.random.default_rng(0).random(400) < 0.2)
    draws = macro_f1_draws(some)
    assert draws.shape == (ROUNDS,)
    measured = score(some.truth, some.verdict).macro_f1
    assert draws.mean() == pytest.approx(measured, abs=0.01)
    found = interval(draws)
    assert found.low < measured < found.high
    # Binomial: 1.96 * sqrt(.2 * .8 / 400) = .039.
    assert found.high - measured == pytest.approx(0.039, abs=0.012)


def test_mistakes_that_come_in_groups_say_less() -> None:
    together, apart = np.arange(400) < 80, np.arange(400) % 5 == 0
    wide, narrow = (interval(macro_f1_draws(judged(20, wrong))) for wrong in (together, apart))
    assert wide.high - wide.low > 3 * (narrow.high - narrow.low)


def test_the_same_groups_are_drawn_for_all_so_that_leads_are_paired() -> None:
    wrong = np.random.default_rng(1).random(400) < 0.3
    better = wrong & (np.arange(400) % 10 > 0)
    lead = interval(macro_f1_draws(judged(40, better)) - macro_f1_draws(judged(40, wrong)))
    assert 0 < lead.low < 0.03 < lead.high


def test_no_seconds_have_no_score() -> None:
    nothing = judged(4, np.zeros(400, bool)).where(np.zeros(400, bool))
    assert set(macro_f1_draws(nothing).tolist()) == {0.0}
