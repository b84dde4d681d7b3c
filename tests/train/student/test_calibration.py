"""Probabilities are made true by strangers, and by no second that is measured."""

import numpy as np
import pytest
from numpy.typing import NDArray

from agent.train.student.calibration import calibrate, fit_temperature, log_loss, worth
from agent.train.student.strangers import Labels
from tests.train.seconds import strangers


def votes(temperature: float, n: int = 4000) -> tuple[NDArray[np.float64], Labels]:
    """Draw truths from probabilities p, and give p ** temperature as shares of votes."""
    rng = np.random.default_rng(5)
    p = rng.dirichlet([0.3] * 4, n)
    truth = (p.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1).clip(0, 3)
    shares = (p + 1e-3) ** temperature
    return shares / shares.sum(axis=1, keepdims=True), truth


@pytest.mark.parametrize("temperature", [0.5, 1.5])
def test_the_temperature_that_spoiled_probabilities_is_found(temperature: float) -> None:
    shares, truth = votes(temperature)
    assert fit_temperature(shares, truth).temperature == pytest.approx(temperature, rel=0.1)


def test_strangers_become_true_and_keep_their_verdicts() -> None:
    judged = strangers(*votes(0.5))
    done = calibrate(judged)
    assert done.before.expected_calibration_error > 0.05
    assert done.after.expected_calibration_error < 0.02
    assert done.after.log_loss < done.before.log_loss
    np.testing.assert_array_equal(done.strangers.verdict, judged.verdict)
    assert done.calibration is not None
    assert done.calibration.temperature == pytest.approx(0.5, rel=0.1)
    assert worth(done.strangers) == done.after


def test_each_fold_is_calibrated_by_the_others() -> None:
    shares, truth = votes(0.5)
    fold = np.arange(len(truth)) % 2
    # Fold 1 is wrong throughout, so fold 0 must be made unsure, though it is right.
    truth = np.where(fold == 1, (shares.argmax(axis=1) + 1) % 4, shares.argmax(axis=1))
    judged = strangers(shares, truth, fold)
    done = calibrate(judged)
    others = fit_temperature(shares[fold == 1], truth[fold == 1])
    assert others.temperature > 10
    if done.calibration is not None:
        np.testing.assert_allclose(done.strangers.p[fold == 0], others.apply(shares[fold == 0]))


def test_what_no_temperature_mends_is_left_alone() -> None:
    shares, truth = votes(1.0)
    fold = np.arange(len(truth)) % 2
    truth = np.where(fold == 1, (shares.argmax(axis=1) + 1) % 4, shares.argmax(axis=1))
    done = calibrate(strangers(shares, truth, fold))
    # What either fold learns of the other makes it worse.
    assert done.calibration is None
    assert done.after == done.before
    np.testing.assert_array_equal(done.strangers.p, shares)


def test_log_loss_is_that_of_any_textbook() -> None:
    p = np.array([[0.5, 0.5, 0, 0], [0.25, 0.25, 0.25, 0.25], [1.0, 0, 0, 0]])
    assert log_loss(p, np.array([0, 2, 0])) == pytest.approx((np.log(2) + np.log(4)) / 3)
    assert log_loss(p[2:], np.array([1])) == pytest.approx(np.log(1e6))
