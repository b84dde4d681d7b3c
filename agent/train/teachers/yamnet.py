"""YAMNet as a teacher: Google's MobileNetV1 on 0.96 s patches, run as TensorFlow Lite.

Plakal and Ellis, https://github.com/tensorflow/models/tree/master/research/audioset/yamnet. The waveform
goes in as it is: log-mel, patches and padding are part of the model.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from agent.train.errors import MaterialError
from agent.train.teachers.audioset import yamnet_classes
from agent.train.teachers.teacher import Frames, Waveform

RATE_HZ = 16_000
PATCH_SECONDS = 0.96
HOP_SECONDS = 0.48


class Interpreter(Protocol):
    """What is used of `ai_edge_litert.interpreter.Interpreter`."""

    def get_input_details(self) -> list[dict[str, Any]]:
        """Describe the inputs."""

    def get_output_details(self) -> list[dict[str, Any]]:
        """Describe the outputs."""

    def resize_tensor_input(self, input_index: int, tensor_size: list[int]) -> None:
        """Set the shape of an input."""

    def allocate_tensors(self) -> None:
        """Make room for all tensors."""

    def set_tensor(self, tensor_index: int, value: Waveform) -> None:
        """Set an input."""

    def invoke(self) -> None:
        """Run the model."""

    def get_tensor(self, tensor_index: int) -> Any:
        """Copy an output."""


def open_interpreter(path: Path) -> Interpreter:
    """Open a TensorFlow Lite model on one thread.

    Raises:
        MaterialError: the file is no such model.
    """
    from ai_edge_litert.interpreter import Interpreter as LiteRt

    try:
        interpreter: Interpreter = LiteRt(str(path), num_threads=1)
    except (ValueError, RuntimeError, OSError) as error:
        raise MaterialError(f"{path} is no TensorFlow Lite model: download it again") from error
    return interpreter


class Yamnet:
    """A decision each 0.48 s, about two a second, each from 0.96 s of audio."""

    name = "yamnet"
    rate_hz = RATE_HZ

    def __init__(self, interpreter: Interpreter) -> None:
        self.classes = yamnet_classes()
        self._interpreter = interpreter
        self._input: int = interpreter.get_input_details()[0]["index"]
        self._scores: int = interpreter.get_output_details()[0]["index"]
        self._samples = 0

    def hear(self, waveforms: Sequence[Waveform]) -> list[Frames]:
        """Hear waveforms at 16 kHz, one after the other."""
        return [self._hear(waveform) for waveform in waveforms]

    def _hear(self, waveform: Waveform) -> Frames:
        if len(waveform) != self._samples:
            self._interpreter.resize_tensor_input(self._input, [len(waveform)])
            self._interpreter.allocate_tensors()
            self._samples = len(waveform)
        self._interpreter.set_tensor(self._input, np.ascontiguousarray(waveform, np.float32))
        self._interpreter.invoke()
        scores = np.asarray(self._interpreter.get_tensor(self._scores), np.float32)
        centres = PATCH_SECONDS / 2 + HOP_SECONDS * np.arange(len(scores), dtype=np.float64)
        # The model pads the last patch with silence that the recording does not hold.
        whole = centres <= len(waveform) / RATE_HZ - PATCH_SECONDS / 2
        whole[:1] = True
        return Frames(centres[whole], scores[whole])
