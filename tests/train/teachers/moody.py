"""A real teacher on disk that can be stopped where it is, or dies of what it hears."""

import contextlib
import os
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import get_ident

from agent.train.teachers.teacher import Frames, Teacher, Waveform
from agent.train.teachers.yamnet import Yamnet, open_interpreter


@dataclass(frozen=True, slots=True)
class MoodyFile:
    """A model with YAMNet's signature, for any process to open."""

    model: Path
    gate: Path | None = None
    """After its first batch a worker waits until this file is there, and tells by `<gate>.reached-<who>`."""
    grave: Path | None = None
    """Where this file is missing, a worker writes it when it shall hear something, and dies of it."""

    @property
    def name(self) -> str:
        return "yamnet"

    def open(self) -> Teacher:
        return _Moody(Yamnet(open_interpreter(self.model)), self.gate, self.grave)


class _Moody:
    def __init__(self, teacher: Yamnet, gate: Path | None, grave: Path | None) -> None:
        self.name, self.rate_hz, self.classes = teacher.name, teacher.rate_hz, teacher.classes
        self._teacher, self._gate, self._grave = teacher, gate, grave
        self._batches = 0

    def hear(self, waveforms: Sequence[Waveform]) -> list[Frames]:
        if self._grave is not None:
            with contextlib.suppress(FileExistsError):
                self._grave.touch(exist_ok=False)
                os.kill(os.getpid(), signal.SIGKILL)
        if self._gate is not None and self._batches:
            self._gate.with_suffix(f".reached-{os.getpid()}-{get_ident()}").touch()
            while not self._gate.exists():
                time.sleep(0.01)
        self._batches += 1
        return self._teacher.hear(waveforms)
