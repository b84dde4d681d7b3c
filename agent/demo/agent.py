"""The agent as a process of its own beside a lab: what systemd runs, with a configuration for the lab."""

import asyncio
import contextlib
import json
import shutil
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, Self

import yaml

from agent.demo.lab import LabError
from agent.demo.process import LabProcess

START_SECONDS = 60.0


class Lab(Protocol):
    """What an agent has to know of the lab that it stands beside."""

    @property
    def home(self) -> Path:
        """The lab's folder."""

    @property
    def agent_config(self) -> dict[str, Any]:
        """The sections of the agent's configuration that say how to reach the PBX and what to hear."""

    @property
    def listening_event(self) -> str:
        """What the agent logs when it can hear calls."""


class LabAgent(LabProcess):
    """One `earlymedia run`; `async with` starts and stops it."""

    def __init__(self, lab: Lab, *, mode: str = "active", settings: Mapping[str, Any] | None = None) -> None:
        """Prepare an agent for the lab's carrier trunks; `settings` replace whole sections of its config."""
        super().__init__("the agent")
        self.lab = lab
        self.home = lab.home / "agent"
        """Its configuration, journal and log; fresh for each LabAgent."""
        self.library = self.home / "announcements.sqlite3"
        """Announcements that it knows."""
        self.config: dict[str, Any] = {
            "mode": mode,
            **lab.agent_config,
            "attempts": {"file": str(self.home / "attempts.sqlite3"), "max": 1000},
            "journal": {"path": str(self.home / "calls.jsonl"), "key_file": str(self.home / "number.key")},
            "announcements": {"file": str(self.library)},
            "metrics": {"enabled": False},
            "log": {"format": "json", "level": "debug"},
            **(settings or {}),
        }
        self.log_path = self.home / "log"
        self.within: tuple[str, ...] = ()
        """A command that runs it in surroundings of its own, such as `env NAME=value`."""
        shutil.rmtree(self.home, ignore_errors=True)
        self.home.mkdir(parents=True)

    async def __aenter__(self) -> Self:
        """Start, and wait until it can listen. Raises `LabError` if it cannot."""
        try:
            await self.start()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop."""
        await self.stop()

    def write_config(self) -> Path:
        """Write the configuration as it stands in `config`."""
        path = self.home / "config.yaml"
        path.write_text(yaml.safe_dump(self.config))
        return path

    def launch(self) -> None:
        """Start the process and do not wait for anything."""
        run = (sys.executable, "-m", "agent.cli", "run", "--config", str(self.write_config()))
        command = (*self.within, "setpriv", "--pdeathsig", "KILL", *run)  # it dies with us, however we end
        self.spawn(command, self.log_path)

    async def start(self, awaited: str = "") -> None:
        """Start, and wait until it can listen, or logs another event that is awaited. Raises `LabError`."""
        awaited = awaited or self.lab.listening_event
        seen = len(self.events(awaited))
        self.launch()
        await self.logged(awaited, nth=seen, timeout_seconds=START_SECONDS)

    async def logged(self, event: str, *, nth: int = 0, timeout_seconds: float = 10.0) -> Mapping[str, Any]:
        """Wait for the (nth) log line with this event. Raises `LabError` if it does not come."""
        give_up = time.monotonic() + timeout_seconds
        while len(lines := self.events(event)) <= nth:
            if not self.running or time.monotonic() > give_up:
                state = "still runs" if self.running else "has ended"
                tail = self.log_path.read_text(errors="replace")[-2000:]
                raise LabError(f"the agent {state} and never logged {event!r}; its log ends: {tail}")
            await asyncio.sleep(0.05)
        return lines[nth]

    def events(self, event: str) -> list[Mapping[str, Any]]:
        """Return the log's lines with this event."""
        return [line for line in self.log() if line.get("event") == event]

    def log(self) -> list[Mapping[str, Any]]:
        """Return the log, line by line; what is no JSON is left out."""
        return _json_lines(self.log_path)

    def journal(self) -> list[Mapping[str, Any]]:
        """Return the journal so far."""
        return _json_lines(self.home / "calls.jsonl")

    def reload(self) -> None:
        """Let it read its configuration anew, as `systemctl reload` does."""
        self.signal(signal.SIGHUP)


def _json_lines(path: Path) -> list[Mapping[str, Any]]:
    if not path.exists():
        return []
    lines: list[Mapping[str, Any]] = []
    for line in path.read_text(errors="replace").splitlines():
        with contextlib.suppress(json.JSONDecodeError):
            value = json.loads(line)
            if isinstance(value, dict):
                lines.append(value)
    return lines
