"""Hours at a hundred calls: does the agent grow, does it lose anything, has every call its one verdict?

    python -m benchmarks.soak --asterisk .lab/asterisk [--hours 2] [--calls 100]

Calls of every tap, sound, length and ending (`soak_calls.py`), on a real Asterisk, always so many at once.
Memory, descriptors and threads are those of the agent and of its fuse process, read every ten seconds. The
slope is taken by least squares once the first quarter of the time, 15 minutes at most, has passed.
"""

import argparse
import asyncio
import json
import math
import os
import shutil
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from scipy.stats import linregress

from agent.demo.agent import LabAgent
from agent.demo.asterisk import LabAsterisk
from agent.demo.call import Scenario
from agent.demo.carrier import RESEND_SECONDS, Carrier
from agent.demo.lab import LabPorts
from agent.demo.rtp import PACKET_SECONDS
from benchmarks.measuring import Delays, Footprint, resident_mb
from benchmarks.parts import Goal, Part, add_into, console, tell
from benchmarks.soak_calls import Book, BookKeeper, Plan
from tests.lab_fixtures import Site, sounds

SAMPLE_SECONDS = 10.0
BEGIN_EVERY_SECONDS = 0.1
"""At most one call begins in this time."""
WARMING_SECONDS = 1.0
"""A few calls come first: threads and files that the first call needs stay."""
OVER_SECONDS = 15.0
"""After the last call: long enough for every journal line and every connection to be done with."""
PATIENCE_SECONDS = 150.0
"""No call may take longer."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The agent at one moment."""

    minutes: float
    footprint: Footprint
    calls: int


@dataclass(frozen=True, slots=True)
class Result:
    """What a soak found."""

    minutes: float
    calls_at_once: int
    calls: int
    growth_mb_an_hour: float
    """Of the resident memory, once it has settled."""
    growth_standard_error: float
    before: Footprint
    """Idle, after the first few calls."""
    after: Footprint
    """Idle, after the last call."""
    without_one_line: int
    """Calls of which the journal has no line, or more than one."""
    without_one_event: int
    """Calls of which the manager interface told other than once what the journal says."""
    wrong: int
    """Verdicts that are neither right nor `unknown`."""
    hasty: int
    """Others, of calls of which only the first few seconds were heard."""
    unknown: int
    """Of calls that were heard for long enough to know."""
    confused: tuple[str, ...]
    """What was taken for what in which of them, and which were not told once."""
    strangers: int
    """Verdicts on calls that there were not."""
    failed: int
    """Calls that could not be placed or did not end."""
    channels_left: int
    audio_seconds: float
    """Early media that the carrier sent, of calls that nobody answered."""
    audio_percent_lost: float
    """Of it; what came before the tap is in it."""
    audio_lost_by_a_call: Delays
    unheard: int
    """Calls that played and were not heard at all."""
    audio_seconds_dropped: float
    """By the agent, because it fell behind."""
    warnings: Mapping[str, int]
    """What the agent's log warns of, how often."""
    harness_growth_mb: float
    samples: tuple[Sample, ...] = field(repr=False)


@dataclass(slots=True)
class Soak:
    """One in progress."""

    site: Site
    book: Book
    calls: int
    up: int = 0
    placed: int = 0
    failed: int = 0
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def keep_up(self, until: float) -> None:
        """Keep up so many calls until then, and see them all to their end."""
        while time.monotonic() < until:
            if self.up < self.calls:
                self.placed += 1
                self.up += 1
                task = asyncio.create_task(self._call(f"{self.placed:07}"))
                self.tasks.add(task)
                task.add_done_callback(self.tasks.discard)
            await asyncio.sleep(BEGIN_EVERY_SECONDS)
        await asyncio.gather(*self.tasks)

    async def _call(self, number: str) -> None:
        plan, carrier = Plan.of(number), self.site.carrier
        try:
            variables = {"EARLYMEDIA_RING_SECONDS": "120"} if plan.way.brings_own_tap else {}
            await self.site.originate(plan.way, number, variables)
            call = await carrier.call_to(number)
            if plan.given_up_after is not None:
                await asyncio.sleep(plan.given_up_after)
                await self.site.dialer.action(
                    "Hangup", Channel=self.book.by_number[number].channel, Cause="16"
                )
            async with asyncio.timeout(PATIENCE_SECONDS):
                await call.ended.wait()
        except (TimeoutError, OSError, KeyError) as error:
            console.print(f"[red]call {number}[/red] ({plan}): {error!r}")
            self.failed += 1
            return
        finally:
            self.up -= 1
        if call.final_status != 200:
            self.book.by_number[number].sent_seconds = call.packets_sent * PACKET_SECONDS
        await asyncio.sleep(sum(RESEND_SECONDS))
        carrier.forget(call)


@asynccontextmanager
async def open_soak(chroot: Path, calls: int) -> AsyncIterator[Soak]:
    """Start an Asterisk, a carrier and a dialer, none of which keeps what has passed."""
    book = Book()
    played = sounds(chroot)

    def scenario(number: str) -> Scenario:
        plan = Plan.of(number)
        return replace(plan.scenario, audio=played[plan.plays] if plan.plays else None)

    async with (
        LabAsterisk(chroot, ports=LabPorts.free()) as lab,
        BookKeeper(lab.ports.ami, "dialer", lab.dialer_secret, book) as dialer,
        Carrier(port=lab.ports.carrier, fallback=scenario) as carrier,
        AsyncExitStack() as opened,
    ):
        for told in ("Event: DialBegin", "UserEvent: EarlyMediaVerdict"):
            await dialer.action("Filter", Operation="Add", Filter=told)
        yield Soak(Site(lab=lab, carrier=carrier, dialer=dialer, sounds=played, opened=opened), book, calls)


async def measure(chroot: Path, minutes: float, calls: int, keep_log: Path | None = None) -> Result:
    """Soak the agent and measure."""
    async with open_soak(chroot, calls) as soak:
        lab = soak.site.lab
        async with LabAgent(lab, settings={"log": {"format": "json", "level": "info"}}) as agent:
            await soak.keep_up(time.monotonic() + WARMING_SECONDS)
            await asyncio.sleep(OVER_SECONDS)
            before, ours = Footprint.of(agent.pid), resident_mb(os.getpid())
            samples: list[Sample] = []
            watching = asyncio.create_task(_watch(agent, soak, minutes, samples))
            await soak.keep_up(time.monotonic() + 60 * minutes)
            watching.cancel()
            await asyncio.sleep(OVER_SECONDS)
            after, grown = Footprint.of(agent.pid), resident_mb(os.getpid()) - ours
            for line in _journal(agent.home):
                soak.book.take_line(line)
            warnings = Counter(
                line["event"] for line in agent.log() if line.get("level") in ("warning", "error")
            )
            if keep_log:
                shutil.copyfile(agent.log_path, keep_log)
        channels = len(await lab.channels())
    legs = list(soak.book.legs.values())
    heard = [leg for leg in legs if leg.sent_seconds and leg.heard_seconds]
    lost = [max(0.0, leg.sent_seconds - leg.heard_seconds) for leg in heard]
    sent = sum(leg.sent_seconds for leg in heard)
    slope, error = _slope(samples, min(15.0, minutes / 4))
    return Result(
        minutes=minutes,
        calls_at_once=calls,
        calls=soak.placed,
        growth_mb_an_hour=round(slope, 2),
        growth_standard_error=round(error, 2),
        before=before,
        after=after,
        without_one_line=soak.placed - sum(len(leg.lines) == 1 for leg in legs),
        without_one_event=soak.placed - sum(leg.told_once for leg in legs),
        wrong=sum(leg.wrong for leg in legs),
        hasty=sum(leg.hasty for leg in legs),
        unknown=sum(leg.left_open for leg in legs),
        confused=tuple(str(leg) for leg in legs if leg.odd),
        strangers=soak.book.strangers,
        failed=soak.failed,
        channels_left=channels,
        audio_seconds=round(sent),
        audio_percent_lost=round(100 * sum(lost) / max(sent, 1e-9), 3),
        audio_lost_by_a_call=Delays.of(lost),
        unheard=sum(bool(leg.sent_seconds and not leg.heard_seconds) for leg in legs),
        audio_seconds_dropped=round(sum(leg.dropped_seconds for leg in legs), 2),
        warnings=dict(warnings),
        harness_growth_mb=round(grown, 1),
        samples=tuple(samples),
    )


async def _watch(agent: LabAgent, soak: Soak, minutes: float, samples: list[Sample]) -> None:
    """Read the agent's footprint until cancelled, and show how far the soak is."""
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    began = time.monotonic()
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("soaking", total=60 * minutes)
        while True:
            now, footprint = time.monotonic() - began, Footprint.of(agent.pid)
            samples.append(Sample(round(now / 60, 3), footprint, soak.up))
            told = (
                f"{soak.placed:,} calls, {soak.up} up, {soak.failed} failed; {footprint.resident_mb:.1f} MB, "
                f"{footprint.descriptors} descriptors, {footprint.threads} threads"
            )
            bar.update(task, completed=now, description=told)
            if not console.is_terminal and len(samples) % 6 == 1:
                console.print(f"{now / 60:.0f} min: {told}")
            await asyncio.sleep(SAMPLE_SECONDS)


def _journal(home: Path) -> Iterator[Mapping[str, Any]]:
    """Yield all lines of the journal, rotated files first."""
    for path in sorted(home.glob("calls.jsonl*"), reverse=True):
        with path.open(encoding="utf-8") as file:
            yield from map(json.loads, file)


def _slope(samples: Sequence[Sample], after_minutes: float) -> tuple[float, float]:
    """Return by how many megabytes an hour memory grows, by least squares, and the standard error of that."""
    late = [sample for sample in samples if sample.minutes >= after_minutes]
    if len(late) < 3:
        return math.nan, math.nan
    hours = np.array([sample.minutes / 60 for sample in late])
    resident = np.array([sample.footprint.resident_mb for sample in late])
    fit = linregress(hours, resident)
    return float(fit.slope), float(fit.stderr)


def part_of(result: Result) -> Part:
    """Put what a soak found beside what was to be reached."""
    return Part(
        "soak",
        f"Soak: {result.minutes / 60:g} h at {result.calls_at_once} calls",
        (result,),
        (
            Goal("growth of the resident memory", result.growth_mb_an_hour, 2.0, "MB/h"),
            Goal("descriptors that stay", result.after.descriptors - result.before.descriptors, 0),
            Goal("threads that stay", result.after.threads - result.before.threads, 0),
            Goal("calls without exactly one line in the journal", result.without_one_line, 0),
            Goal("calls without exactly one verdict event", result.without_one_event, 0),
            Goal("wrong verdicts", result.wrong, 0),
            Goal("audio dropped", result.audio_seconds_dropped, 0, "s"),
        ),
    )


def main() -> None:
    """Soak and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--asterisk", type=Path, required=True, help="folder that scripts/setup made")
    parser.add_argument("--hours", type=float, default=2.0)
    parser.add_argument("--calls", type=int, default=100, help="calls at once")
    parser.add_argument("--keep-log", type=Path, metavar="FILE", help="keep the agent's log")
    add_into(parser)
    options = parser.parse_args()
    result = asyncio.run(
        measure(options.asterisk, 60 * options.hours, options.calls, keep_log=options.keep_log)
    )
    tell(part_of(result), options.into)
    for confused in result.confused:
        console.print(confused)


if __name__ == "__main__":
    main()
