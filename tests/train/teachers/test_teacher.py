"""What all teachers share: resampling, and batches without padding."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.train.teachers.teacher import Piece, batches, resample
from tests.train.teachers.made import tone


@pytest.mark.parametrize(
    ("rate_hz", "wanted_hz"), [(8000, 32000), (8000, 16000), (48000, 16000), (44100, 32000)]
)
def test_a_tone_stays_the_same_tone_at_another_rate(rate_hz: int, wanted_hz: int) -> None:
    there = resample(tone(1, rate_hz), rate_hz, wanted_hz)
    assert there.dtype == np.float32
    assert len(there) == wanted_hz
    inner = slice(wanted_hz // 10, -wanted_hz // 10)  # the filter rings at the edges
    assert np.abs(there - tone(1, wanted_hz))[inner].max() < 0.005


def test_nothing_is_done_to_samples_at_the_right_rate() -> None:
    samples = tone(1, 16000)
    assert resample(samples, 16000, 16000) is samples


@given(st.lists(st.integers(1, 50), max_size=30), st.integers(1, 200))
def test_batches_hold_pieces_of_one_length_and_lose_none(lengths: list[int], most: int) -> None:
    pieces = [Piece(index, 0, length) for index, length in enumerate(lengths)]
    made = list(batches(pieces, most))
    assert sorted((piece for batch in made for piece in batch), key=lambda piece: piece.waveform) == pieces
    for batch in made:
        assert len({piece.samples for piece in batch}) == 1
        assert len(batch) == 1 or len(batch) * batch[0].samples <= most
