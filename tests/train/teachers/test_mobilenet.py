"""EfficientAT's MobileNetV3."""

import numpy as np
import pytest
import torch

from agent.train.teachers.mobilenet import RATE_HZ, LogMel, MobileNet, channels, kaldi_mel_filters
from tests.train.teachers.made import sow, tone

SOUND = torch.from_numpy(
    np.concatenate((tone(0.6, RATE_HZ), np.zeros(3200, np.float32), tone(0.6, RATE_HZ, 1800, 0.05)))
)[None]

# Recorded from this implementation when it had been compared with the original.
CLIP = [0.262770, 0.202307, 0.460881, 0.323849, 0.806208, 0.921234, 0.293162, 0.662792]


def test_it_computes_what_was_recorded() -> None:
    with torch.inference_mode():
        heard = sow(MobileNet(width=0.4, classes=8))(SOUND)
    np.testing.assert_allclose(heard[0], CLIP, atol=1e-4)


def test_width_04_has_the_published_number_of_parameters() -> None:
    assert sum(parameter.numel() for parameter in MobileNet(width=0.4).parameters()) == 983_599


def test_the_names_are_those_of_the_published_weights() -> None:
    state = MobileNet(width=0.4).state_dict()
    expected = {
        "features.0.0.weight": (8, 1, 3, 3),
        "features.4.block.2.conc_se_layers.0.fc1.weight": (8, 32),
        "features.15.block.3.1.running_mean": (64,),
        "features.16.0.weight": (384, 64, 1, 1),
        "classifier.2.weight": (512, 384),
        "classifier.5.bias": (527,),
    }
    assert {key: tuple(state[key].shape) for key in expected} == expected
    assert not [key for key in state if key.startswith("log_mel")]


@pytest.mark.parametrize(("wanted", "rounded"), [(6.4, 8), (25.6, 24), (28.8, 32), (44.8, 48), (64.0, 64)])
def test_channels_are_rounded_to_eights_and_never_far_down(wanted: float, rounded: int) -> None:
    assert channels(wanted) == rounded


def test_every_bin_up_to_15_khz_is_heard_by_its_bands() -> None:
    filters = kaldi_mel_filters()
    assert filters.shape == (513, 128)
    heard = filters.sum(axis=1)
    inner = slice(20, 440)  # beyond the first corner, below the last
    np.testing.assert_allclose(heard[inner], 1.0, atol=1e-6)
    assert heard[482:].max() == 0.0  # 15 kHz and above


def test_a_tone_lies_in_its_band() -> None:
    with torch.inference_mode():
        bands = LogMel()(torch.from_numpy(tone(1, RATE_HZ, hz=1000.0))[None])[0, 0]
    mel = 1127 * np.log1p(np.array([1000.0, 15000.0]) / 700)
    assert abs(int(bands.mean(dim=1).argmax()) - (mel[0] / mel[1] * 129 - 1)) <= 1
