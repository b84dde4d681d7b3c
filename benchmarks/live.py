"""The agent beside a real Asterisk under load: delays, audio lost, processor and memory.

    python benchmarks/live.py --asterisk .lab/asterisk --calls 200 --tap spy

`--calls` is how many there are at once. They begin one after the other, so many that after the length of one
call as many end as begin; then as many again are placed, and while that lasts processors are read.
Every second call rings only, so that its verdict becomes final with the carrier's final code; the others ring
and then announce. Delays are taken at the ends: from the carrier's own RTP and SIP to the variables that a
second manager session sees being set.
"""

import argparse
import asyncio
import json
import os
import resource
import statistics
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from agent.demo import audio
from agent.demo.agent import LabAgent
from agent.demo.asterisk import LabAsterisk
from agent.demo.call import Scenario
from agent.demo.carrier import Carrier
from agent.demo.dialer import Dialer
from agent.demo.lab import LabPorts

TAPS = ("spy", "eagi", "audiosocket")
PACKET_SECONDS = 0.02
SETTLE_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Delays:
    """Milliseconds."""

    median: float
    p95: float
    worst: float
    samples: int

    @classmethod
    def of(cls, seconds: Iterable[float]) -> "Delays":
        """Summarise durations in seconds."""
        ordered = sorted(1000 * s for s in seconds)
        if not ordered:
            return cls(float("nan"), float("nan"), float("nan"), 0)
        p95 = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
        return cls(round(statistics.median(ordered), 1), round(p95, 1), round(ordered[-1], 1), len(ordered))


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
    asterisk_cpu_percent: float
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


async def measure(chroot: Path, tap: str, calls: int, seconds: float) -> Result:
    """Keep up `calls` calls at once and measure."""
    per_second = calls / seconds
    ring = audio.RINGING_EUROPE.ulaw
    announcement = audio.prompt(chroot, "en", "cannot-complete-as-dialed", "check-number-dial-again")
    rings = Scenario(audio=ring(seconds), seconds=seconds, final=480)
    announces = Scenario(audio=ring(seconds - 8) + announcement, seconds=seconds, final=480)
    ports = LabPorts.free()
    async with (
        LabAsterisk(chroot, ports=ports) as lab,
        LabAgent(lab, settings={"log": {"format": "json", "level": "info"}}) as agent,
        Carrier(port=ports.carrier, fallback=lambda n: announces if int(n) % 2 else rings) as carrier,
        lab.dialer() as dialer,
    ):
        for pattern in ("Variable: EARLYMEDIA_CLASS", "Variable: EARLYMEDIA_STATUS", "Event: DialBegin"):
            await dialer.action("Filter", Operation="Add", Filter=pattern)
        idle = _rss_mb(agent.pid)
        ids = {number: await _place(dialer, tap, number, 1 / per_second) for number in _numbers(calls)}
        began = time.monotonic(), _cpu(agent.pid), _cpu(lab.pid), time.process_time()
        for number in _numbers(calls, first=calls):
            ids[number] = await _place(dialer, tap, number, 1 / per_second)
        took, agent_cpu, asterisk_cpu, harness_cpu = (
            now - then
            for now, then in zip(
                (time.monotonic(), _cpu(agent.pid), _cpu(lab.pid), time.process_time()), began, strict=True
            )
        )
        peak = _rss_mb(agent.pid)
        for number in ids:
            await carrier.ended(number, timeout_seconds=seconds + 30)
        await asyncio.sleep(SETTLE_SECONDS)
        first, final = _delays(ids, carrier, dialer)
        journal = agent.journal()
        sent = {number: carrier.calls_to(number)[0].packets_sent * PACKET_SECONDS for number in ids}
        number_of = {
            e.get("DestUniqueid"): e.get("DialString").split("@")[0] for e in dialer.named("DialBegin")
        }
        heard = {number_of.get(line["leg"], line["leg"]): line["audio_seconds"] for line in journal}
        lost = [max(0.0, sent[number] - heard.get(number, 0.0)) for number in ids]
        return Result(
            tap=tap,
            calls=calls,
            seconds=seconds,
            per_second=round(per_second, 1),
            first_rtp_to_first_second=Delays.of(first),
            final_code_to_final_variable=Delays.of(final),
            agent_cpu_percent=round(100 * agent_cpu / took, 1),
            asterisk_cpu_percent=round(100 * asterisk_cpu / took, 1),
            harness_cpu_percent=round(100 * harness_cpu / took, 1),
            idle_rss_mb=round(idle, 1),
            peak_rss_mb=round(peak, 1),
            audio_seconds_sent=round(sum(sent.values()), 1),
            audio_percent_lost=round(100 * sum(lost) / sum(sent.values()), 3),
            worst_call_seconds_lost=round(max(lost), 2),
            audio_seconds_dropped=round(sum(line["dropped_seconds"] for line in journal), 2),
            verdicts=_count(line["outcome"] for line in journal),
        )


def _numbers(calls: int, first: int = 0) -> list[str]:
    return [f"9{n:05}" for n in range(first, first + calls)]


async def _place(dialer: Dialer, tap: str, number: str, pause_seconds: float) -> str:
    """Place one call and pause; return the Uniqueid of the channel whose variables the dialer would read."""
    due = time.monotonic() + pause_seconds
    if tap == "spy":
        channel_id = f"{await dialer.originate(f'Local/{number}@outbound/n', 'answered')}-2"
    else:
        context = "earlymedia-originate" + ("-audiosocket" if tap == "audiosocket" else "")
        channel_id = await dialer.originate(
            f"PJSIP/{number}@carrier",
            context,
            early_media=True,
            variables={"EARLYMEDIA_NUMBER": number, "EARLYMEDIA_NEXT_CONTEXT": "answered"},
        )
    await asyncio.sleep(due - time.monotonic())
    return channel_id


def _delays(ids: Mapping[str, str], carrier: Carrier, dialer: Dialer) -> tuple[list[float], list[float]]:
    """Return for each call the delays of the first judged second, and of the final variable after the end."""
    judged: dict[str, float] = {}
    final: dict[str, float] = {}
    for event in dialer.named("VarSet"):
        channel, name, value = event.get("Uniqueid"), event.get("Variable"), event.get("Value")
        if name == "EARLYMEDIA_CLASS" and value not in ("", "none"):
            judged.setdefault(channel, event.at)
        if name == "EARLYMEDIA_STATUS" and value == "final":
            final.setdefault(channel, event.at)
    first, last = [], []
    for number, channel in ids.items():
        call = carrier.calls_to(number)[0]
        if channel in judged and call.first_rtp is not None:
            first.append(judged[channel] - call.first_rtp)
        if channel in final and call.final_sent is not None and int(number) % 2 == 0:
            last.append(final[channel] - call.final_sent)
    return first, last


def _count(outcomes: Iterable[str]) -> dict[str, int]:
    counted: dict[str, int] = {}
    for outcome in outcomes:
        counted[outcome] = counted.get(outcome, 0) + 1
    return counted


def _cpu(pid: int) -> float:
    """Return the processor seconds that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _rss_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--asterisk", type=Path, required=True, help="folder that scripts/setup made")
    parser.add_argument("--calls", type=int, default=200, help="calls at once")
    parser.add_argument("--seconds", type=float, default=25.0, help="length of each call")
    parser.add_argument("--tap", choices=TAPS, action="append", help="which taps; all if none is named")
    options = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536), hard))
    for tap in options.tap or TAPS:
        result = asyncio.run(measure(options.asterisk, tap, options.calls, options.seconds))
        print(json.dumps(asdict(result), indent=1))  # noqa: T201, this is what a benchmark is for


if __name__ == "__main__":
    main()
