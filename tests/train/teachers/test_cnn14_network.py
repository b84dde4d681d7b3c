"""CNN14: the network computes what it always has, and bears the names of the published weights."""

import numpy as np
import pytest
import torch

from agent.train.teachers.cnn14_network import (
    BANDS,
    HOP,
    RATE_HZ,
    SEGMENT_SAMPLES,
    WINDOW,
    Cnn14,
    Cnn14DecisionLevelMax,
)
from tests.train.teachers.made import sow, tone

SOUND = torch.from_numpy(
    np.concatenate((tone(0.6, RATE_HZ), np.zeros(3200, np.float32), tone(0.6, RATE_HZ, 1800, 0.05)))
)[None]

# Recorded from this implementation when it had been compared with the original at full size.
CLIP = [0.629191, 0.625838, 0.257183, 0.332582, 0.802210, 0.322167, 0.290824, 0.007302]
SEGMENTS = [
    [0.592647, 0.642747, 0.301560, 0.455881, 0.785512, 0.449770, 0.242193, 0.038774],
    [0.574815, 0.607547, 0.274658, 0.362878, 0.808162, 0.410982, 0.239390, 0.011195],
    [0.630709, 0.593604, 0.262606, 0.341761, 0.801578, 0.353386, 0.318588, 0.005440],
    [0.648895, 0.583837, 0.347210, 0.331297, 0.725883, 0.375722, 0.411068, 0.015618],
]


def test_the_clip_tagger_computes_what_was_recorded() -> None:
    with torch.inference_mode():
        heard = sow(Cnn14(classes=8, maps=4))(SOUND)
    np.testing.assert_allclose(heard[0], CLIP, atol=1e-4)


def test_the_framewise_form_computes_what_was_recorded() -> None:
    with torch.inference_mode():
        heard = sow(Cnn14DecisionLevelMax(classes=8, maps=4))(SOUND)
    np.testing.assert_allclose(heard[0], SEGMENTS, atol=1e-4)


@pytest.mark.parametrize("seconds", [1, 3.7, 10])
def test_one_row_is_one_decision_and_none_is_repeated(seconds: float) -> None:
    samples = int(seconds * RATE_HZ)
    noise = torch.from_numpy(np.random.default_rng(1).standard_normal((1, samples)).astype(np.float32))
    with torch.inference_mode():
        heard = sow(Cnn14DecisionLevelMax(classes=8, maps=2))(noise)[0]
    assert len(heard) == (samples // HOP + 1) // 32 == (samples + HOP) // SEGMENT_SAMPLES
    assert all(not torch.equal(a, b) for a, b in zip(heard[1:], heard[:-1], strict=True))


def test_the_spectrogram_is_that_of_a_fourier_transform() -> None:
    network = Cnn14(classes=2, maps=1)
    with torch.inference_mode():
        power = network.spectrogram_extractor(SOUND)[0, 0]
    window = torch.hann_window(WINDOW)
    spectrum = torch.stft(SOUND[0], WINDOW, HOP, window=window, return_complex=True)
    np.testing.assert_allclose(power.T, spectrum.abs() ** 2, rtol=1e-3, atol=1e-4)


def test_both_forms_bear_the_names_and_shapes_of_the_published_weights() -> None:
    state = Cnn14().state_dict()
    expected = {
        "spectrogram_extractor.stft.conv_real.weight": (513, 1, WINDOW),
        "logmel_extractor.melW": (513, BANDS),
        "bn0.running_var": (BANDS,),
        "conv_block1.conv1.weight": (64, 1, 3, 3),
        "conv_block6.conv2.weight": (2048, 2048, 3, 3),
        "conv_block6.bn2.num_batches_tracked": (),
        "fc1.bias": (2048,),
        "fc_audioset.weight": (527, 2048),
    }
    assert {key: tuple(state[key].shape) for key in expected} == expected
    framewise = Cnn14DecisionLevelMax().state_dict()
    assert {k: v.shape for k, v in framewise.items()} == {k: v.shape for k, v in state.items()}
    learnt = sum(parameter.numel() for parameter in Cnn14().parameters() if parameter.requires_grad)
    assert learnt == 80_753_615  # 80.8 million, as the paper says
