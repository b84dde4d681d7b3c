"""The agent beside a real PBX under load: delays, audio lost, processor and memory.

    python -m benchmarks.live --asterisk .lab/asterisk [spy:200 eagi:400 ...]
    python -m benchmarks.live --asterisk .lab/asterisk --freeswitch /usr/local/freeswitch [native:200 ...]

A run is a tap and how many calls there are at once. The second takes only announcements from the Asterisk:
the calls go through the FreeSWITCH of that prefix, placed by a dialer with `ignore_early_media=consume`; with
`unheard` the agent knows no trunk. With `dialled` and `originated` there is no agent, nor its dialplan: what
Asterisk pays anyway for calls such as `spy`, and for those such as `eagi` and `audiosocket`.

The calls begin one after the other, so many that after the length of one call as many end as begin; then as
many again are placed, and while that lasts processors are read.
Every second call rings only, so that its verdict becomes final with the carrier's final code; the others ring
and then announce. Delays are taken at the ends: from the carrier's own RTP and SIP to what a second session
of the dialer sees, see live_load.py.
"""

import argparse
import asyncio
import gc
import math
import resource
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.progress import track

from agent.demo import audio
from agent.demo.agent import LabAgent
from agent.demo.call import Scenario
from agent.demo.carrier import Carrier
from agent.demo.rtp import PACKET_SECONDS
from agent.service.engine import Pace
from benchmarks.live_load import AsteriskLoad, FreeSwitchLoad, Load
from benchmarks.measuring import Delays, cpu_seconds, resident_mb
from benchmarks.parts import Goal, Part, add_into, console, keep, tell

RUNS = (
    *("eagi:50", "eagi:200", "eagi:400", "audiosocket:50", "audiosocket:200", "audiosocket:400"),
    *("spy:50", "spy:100", "spy:200", "dialled:200", "originated:200"),
)
FREESWITCH_RUNS = ("native:200", "linear:200", "unheard:200")
WITHOUT = ("dialled", "originated")
SETTLE_SECONDS = 3.0
FIRST_CALLS, FIRST_SECONDS = 2, 5.0
"""They come before anything is measured: what they load for good belongs to the agent's base."""
LAST_SECONDS = Pace().tick_seconds + 0.05
"""A call's end is told at once: nobody waits for what came since the last tick, or is on its way."""
GOALS_AT = 200
"""Calls at once for which there are goals."""


@dataclass(frozen=True, slots=True)
class Result:
    """What one run measured."""

    tap: str
    calls: int
    """At once."""
    seconds: float
    """Length of each call."""
    per_second: float
    """Calls that begin, and calls that end."""
    second_to_variable: Delays
    """From the end of a call's first second to the variable that tells of it. The second begins with the
    carrier's first packet; where a spy comes later, when Asterisk begins to copy the audio for it."""
    final_code_to_final_variable: Delays
    agent_cpu_percent: float
    """Of one core, while all the calls were up."""
    pbx_cpu_percent: float
    harness_cpu_percent: float
    """Carrier and dialer."""
    base_mb: float
    """The agent's resident memory after the first calls, none being there."""
    peak_mb: float
    kb_a_call: float
    """Beyond the base."""
    audio_seconds_sent: float
    audio_percent_before_tap: float
    """Sent before a spy was there; what the leg brings itself is meant to hear all."""
    audio_percent_lost: float
    """Sent between that and a call's last moment, and not heard."""
    worst_call_seconds_lost: float
    audio_seconds_dropped: float
    """By the agent, because it fell behind."""
    carrier_late_ms: float
    """The most that the carrier was behind its own clock: the machine is the limit beyond a packet."""
    verdicts: Mapping[str, int]


async def measure(
    load: AbstractAsyncContextManager[Load], chroot: Path, tap: str, calls: int, seconds: float
) -> Result:
    """Keep up `calls` calls at once and measure."""
    per_second = calls / seconds
    ring = audio.RINGING_NORTH_AMERICA.ulaw  # no tone of it ends within the first second
    announcement = audio.prompt(chroot, "en", "cannot-complete-as-dialed", "check-number-dial-again")
    rings = Scenario(audio=ring(seconds), seconds=seconds, final=480)
    announces = Scenario(audio=ring(seconds - 8) + announcement, seconds=seconds, final=480)
    async with (
        load as on,
        _agent(on, tap) as agent,
        Carrier(port=on.lab.ports.carrier, fallback=lambda n: announces if int(n) % 2 else rings) as carrier,
    ):
        await _first_calls(on, carrier, replace(rings, seconds=FIRST_SECONDS))
        base = resident_mb(agent.pid) if agent else math.nan
        numbers = [f"9{n:05}" for n in range(2 * calls)]
        for number in track(numbers[:calls], f"{calls} calls, {tap}", console=console, transient=True):
            await _place(on, number, 1 / per_second)
        began = _clocks(agent, on)
        for number in track(numbers[calls:], f"{calls} calls, {tap}", console=console, transient=True):
            await _place(on, number, 1 / per_second)
        took, agent_cpu, pbx_cpu, harness_cpu = (
            now - then for now, then in zip(_clocks(agent, on), began, strict=True)
        )
        peak = resident_mb(agent.pid) if agent else math.nan
        for number in numbers:
            await carrier.ended(number, timeout_seconds=seconds + 30)
        await asyncio.sleep(SETTLE_SECONDS)
        second, final = _delays(on, numbers, carrier)
        journal = {on.number_of(line["leg"]): line for line in agent.journal()} if agent else {}
        sent, before, lost = _audio(on, numbers, carrier, journal)
        return Result(
            tap=tap,
            calls=calls,
            seconds=seconds,
            per_second=round(per_second, 1),
            second_to_variable=Delays.of(second),
            final_code_to_final_variable=Delays.of(final),
            agent_cpu_percent=round(100 * agent_cpu / took, 1),
            pbx_cpu_percent=round(100 * pbx_cpu / took, 1),
            harness_cpu_percent=round(100 * harness_cpu / took, 1),
            base_mb=round(base, 1),
            peak_mb=round(peak, 1),
            kb_a_call=round(1024 * (peak - base) / calls, 1),
            audio_seconds_sent=round(sent, 1),
            audio_percent_before_tap=round(100 * before / sent, 3),
            audio_percent_lost=round(100 * sum(lost) / sent, 3),
            worst_call_seconds_lost=round(max(lost, default=math.nan), 2),
            audio_seconds_dropped=round(sum(line["dropped_seconds"] for line in journal.values()), 2),
            carrier_late_ms=round(1000 * carrier.pump.latest_seconds, 1),
            verdicts=dict(Counter(journal[number]["outcome"] for number in numbers if number in journal)),
        )


@asynccontextmanager
async def _agent(on: Load, tap: str) -> AsyncIterator[LabAgent | None]:
    """Start the agent, if there is to be one."""
    if tap in WITHOUT:
        yield None
        return
    settings: dict[str, Any] = {"log": {"format": "json", "level": "info"}}
    if tap == "unheard":
        settings["trunks"] = [{"match": "nothing"}]
    elif tap in ("native", "linear"):
        settings["freeswitch"] = on.lab.agent_config["freeswitch"] | {"tap": tap}
    async with LabAgent(on.lab, settings=settings) as agent:
        yield agent


async def _first_calls(on: Load, carrier: Carrier, scenario: Scenario) -> None:
    """Place a few calls and see them end."""
    numbers = [f"8{n:05}" for n in range(FIRST_CALLS)]
    for number in numbers:
        carrier.scenarios[number] = scenario
        await on.place(number)
    for number in numbers:
        await carrier.ended(number)
    await asyncio.sleep(SETTLE_SECONDS)


def _clocks(agent: LabAgent | None, on: Load) -> tuple[float, float, float, float]:
    """Return the time and the processor seconds of agent, PBX and harness."""
    used = cpu_seconds(agent.pid) if agent else math.nan
    return time.monotonic(), used, cpu_seconds(on.lab.pid), time.process_time()


async def _place(on: Load, number: str, pause_seconds: float) -> None:
    """Place one call and pause."""
    due = time.monotonic() + pause_seconds
    await on.place(number)
    await asyncio.sleep(due - time.monotonic())


def _delays(on: Load, numbers: Iterable[str], carrier: Carrier) -> tuple[list[float], list[float]]:
    """Return for each call the delays of its first second, and of the final verdict after the end."""
    judged, final, tapped = on.first_judged(), on.final(), on.tapped()
    second, last = [], []
    for number in numbers:
        call = carrier.calls_to(number)[0]
        if number in judged and call.first_rtp is not None:
            second.append(judged[number] - max(call.first_rtp, tapped.get(number, 0.0)) - 1.0)
        if number in final and call.final_sent is not None and int(number) % 2 == 0:
            last.append(final[number] - call.final_sent)
    return second, last


def _audio(
    on: Load, numbers: Iterable[str], carrier: Carrier, journal: Mapping[str, Mapping[str, Any]]
) -> tuple[float, float, list[float]]:
    """Return the seconds of audio sent, those before a spy was there, and what each call lost then."""
    tapped = on.tapped()
    all_sent, all_before, lost = 0.0, 0.0, []
    for number in numbers:
        call = carrier.calls_to(number)[0]
        sent = call.packets_sent * PACKET_SECONDS
        before = max(0.0, tapped.get(number, 0.0) - (call.first_rtp or math.inf))
        all_sent += sent
        all_before += before
        if journal:
            heard = journal[number]["audio_seconds"] if number in journal else 0.0
            lost.append(max(0.0, sent - before - heard - LAST_SECONDS))
    return all_sent, all_before, lost


def part_of(name: str, results: tuple[Result, ...]) -> Part:
    """Put what was measured beside what was to be reached."""
    goals: list[Goal] = []
    for one in results:
        if one.calls == GOALS_AT and one.tap in ("spy", "eagi", "audiosocket"):
            what = f"{one.calls} calls, {one.tap}"
            goals += [
                Goal(f"{what}: agent's processor", one.agent_cpu_percent, 25.0, "% of a core"),
                Goal(f"{what}: memory a call beyond the base", one.kb_a_call, 60.0, "KB"),
                Goal(f"{what}: a second's end to the variable, p99", one.second_to_variable.p99, 400.0, "ms"),
                Goal(f"{what}: audio lost but for both ends", one.audio_percent_lost, 0.0, "%"),
            ]
    return Part(name, "The agent beside a PBX", results, tuple(goals))


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--asterisk", type=Path, required=True, help="folder that scripts/setup made")
    parser.add_argument("runs", nargs="*", help="all that there are goals for, where none is named")
    parser.add_argument("--seconds", type=float, default=25.0, help="length of each call")
    parser.add_argument("--freeswitch", type=Path, help="prefix of the FreeSWITCH to measure instead")
    add_into(parser)
    options = parser.parse_args()
    gc.disable()  # a collection would hold carrier and dialer up for half a second
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536), hard))
    chroot, prefix = options.asterisk, options.freeswitch
    name = "freeswitch" if prefix else "live"
    results: tuple[Result, ...] = ()
    for run in options.runs or (FREESWITCH_RUNS if prefix else RUNS):
        tap, _, calls = run.partition(":")
        load = FreeSwitchLoad.open(prefix) if prefix else AsteriskLoad.open(chroot, tap)
        try:
            results += (asyncio.run(measure(load, chroot, tap, int(calls), options.seconds)),)
        except TimeoutError as error:  # what is lost then is the machine's, not the agent's
            console.print(f"[red]{run}[/red]: the machine does not carry so many ({error})")
        else:
            keep(part_of(name, results), options.into)
    tell(part_of(name, results), options.into)


if __name__ == "__main__":
    main()
