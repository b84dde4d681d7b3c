"""Figures are those of any textbook, and of scikit-learn."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import (
    accuracy_score,
    cohen_kappa_score,
    confusion_matrix,
    precision_recall_fscore_support,
)

from agent.hearing.sound import SOUNDS
from agent.train.evaluation.evaluate_scores import agreement, calibration, score
from tests.train.seconds import strangers

pairs = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=60)


@given(pairs)
def test_scores_are_those_of_scikit_learn(judged: list[tuple[int, int]]) -> None:
    truth, verdict = np.array(judged).T
    scores = score(truth, verdict)
    p, r, f, n = precision_recall_fscore_support(truth, verdict, labels=range(4), zero_division=0)
    assert [one.sound for one in scores.classes] == [sound.value for sound in SOUNDS]
    np.testing.assert_allclose([one.precision for one in scores.classes], p)
    np.testing.assert_allclose([one.recall for one in scores.classes], r)
    np.testing.assert_allclose([one.f1 for one in scores.classes], f)
    assert [one.seconds for one in scores.classes] == n.tolist()
    assert scores.right == pytest.approx(accuracy_score(truth, verdict))
    assert scores.confusion == tuple(map(tuple, confusion_matrix(truth, verdict, labels=range(4)).tolist()))
    # What is neither there nor heard has no F1, for scikit-learn and for us.
    *_, f_there, _ = precision_recall_fscore_support(truth, verdict, zero_division=0)
    assert scores.macro_f1 == pytest.approx(f_there.mean())


def test_the_lowest_recall_is_of_a_sound_that_is_there() -> None:
    truth, verdict = np.array([0, 0, 1, 1, 1, 1]), np.array([0, 0, 1, 1, 1, 2])
    assert score(truth, verdict).worst_recall == 0.75


def test_nothing_scores_nothing() -> None:
    nothing = np.zeros(0, np.int64)
    assert (score(nothing, nothing).seconds, score(nothing, nothing).macro_f1) == (0, 0.0)


@given(pairs)
def test_agreement_is_cohens(judged: list[tuple[int, int]]) -> None:
    teacher, student = np.array(judged).T
    agreed = agreement("t", teacher, student)
    assert agreed.share == pytest.approx(accuracy_score(teacher, student))
    if len(set(teacher.tolist()) | set(student.tolist())) > 1:
        assert agreed.kappa == pytest.approx(cohen_kappa_score(teacher, student))


def test_confidence_that_is_right_has_no_error() -> None:
    # Ten seconds given 0.7, seven of them rightly; ten given 0.4, four rightly.
    p = np.array([[0.7, 0.1, 0.1, 0.1]] * 10 + [[0.4, 0.2, 0.2, 0.2]] * 10)
    truth = np.array([0] * 7 + [1] * 3 + [0] * 4 + [2] * 6)
    true = calibration(strangers(p, truth))
    assert true.ece == pytest.approx(0)
    assert [(bin.seconds, bin.right) for bin in true.bins] == [(10, 0.4), (10, 0.7)]
    assert [bin.confidence for bin in true.bins] == pytest.approx([0.4, 0.7])


def test_confidence_that_is_too_high_is_told() -> None:
    p = np.array([[0.9, 0.1, 0.0, 0.0]] * 10)
    too_sure = calibration(strangers(p, np.array([0] * 6 + [1] * 4)))
    assert too_sure.ece == pytest.approx(0.3)
    # Of a second that is right .1² + .1², of one that is wrong .9² + .9².
    assert too_sure.brier == pytest.approx(0.6 * 0.02 + 0.4 * 1.62)


@given(st.lists(st.tuples(st.floats(0.25, 1.0), st.integers(0, 3)), min_size=1, max_size=40))
def test_bins_hold_every_second_once(said: list[tuple[float, int]]) -> None:
    p = np.array([[first, *[(1 - first) / 3] * 3] for first, _ in said])
    judged = strangers(p, np.array([truth for _, truth in said]))
    found = calibration(judged)
    assert sum(bin.seconds for bin in found.bins) == len(said)
    assert all(bin.low - 1e-9 <= bin.confidence <= bin.high + 1e-9 for bin in found.bins)
    assert 0 <= found.ece <= 1
    assert found == calibration(replace(judged, file=judged.file[::-1]))
