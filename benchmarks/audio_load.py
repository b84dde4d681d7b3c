"""The agent's audio path without a PBX: thousands of calls in real time; is all of it heard, and how soon?

    python -m benchmarks.audio_load [audiosocket:1000x20 eagi:2000x100 ...] [--seconds 20]

A run is the way that audio comes, how many calls at once, and a packet's milliseconds: 20, or 100 for bursts.

A manager interface that says only what the agent needs, a process that writes every call's audio on the dot,
as AudioSocket streams or into the pipes of EAGI scripts, and the agent as it is run. All calls ring.
A delay runs from when the bytes that complete a call's first second were written until the agent sets
EARLYMEDIA_CLASS; what could not be written at once counts as refused.
"""

import argparse
import asyncio
import multiprocessing
import resource
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Mapping, Set
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from agent.demo.agent import LabAgent
from agent.demo.lab import LabPorts
from benchmarks.audio_sender import Job, Sent, Way, send
from benchmarks.measuring import Delays, cpu_seconds, resident_mb
from benchmarks.parts import Goal, Part, add_into, tell
from tests.pbx.asterisk.scripted_ami import SECRET, ScriptedAsterisk

FIRST_CALLS, FIRST_SECONDS = 2, 5
"""They come before anything is measured: what they load for good belongs to the agent's base."""
RUNS = ("audiosocket:1000x20", "eagi:1000x20", "audiosocket:2000x100", "eagi:2000x100")
BEHIND_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Result:
    """What one run measured."""

    way: Way
    calls: int
    packet_ms: int
    first_second_written_to_variable: Delays
    agent_cpu_percent: float
    """Of one core, while all the calls were up."""
    sender_cpu_percent: float
    sender_late_ms: float
    """The most that the sender was behind its own clock: beyond a packet the machine is the limit."""
    base_mb: float
    """The agent's resident memory after the first calls, none being there."""
    peak_mb: float
    kb_a_call: float
    """Beyond the base."""
    audio_seconds_written: float
    audio_seconds_refused: float
    audio_seconds_lost: float
    """Written, and not in the journal; a call's last tick before its end is not awaited."""
    outcomes: Mapping[str, int]


class LoadManager(ScriptedAsterisk):
    """The manager interface of an Asterisk whose channels exist in name only."""

    def __init__(self) -> None:
        super().__init__()
        self.judged: dict[str, float] = {}
        """When EARLYMEDIA_CLASS was first set to a sound, by the channel's name."""
        done = "Response: Success\r\nMessage: Done"
        self.answers |= {
            "setvar": self._set,
            "userevent": lambda action: done,
            "getvar": lambda action: f"{done}\r\nVariable: x\r\nValue: SIP 183 Session Progress",
            "originate": lambda action: "Response: Error\r\nMessage: No such channel type",
        }

    def _set(self, action: dict[str, str]) -> str:
        if action.get("variable") == "EARLYMEDIA_CLASS" and action.get("value") not in ("", "none"):
            self.judged.setdefault(action["channel"], time.monotonic())
        return "Response: Success\r\nMessage: Variable Set"


@dataclass(frozen=True, slots=True)
class NoPbx:
    """What an agent stands beside, and its configuration."""

    home: Path
    manager_port: int
    audiosocket_port: int
    calls: int
    listening_event: str = "ways to listen"

    @property
    def socket_path(self) -> Path:
        """Where the shims find the agent."""
        return self.home / "agent.sock"

    @property
    def agent_config(self) -> dict[str, Any]:
        """The sections of the agent's configuration."""
        asterisk = {
            "port": self.manager_port,
            "secret": SECRET,
            "socket_path": str(self.socket_path),
            "audiosocket": {"port": self.audiosocket_port, "max_connections": self.calls + 100},
        }
        return {"pbx": "asterisk", "trunks": [{"match": "PJSIP/carrier-*"}], "asterisk": asterisk}


async def measure(job: Job, home: Path) -> Result:
    """Drive the agent with so many calls and measure."""
    manager = LoadManager()
    await manager.start()
    beside = NoPbx(home, manager.port, LabPorts.free().audiosocket, job.calls)
    settings = {"log": {"format": "json", "level": "info"}}
    first = replace(job, calls=FIRST_CALLS, seconds=FIRST_SECONDS, first=job.calls)
    async with LabAgent(beside, settings=settings) as agent:
        async with _up(first, beside, manager) as (_, until_sent):
            await until_sent
        await asyncio.sleep(1.0)
        base = resident_mb(agent.pid)
        async with _up(job, beside, manager) as (sender, until_sent):
            began = time.monotonic(), cpu_seconds(agent.pid), cpu_seconds(sender)
            sent = await until_sent
            took, agent_cpu, sender_cpu = (
                now - then
                for now, then in zip(
                    (time.monotonic(), cpu_seconds(agent.pid), cpu_seconds(sender)), began, strict=True
                )
            )
            peak = resident_mb(agent.pid)
        ours = {f"17.{leg}" for leg in job.numbers}
        journal = await _journal(agent, ours)
    await manager.stop()
    delays = [
        manager.judged[_channel(leg)] - at
        for leg, at in sent.second_complete.items()
        if _channel(leg) in manager.judged
    ]
    written = sum(sent.seconds.values())
    return Result(
        way=job.way,
        calls=job.calls,
        packet_ms=job.packet_ms,
        first_second_written_to_variable=Delays.of(delays),
        agent_cpu_percent=round(100 * agent_cpu / took, 1),
        sender_cpu_percent=round(100 * sender_cpu / took, 1),
        sender_late_ms=round(1000 * sent.late, 1),
        base_mb=round(base, 1),
        peak_mb=round(peak, 1),
        kb_a_call=round(1024 * (peak - base) / job.calls, 1),
        audio_seconds_written=round(written, 1),
        audio_seconds_refused=round(sent.refused, 2),
        audio_seconds_lost=round(written - sum(line["audio_seconds"] for line in journal), 2),
        outcomes=dict(Counter(line["outcome"] for line in journal)),
    )


@asynccontextmanager
async def _up(job: Job, beside: NoPbx, manager: LoadManager) -> AsyncIterator[tuple[int, Awaitable[Sent]]]:
    """Bring all calls up, yield the sender's process id and what awaits that all is sent; then end them."""
    for leg in job.numbers:
        manager.event("Event: DialBegin", *_leg(leg), f"DialString: {leg}@carrier")
    ours, theirs = multiprocessing.Pipe()
    target = beside.socket_path if job.way is Way.EAGI else beside.audiosocket_port
    sender = multiprocessing.Process(target=send, args=(job, target, theirs), daemon=True)
    sender.start()
    theirs.close()
    await asyncio.to_thread(ours.recv)
    yield sender.pid or 0, asyncio.to_thread(ours.recv)
    ours.send("end")
    sender.join()
    for leg in job.numbers:
        manager.event("Event: Hangup", f"Uniqueid: 17.{leg}", "Cause: 17", "TechCause: 486")


async def _journal(agent: LabAgent, legs: Set[str]) -> list[Mapping[str, Any]]:
    """Wait for the line of each of these calls, for as long as the agent may be behind."""
    lines: list[Mapping[str, Any]] = []
    for _ in range(BEHIND_SECONDS):
        lines = [line for line in agent.journal() if line["leg"] in legs]
        if len(lines) >= len(legs):
            break
        await asyncio.sleep(1.0)
    return lines


def _leg(leg: int) -> tuple[str, ...]:
    return f"DestUniqueid: 17.{leg}", f"DestChannel: {_channel(leg)}"


def _channel(leg: int) -> str:
    return f"PJSIP/carrier-{leg:08x}"


def _job(text: str) -> Job:
    way, _, load = text.partition(":")
    calls, _, packet_ms = load.partition("x")
    return Job(Way(way), int(calls), int(packet_ms), seconds=20)


def _goals(one: Result) -> tuple[Goal, ...]:
    what = f"{one.calls:,} calls by {one.way}, {one.packet_ms} ms at a time"
    delay = one.first_second_written_to_variable
    return (
        Goal(f"{what}: audio lost", one.audio_seconds_lost + one.audio_seconds_refused, 0.0, "s"),
        Goal(
            f"{what}: a second's end to the variable, p99",
            delay.p99,
            400,
            "ms",
        ),
    )


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "runs", type=_job, nargs="*", help="all that there are goals for, where none is named"
    )
    parser.add_argument("--seconds", type=int, default=20, help="while all calls are up")
    add_into(parser)
    options = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536), hard))
    results: tuple[Result, ...] = ()
    for job in options.runs or map(_job, RUNS):
        with TemporaryDirectory(prefix="earlymedia-") as home:
            results += (asyncio.run(measure(replace(job, seconds=options.seconds), Path(home))),)
    goals = tuple(goal for one in results for goal in _goals(one))
    tell(Part("audio", "The audio path without a PBX", results, goals), options.into)


if __name__ == "__main__":
    main()
