"""A process of the lab, that tests start, freeze, thaw and end."""

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from agent.demo.lab import LabError

STOP_SECONDS = 5.0


class LabProcess:
    """One process at a time, under a name that errors can use."""

    def __init__(self, name: str) -> None:
        """Name what will run."""
        self._name = name
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        """Whether the process is there, frozen or not."""
        return self._process is not None and self._process.poll() is None

    @property
    def exit_status(self) -> int | None:
        """How it ended, None while it runs; negative: the signal that ended it."""
        return self._process.poll() if self._process is not None else None

    @property
    def pid(self) -> int:
        """Process id. Raises `LabError` if it does not run."""
        if self._process is None or not self.running:
            raise LabError(f"{self._name} does not run")
        return self._process.pid

    def spawn(
        self, command: Sequence[str], output: Path, *, environment: Mapping[str, str] | None = None
    ) -> None:
        """Start it, apart from our terminal; what it prints is appended to `output`."""
        with output.open("ab") as file:
            self._process = subprocess.Popen(  # noqa: S603, every word of it is ours
                command,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,
                env=environment,
            )

    async def stop(self) -> None:
        """Stop it as an admin would; harmless if it does not run."""
        if self._process is not None and self.running:
            self.thaw()
            self._process.terminate()
            if not await self._ends(self._process):
                await self.kill()

    async def kill(self) -> None:
        """End it with SIGKILL, in the middle of whatever it does; harmless if it does not run."""
        if self._process is not None:
            self._process.kill()
            await self._ends(self._process)

    def freeze(self) -> None:
        """Stop it in its tracks with SIGSTOP."""
        self.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it run on."""
        self.signal(signal.SIGCONT)

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal. Raises `LabError` if it does not run."""
        os.kill(self.pid, number)

    async def _ends(self, process: subprocess.Popen[bytes]) -> bool:
        """Wait for the end of a process, and say whether it came in time."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            await asyncio.to_thread(process.wait, STOP_SECONDS)
        return process.returncode is not None
