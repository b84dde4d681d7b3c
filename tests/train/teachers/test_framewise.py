"""The frame-wise CNN14: real decisions at real moments, however long the recording."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from agent.train.teachers.cnn14_network import RATE_HZ, Cnn14DecisionLevelMax
from agent.train.teachers.framewise import CLIP_SECONDS, FramewiseCnn14, piece_starts
from tests.train.teachers.made import sow, tone

LENGTH = CLIP_SECONDS * RATE_HZ


@pytest.fixture(scope="module")
def teacher() -> FramewiseCnn14:
    network = Cnn14DecisionLevelMax(maps=2)
    sow(network)
    return FramewiseCnn14(network, torch.device("cpu"))


def test_about_three_decisions_a_second_not_a_hundred(teacher: FramewiseCnn14) -> None:
    (frames,) = teacher.hear([tone(3, RATE_HZ)])
    assert frames.probabilities.shape == (9, len(teacher.classes)) == (9, 527)
    np.testing.assert_allclose(np.diff(frames.centres), 0.32)
    assert frames.centres[0] == pytest.approx(0.155)


def test_a_long_recording_is_heard_from_end_to_end(teacher: FramewiseCnn14) -> None:
    samples = np.random.default_rng(5).standard_normal(int(23.4 * RATE_HZ)).astype(np.float32) * 0.1
    (frames,) = teacher.hear([samples])
    steps = np.diff(frames.centres)
    assert steps.min() >= 0.16
    assert steps.max() <= 0.64
    assert set(range(23)) == set(np.floor(frames.centres).astype(int)) - {23}


def test_company_in_a_batch_changes_nothing(teacher: FramewiseCnn14) -> None:
    sounds = [tone(2, RATE_HZ), tone(1.3, RATE_HZ, 950), tone(2, RATE_HZ, 1400, 0.01)]
    together = teacher.hear(sounds)
    for sound, frames in zip(sounds, together, strict=True):
        (alone,) = teacher.hear([sound])
        np.testing.assert_allclose(frames.probabilities, alone.probabilities, atol=1e-5)
        np.testing.assert_array_equal(frames.centres, alone.centres)


@given(st.integers(RATE_HZ, 7 * LENGTH))
def test_pieces_cover_every_sample_and_reach_over_no_edge(samples: int) -> None:
    starts = piece_starts(samples)
    length = min(samples, LENGTH)
    assert starts[0] == 0
    assert starts[-1] + length == samples
    assert all(0 < b - a <= LENGTH for a, b in pairwise(starts))
