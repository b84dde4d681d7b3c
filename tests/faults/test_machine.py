"""Whatever runs short on the agent's machine while fifty calls are up: none changes, no verdict is wrong."""

import asyncio
import resource
from pathlib import Path

import pytest

from agent.demo.agent import LabAgent
from tests.faults.fleet import (
    FIFTY,
    Experience,
    agent_under_fault,
    assert_unhurt,
    assert_verdicts_right,
    experiences,
    hears_the_next_call,
    launch,
    listened,
)
from tests.lab_fixtures import Site, until

pytestmark = [pytest.mark.pbx, pytest.mark.asyncio(loop_scope="session")]


async def test_stopped_for_ten_seconds(site: Site, without_agent: list[Experience]) -> None:
    """Of all that is up, some calls end meanwhile; the others are heard on."""
    async with agent_under_fault(site) as agent:
        fleet = await launch(site, 3)
        lasting = await launch(site, 3, longer=10.0)
        await listened(agent, [*fleet, *lasting])
        agent.freeze()
        await asyncio.sleep(10.0)
        agent.thaw()
        stalled = await agent.logged("the agent stood still: calls were let go")
        assert stalled["seconds"] > 9.0
        assert_unhurt(await experiences(site, [*fleet, *lasting]), without_agent)
        await hears_the_next_call(site)
        await assert_verdicts_right(site, [*fleet, *lasting])
        for call in lasting:
            assert site.verdicts(await site.leg(call.number))
    await site.nobody_left()


async def test_out_of_descriptors(site: Site, without_agent: list[Experience]) -> None:
    async with agent_under_fault(site) as agent:
        heard = await launch(site, 3)
        await listened(agent, heard)
        before = limit(agent, resource.RLIMIT_NOFILE, descriptors(agent))
        unheard = await launch(site, 3)
        await agent.logged("cannot accept connections")
        await asyncio.sleep(3.0)
        limit(agent, resource.RLIMIT_NOFILE, before)
        assert_unhurt(await experiences(site, [*heard, *unheard]), without_agent)
        await hears_the_next_call(site)
        await agent.logged("connections are accepted again")
        await assert_verdicts_right(site, [*heard, *unheard])
    await site.nobody_left()


async def test_out_of_memory(site: Site, without_agent: list[Experience]) -> None:
    async with agent_under_fault(site) as agent:
        fleet = await launch(site, FIFTY)
        await listened(agent, fleet)
        before = limit(agent, resource.RLIMIT_AS, 1 << 20)
        await agent.logged("audio could not be heard")
        await asyncio.sleep(3.0)
        if agent.running:
            limit(agent, resource.RLIMIT_AS, before)
        assert_unhurt(await experiences(site, fleet), without_agent)
        await agent.logged("ticks go well again")
        await hears_the_next_call(site)
        await assert_verdicts_right(site, fleet)
    await site.nobody_left()


def limit(agent: LabAgent, kind: int, most: int) -> int:
    """Let the running agent have no more of something; return how much it could have."""
    soft, hard = resource.prlimit(agent.pid, kind)
    resource.prlimit(agent.pid, kind, (most, hard))
    return soft


def descriptors(agent: LabAgent) -> int:
    """Return the number above the highest descriptor that the agent has open."""
    return 1 + max(int(entry.name) for entry in Path(f"/proc/{agent.pid}/fd").iterdir())
