"""The frame-wise CNN14 as a teacher."""

from collections.abc import Sequence

import numpy as np
import torch

from agent.train.teachers.audioset import audioset_classes
from agent.train.teachers.cnn14_network import FRAMES_PER_SEGMENT, HOP, RATE_HZ, Cnn14DecisionLevelMax
from agent.train.teachers.teacher import Frames, Piece, Waveform, batches

CLIP_SECONDS = 10
"""What the networks were trained on, and the longest piece that they hear at once."""
BATCH_SAMPLES = 16 * CLIP_SECONDS * RATE_HZ
_SEGMENT_SECONDS = FRAMES_PER_SEGMENT * HOP / RATE_HZ
_FIRST_CENTRE = (FRAMES_PER_SEGMENT - 1) / 2 * HOP / RATE_HZ


class FramewiseCnn14:
    """`Cnn14_DecisionLevelMax`: a decision for each 0.32 s, about three a second."""

    name = "cnn14-frames"
    rate_hz = RATE_HZ

    def __init__(self, network: Cnn14DecisionLevelMax, device: torch.device) -> None:
        self.classes = audioset_classes()
        self._network = network.to(device)
        self._device = device

    def hear(self, waveforms: Sequence[Waveform]) -> list[Frames]:
        """Hear waveforms at 32 kHz in pieces of 10 s; the last piece of a long one reaches back."""
        pieces = [
            Piece(index, start, min(len(waveform), CLIP_SECONDS * RATE_HZ))
            for index, waveform in enumerate(waveforms)
            for start in piece_starts(len(waveform))
        ]
        heard: list[list[tuple[float, Frames]]] = [[] for _ in waveforms]
        for batch in batches(pieces, BATCH_SAMPLES):
            cut = np.stack([waveforms[p.waveform][p.start : p.start + p.samples] for p in batch])
            with torch.inference_mode():
                answers = self._network(torch.from_numpy(cut).to(self._device)).cpu().numpy()
            for piece, answer in zip(batch, answers, strict=True):
                start = piece.start / RATE_HZ
                centres = start + _FIRST_CENTRE + _SEGMENT_SECONDS * np.arange(len(answer), dtype=np.float64)
                heard[piece.waveform].append((start, Frames(centres, answer)))
        return [_join(sorted(parts, key=lambda part: part[0])) for parts in heard]


def piece_starts(samples: int) -> list[int]:
    """Return where the pieces of a waveform begin, so that every sample is heard and none is padded."""
    length = CLIP_SECONDS * RATE_HZ
    if samples <= length:
        return [0]
    return [*range(0, samples - length, length), samples - length]


def _join(parts: list[tuple[float, Frames]]) -> Frames:
    """Lay pieces end to end; where two overlap, each moment is heard once."""
    centres, probabilities = parts[0][1].centres, parts[0][1].probabilities
    for _, frames in parts[1:]:
        later = frames.centres >= centres[-1] + _SEGMENT_SECONDS / 2
        centres = np.concatenate((centres, frames.centres[later]))
        probabilities = np.concatenate((probabilities, frames.probabilities[later]))
    return Frames(centres, probabilities)
