"""The agent killed fifty times, each time in the middle of fifty calls: who could tell?

    python -m benchmarks.kills --asterisk .lab/asterisk [--kills 50]

On a real Asterisk, at random moments; after each kill it is started again as systemd does. Every call is
compared, by what carrier, caller and dialer noticed of it, with calls that no agent knows of.
"""

import argparse
import asyncio
import gc
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.progress import track

from agent.demo.asterisk import LabAsterisk
from agent.demo.lab import LabError, LabPorts
from benchmarks.measuring import Delays
from benchmarks.parts import Goal, Part, add_into, console, tell
from tests.faults.fleet import agent_under_fault, undisturbed
from tests.faults.kills import IN_FLIGHT_SECONDS, Aftermath, kill
from tests.lab_fixtures import open_site

SEED = 50
RECOVERY_MS = 10_000
TOLD = ("Event: DialBegin", "Event: Hangup", "UserEvent: LabReport", "UserEvent: EarlyMediaVerdict")
"""Events that calls are compared by; all of them would be two gigabytes by the end."""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of all calls."""

    kills: int
    kills_wanted: int
    calls: int
    calls_changed: int
    calls_lost: int
    wrong_verdicts: int
    unheard_afterwards: int
    """Kills after which no call that began within ten seconds was judged."""
    away: Delays
    """From a kill until the agent could hear calls again; systemd's pause of 1 s is in it."""


async def measure(chroot: Path, kills: int) -> Result:
    """Kill it so many times."""
    moments = np.random.default_rng(SEED).uniform(0.0, IN_FLIGHT_SECONDS, kills)
    async with LabAsterisk(chroot, ports=LabPorts.free()) as lab, open_site(lab) as site:
        for told in TOLD:
            await site.dialer.action("Filter", Operation="Add", Filter=told)
        without_agent = await undisturbed(site)
        async with agent_under_fault(site) as agent:
            found: list[Aftermath] = []
            for moment in track(moments.tolist(), "kills", console=console):
                # Carrier and dialer are this process: collected during calls, it would look like a slow PBX.
                gc.collect()
                gc.freeze()
                try:
                    found.append(await kill(site, agent, without_agent, moment))
                    for difference in found[-1].changed:
                        console.print(
                            f"killed after {moment:.2f} s: {difference}", soft_wrap=True, markup=False
                        )
                except LabError as error:  # what was found so far is worth telling
                    console.print(str(error))
                    break
    return Result(
        kills=len(found),
        kills_wanted=kills,
        calls=sum(after.calls for after in found),
        calls_changed=sum(len(after.changed) for after in found),
        calls_lost=sum(after.lost for after in found),
        wrong_verdicts=sum(after.wrong_verdicts for after in found),
        unheard_afterwards=sum(not after.heard_again for after in found),
        away=Delays.of(after.away_seconds for after in found),
    )


def part_of(result: Result) -> Part:
    """Put what was found beside what was to be reached."""
    return Part(
        "kills",
        f"Killed {result.kills} times with fifty calls up",
        (result,),
        (
            Goal("kills", result.kills, result.kills_wanted, at_least=True),
            Goal("calls changed", result.calls_changed, 0),
            Goal("calls lost", result.calls_lost, 0),
            Goal("wrong verdicts", result.wrong_verdicts, 0),
            Goal("kills after which no call was heard", result.unheard_afterwards, 0),
            Goal("away at worst", result.away.worst, RECOVERY_MS, "ms"),
        ),
    )


def main() -> None:
    """Kill and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--asterisk", type=Path, required=True, help="folder that scripts/setup made")
    parser.add_argument("--kills", type=int, default=50)
    add_into(parser)
    options = parser.parse_args()
    gc.disable()
    result = asyncio.run(measure(options.asterisk, options.kills))
    tell(part_of(result), options.into)


if __name__ == "__main__":
    main()
