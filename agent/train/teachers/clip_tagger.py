"""Networks that tag a whole clip, as teachers: a window slides over the recording."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from agent.train.teachers.audioset import audioset_classes
from agent.train.teachers.teacher import Frames, Piece, Waveform, batches


@dataclass(frozen=True, slots=True)
class Window:
    """How much a clip tagger hears for one decision, and how far apart decisions are."""

    seconds: float
    hop_seconds: float
    batch_seconds: float = 160.0
    """Audio in windows that goes through the network at once on a processor; a GPU takes 160 s."""


class ClipTagger:
    """`Cnn14` or an EfficientAT network: (batch, samples) in, (batch, classes) out."""

    def __init__(
        self, name: str, network: nn.Module, rate_hz: int, window: Window, device: torch.device
    ) -> None:
        self.name = name
        self.rate_hz = rate_hz
        self.classes = audioset_classes()
        self._network = network.to(device)
        self._window = window
        self._batch = int(rate_hz * (160 if device.type == "cuda" else window.batch_seconds))
        self._device = device

    def hear(self, waveforms: Sequence[Waveform]) -> list[Frames]:
        """Hear waveforms window by window; a window that would reach over an edge is moved inside."""
        plans = [_plan(len(waveform), self.rate_hz, self._window) for waveform in waveforms]
        length = int(self._window.seconds * self.rate_hz)
        pieces = [
            Piece(index, int(start), min(len(waveform), length))
            for index, (waveform, (_, starts)) in enumerate(zip(waveforms, plans, strict=True))
            for start in np.unique(starts)
        ]
        answers: dict[tuple[int, int], np.ndarray[tuple[int], np.dtype[np.float32]]] = {}
        for batch in batches(pieces, self._batch):
            cut = np.stack([waveforms[p.waveform][p.start : p.start + p.samples] for p in batch])
            with torch.inference_mode():
                heard = self._network(torch.from_numpy(cut).to(self._device)).cpu().numpy()
            answers.update(((p.waveform, p.start), row) for p, row in zip(batch, heard, strict=True))
        return [
            Frames(centres, np.stack([answers[index, int(start)] for start in starts]))
            for index, (centres, starts) in enumerate(plans)
        ]


def _plan(
    samples: int, rate_hz: int, window: Window
) -> tuple[np.ndarray[tuple[int], np.dtype[np.float64]], np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """Return the middle of each decision in seconds, and the first sample that it hears."""
    hop = window.hop_seconds
    centres = np.arange(hop / 2, samples / rate_hz, hop)
    last_start = max(0, samples - int(window.seconds * rate_hz))
    starts = np.clip(np.rint((centres - window.seconds / 2) * rate_hz), 0, last_start)
    return centres, starts.astype(np.int64)
