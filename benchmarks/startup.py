"""From the start of the agent until it is ready, and what it takes of the memory while no call is there.

    python -m benchmarks.startup [--starts 5]

The agent is started as it is run, beside a manager interface that says only what it needs; ready is what
systemd is told. The first start, which fills the page cache, does not count.
"""

import argparse
import asyncio
import os
import socket
import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.progress import track

from agent.demo.agent import START_SECONDS, LabAgent
from agent.demo.lab import LabPorts
from benchmarks.audio_load import LoadManager, NoPbx
from benchmarks.measuring import cpu_seconds, resident_mb
from benchmarks.parts import Goal, Part, add_into, console, tell

SETTLE_SECONDS = 2.0
READY = b"READY=1"


@dataclass(frozen=True, slots=True)
class Result:
    """What some starts took."""

    starts: int
    ready_seconds: float
    """The median."""
    ready_seconds_worst: float
    cpu_seconds: float
    """Processor time until then, the median."""
    resident_mb: float
    """Some seconds later, with no call; the most of all starts."""


@dataclass(frozen=True, slots=True)
class Start:
    """One of them."""

    ready_seconds: float
    cpu_seconds: float
    resident_mb: float


async def measure(starts: int) -> Result:
    """Start the agent so many times, and once before."""
    manager = LoadManager()
    await manager.start()
    with TemporaryDirectory(prefix="earlymedia-") as home, listen(Path(home) / "notify") as door:
        beside = NoPbx(Path(home), manager.port, LabPorts.free().audiosocket, calls=0)
        told = [
            await start(LabAgent(beside), door)
            for _ in track(range(starts + 1), "starting", console=console, transient=True)
        ][1:]
    await manager.stop()
    return Result(
        starts=starts,
        ready_seconds=round(statistics.median(one.ready_seconds for one in told), 2),
        ready_seconds_worst=round(max(one.ready_seconds for one in told), 2),
        cpu_seconds=round(statistics.median(one.cpu_seconds for one in told), 2),
        resident_mb=round(max(one.resident_mb for one in told), 1),
    )


def listen(path: Path) -> socket.socket:
    """Stand in for systemd: let processes started from now on find this socket."""
    door = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    door.bind(str(path))
    door.settimeout(START_SECONDS)
    os.environ["NOTIFY_SOCKET"] = str(path)
    return door


async def start(agent: LabAgent, door: socket.socket) -> Start:
    """Start the agent, see it ready, and stop it."""
    began = time.monotonic()
    agent.launch()
    while READY not in await asyncio.to_thread(door.recv, 4096):
        pass
    took, used = time.monotonic() - began, cpu_seconds(agent.pid)
    await asyncio.sleep(SETTLE_SECONDS)
    resident = resident_mb(agent.pid)
    await agent.stop()
    return Start(took, used, resident)


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--starts", type=int, default=5)
    add_into(parser)
    options = parser.parse_args()
    result = asyncio.run(measure(options.starts))
    goals = (
        Goal("start to ready, caches warm", result.ready_seconds, 3.0, "s"),
        Goal("resident memory with no call", result.resident_mb, 200.0, "MB"),
    )
    tell(Part("startup", "Start and base memory", (result,), goals), options.into)


if __name__ == "__main__":
    main()
