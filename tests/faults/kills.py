"""An agent that is killed in the middle of fifty calls and started again, as systemd does."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

from agent.demo.agent import LabAgent
from tests.faults.fleet import (
    FIFTY,
    Experience,
    assert_verdicts_right,
    experiences,
    hears_the_next_call,
    launch,
)
from tests.lab_fixtures import Placed, Site

RESTART_SECONDS = 1.0
"""`RestartSec=` of the unit."""
IN_FLIGHT_SECONDS = 9.0
"""A fleet is up for so long."""


@dataclass(frozen=True, slots=True)
class Aftermath:
    """What became of the calls that a killed agent heard."""

    calls: int
    changed: tuple[str, ...]
    """What of each call that carrier, caller or dialer could tell from one without an agent."""
    lost: int
    """Calls that did not come to their end."""
    wrong_verdicts: int
    away_seconds: float
    """From the kill until the agent could hear calls again."""
    heard_again: bool
    """One of the next calls was judged."""


async def kill(
    site: Site, agent: LabAgent, without_agent: Sequence[Experience], after_seconds: float
) -> Aftermath:
    """Place a fleet, kill the agent, start it again. Raises LabError if it does not start."""
    fleet = await launch(site, FIFTY)
    await asyncio.sleep(after_seconds)
    killed = time.monotonic()
    await agent.kill()
    await asyncio.sleep(RESTART_SECONDS)
    await agent.start()
    away = time.monotonic() - killed
    ends = await asyncio.gather(*(_end(site, call) for call in fleet))
    heard_again = await _heard_again(site)
    return Aftermath(
        calls=len(fleet),
        changed=tuple(
            changed
            for number, end in enumerate(ends)
            if end is not None and (changed := _changed(end, without_agent[number % len(without_agent)]))
        ),
        lost=ends.count(None),
        wrong_verdicts=sum([await _wrong(site, call) for call in fleet]),
        away_seconds=away,
        heard_again=heard_again,
    )


async def _heard_again(site: Site) -> bool:
    try:
        await hears_the_next_call(site)
    except TimeoutError:
        return False
    return True


async def _end(site: Site, call: Placed) -> Experience | None:
    try:
        (experience,) = await experiences(site, [call])
    except TimeoutError:
        return None
    return experience


def _changed(experience: Experience, undisturbed: Experience) -> str:
    try:
        experience.assert_same(undisturbed)
    except AssertionError as difference:
        return str(difference)
    return ""


async def _wrong(site: Site, call: Placed) -> bool:
    try:
        await assert_verdicts_right(site, [call])
    except AssertionError:
        return True
    return False
