"""Clip taggers under a sliding window."""

from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from agent.train.teachers.clip_tagger import ClipTagger, Window
from tests.train.teachers.made import tone

RATE_HZ = 1000


@dataclass(eq=False)
class Ruler(nn.Module):
    """A network that tells where its clip lies, for clips of samples that count up."""

    clips: list[tuple[float, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def __hash__(self) -> int:
        return id(self)

    def forward(self, clips: Tensor) -> Tensor:
        self.clips += [(float(clip[0]), float(clip[-1])) for clip in clips]
        return clips[:, :1].repeat(1, 527)


def counting(seconds: float) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return np.arange(int(seconds * RATE_HZ), dtype=np.float32)


def tagger(network: nn.Module) -> ClipTagger:
    return ClipTagger("ruler", network, RATE_HZ, Window(seconds=2.0, hop_seconds=0.5), torch.device("cpu"))


def test_decisions_lie_half_a_second_apart_in_the_middle_of_what_they_heard() -> None:
    (frames,) = tagger(Ruler()).hear([counting(5)])
    np.testing.assert_allclose(frames.centres, np.arange(0.25, 5, 0.5))
    begins = frames.probabilities[:, 0] / RATE_HZ
    np.testing.assert_allclose(begins[2:-2], frames.centres[2:-2] - 1.0, atol=0.001)


def test_at_the_edges_the_window_is_moved_inside_and_heard_once() -> None:
    network = Ruler()
    (frames,) = tagger(network).hear([counting(5)])
    assert frames.probabilities[0, 0] == 0
    assert frames.probabilities[-1, 0] == 3 * RATE_HZ
    assert len(network.clips) == len(set(network.clips)) < len(frames.centres)


@pytest.mark.parametrize("seconds", [1.0, 1.7, 2.0])
def test_what_is_shorter_than_the_window_is_heard_whole(seconds: float) -> None:
    network = Ruler()
    (frames,) = tagger(network).hear([counting(seconds)])
    assert network.clips == [(0.0, seconds * RATE_HZ - 1)]
    assert len(frames.probabilities) == len(frames.centres) >= 2


def test_a_batch_gives_each_recording_its_own() -> None:
    first, second = tagger(Ruler()).hear([counting(3), counting(3) + 100_000])
    np.testing.assert_array_equal(first.probabilities + 100_000, second.probabilities)
    assert tagger(Ruler()).hear([]) == []


def test_all_of_audioset_is_named() -> None:
    assert len(tagger(Ruler()).classes) == tagger(Ruler()).hear([tone(2, RATE_HZ)])[0].probabilities.shape[1]
