"""A picture whose pixels can be counted."""

import io

import numpy as np
import pytest
from matplotlib.image import imread

from agent.train.review.review_picture import spectrogram


@pytest.mark.parametrize(("samples", "width"), [(0, 1), (1, 1), (8000, 64), (8001, 65)])
def test_its_width_is_the_duration(samples: int, width: int) -> None:
    picture = imread(io.BytesIO(spectrogram(np.zeros(samples, np.float32))))
    assert picture.shape[:2] == (257, width)


def test_a_tone_is_a_bright_line_at_its_pitch() -> None:
    tone = 0.3 * np.sin(2 * np.pi * 1000 * np.arange(16_000) / 8000)
    picture = imread(io.BytesIO(spectrogram(tone.astype(np.float32))))[:, :, :3].sum(axis=2)
    from_below = 256 - int(picture[:, 64].argmax())
    assert from_below == 64  # bins of 15.625 Hz
