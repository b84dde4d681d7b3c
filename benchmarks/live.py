"""The agent beside a real PBX under load: delays, audio lost, processor and memory.

    python benchmarks/live.py --asterisk .lab/asterisk --calls 200 --tap spy
    python benchmarks/live.py --asterisk .lab/asterisk --freeswitch /usr/local/freeswitch --tap native

The second takes only its announcements from the Asterisk: the calls go through the FreeSWITCH of that prefix,
placed by a dialer with `ignore_early_media=consume`; with `--tap unheard` the agent knows no trunk.

`--calls` is how many there are at once. They begin one after the other, so many that after the length of one
call as many end as begin; then as many again are placed, and while that lasts processors are read.
Every second call rings only, so that its verdict becomes final with the carrier's final code; the others ring
and then announce. Delays are taken at the ends: from the carrier's own RTP and SIP to what a second session
of the dialer sees, see live_load.py.
"""

import argparse
import asyncio
import json
import resource
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from live_load import AsteriskLoad, FreeSwitchLoad, Load
from measuring import Delays, cpu_seconds, resident_mb

from agent.demo import audio
from agent.demo.agent import LabAgent
from agent.demo.asterisk import LabAsterisk
from agent.demo.call import Scenario
from agent.demo.carrier import Carrier
from agent.demo.freeswitch import LabFreeSwitch

TAPS = ("spy", "eagi", "audiosocket")
FREESWITCH_TAPS = ("native", "linear", "unheard")
PACKET_SECONDS = 0.02
SETTLE_SECONDS = 3.0


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
    first_rtp_to_first_second: Delays
    """To the first judged second; the second itself, and 48 ms of the next, are in it."""
    final_code_to_final_variable: Delays
    agent_cpu_percent: float
    """Of one core, while all the calls were up."""
    pbx_cpu_percent: float
    harness_cpu_percent: float
    """Carrier and dialer."""
    idle_rss_mb: float
    peak_rss_mb: float
    audio_seconds_sent: float
    audio_percent_lost: float
    worst_call_seconds_lost: float
    audio_seconds_dropped: float
    """By the agent, because it fell behind."""
    verdicts: Mapping[str, int]


async def measure(
    load: AbstractAsyncContextManager[Load], chroot: Path, tap: str, calls: int, seconds: float
) -> Result:
    """Keep up `calls` calls at once and measure."""
    per_second = calls / seconds
    ring = audio.RINGING_EUROPE.ulaw
    announcement = audio.prompt(chroot, "en", "cannot-complete-as-dialed", "check-number-dial-again")
    rings = Scenario(audio=ring(seconds), seconds=seconds, final=480)
    announces = Scenario(audio=ring(seconds - 8) + announcement, seconds=seconds, final=480)
    settings: dict[str, Any] = {"log": {"format": "json", "level": "info"}}
    async with (
        load as on,
        LabAgent(on.lab, settings={**settings, **_tap_settings(on.lab, tap)}) as agent,
        Carrier(port=on.lab.ports.carrier, fallback=lambda n: announces if int(n) % 2 else rings) as carrier,
    ):
        idle = resident_mb(agent.pid)
        numbers = _numbers(2 * calls)
        for number in numbers[:calls]:
            await _place(on, number, 1 / per_second)
        began = time.monotonic(), cpu_seconds(agent.pid), cpu_seconds(on.lab.pid), time.process_time()
        for number in numbers[calls:]:
            await _place(on, number, 1 / per_second)
        took, agent_cpu, pbx_cpu, harness_cpu = (
            now - then
            for now, then in zip(
                (time.monotonic(), cpu_seconds(agent.pid), cpu_seconds(on.lab.pid), time.process_time()),
                began,
                strict=True,
            )
        )
        peak = resident_mb(agent.pid)
        for number in numbers:
            await carrier.ended(number, timeout_seconds=seconds + 30)
        await asyncio.sleep(SETTLE_SECONDS)
        first, final = _delays(on, numbers, carrier)
        journal = agent.journal()
        sent = {number: carrier.calls_to(number)[0].packets_sent * PACKET_SECONDS for number in numbers}
        heard = {on.number_of(line["leg"]): line["audio_seconds"] for line in journal}
        lost = [max(0.0, sent[number] - heard.get(number, 0.0)) for number in numbers]
        return Result(
            tap=tap,
            calls=calls,
            seconds=seconds,
            per_second=round(per_second, 1),
            first_rtp_to_first_second=Delays.of(first),
            final_code_to_final_variable=Delays.of(final),
            agent_cpu_percent=round(100 * agent_cpu / took, 1),
            pbx_cpu_percent=round(100 * pbx_cpu / took, 1),
            harness_cpu_percent=round(100 * harness_cpu / took, 1),
            idle_rss_mb=round(idle, 1),
            peak_rss_mb=round(peak, 1),
            audio_seconds_sent=round(sum(sent.values()), 1),
            audio_percent_lost=round(100 * sum(lost) / sum(sent.values()), 3),
            worst_call_seconds_lost=round(max(lost), 2),
            audio_seconds_dropped=round(sum(line["dropped_seconds"] for line in journal), 2),
            verdicts=dict(Counter(line["outcome"] for line in journal)),
        )


def _tap_settings(lab: LabAsterisk | LabFreeSwitch, tap: str) -> Mapping[str, Any]:
    if tap == "unheard":
        return {"trunks": [{"match": "nothing"}]}
    if tap in FREESWITCH_TAPS:
        return {"freeswitch": lab.agent_config["freeswitch"] | {"tap": tap}}
    return {}


def _numbers(calls: int) -> list[str]:
    return [f"9{n:05}" for n in range(calls)]


async def _place(on: Load, number: str, pause_seconds: float) -> None:
    """Place one call and pause."""
    due = time.monotonic() + pause_seconds
    await on.place(number)
    await asyncio.sleep(due - time.monotonic())


def _delays(on: Load, numbers: Iterable[str], carrier: Carrier) -> tuple[list[float], list[float]]:
    """Return for each call the delays of the first judged second, and of the final verdict after the end."""
    judged, final = on.first_judged(), on.final()
    first, last = [], []
    for number in numbers:
        call = carrier.calls_to(number)[0]
        if number in judged and call.first_rtp is not None:
            first.append(judged[number] - call.first_rtp)
        if number in final and call.final_sent is not None and int(number) % 2 == 0:
            last.append(final[number] - call.final_sent)
    return first, last


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--asterisk", type=Path, required=True, help="folder that scripts/setup made")
    parser.add_argument("--calls", type=int, default=200, help="calls at once")
    parser.add_argument("--seconds", type=float, default=25.0, help="length of each call")
    parser.add_argument("--freeswitch", type=Path, help="prefix of the FreeSWITCH to measure instead")
    parser.add_argument("--tap", choices=TAPS + FREESWITCH_TAPS, action="append", help="all if none is named")
    options = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536), hard))
    chroot, prefix = options.asterisk, options.freeswitch
    for tap in options.tap or (FREESWITCH_TAPS if prefix else TAPS):
        load = FreeSwitchLoad.open(prefix) if prefix else AsteriskLoad.open(chroot, tap)
        result = asyncio.run(measure(load, chroot, tap, options.calls, options.seconds))
        print(json.dumps(asdict(result), indent=1))  # noqa: T201, this is what a benchmark is for


if __name__ == "__main__":
    main()
