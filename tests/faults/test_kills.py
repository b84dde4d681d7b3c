"""Killed at any moment of fifty calls, and started again. `benchmarks/kills.py` does it fifty times."""

import pytest

from tests.faults.fleet import Experience, agent_under_fault
from tests.faults.kills import kill
from tests.lab_fixtures import Site

pytestmark = [pytest.mark.pbx, pytest.mark.asyncio(loop_scope="session")]


async def test_killed_as_calls_begin_are_heard_and_end(site: Site, without_agent: list[Experience]) -> None:
    async with agent_under_fault(site) as agent:
        for after_seconds in (0.1, 2.5, 4.9):
            aftermath = await kill(site, agent, without_agent, after_seconds)
            assert not aftermath.changed, after_seconds
            assert (aftermath.lost, aftermath.wrong_verdicts) == (0, 0), after_seconds
            assert aftermath.heard_again
    await site.nobody_left()
