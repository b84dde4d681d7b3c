from collections.abc import AsyncIterator

import pytest_asyncio

from agent.demo.asterisk import LabAsterisk
from tests.faults.fleet import Experience, undisturbed
from tests.lab_fixtures import Site, open_site


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def without_agent(shared_lab: LabAsterisk) -> list[Experience]:
    """How a fleet of calls goes of which no agent knows."""
    async with open_site(shared_lab) as site:
        return await undisturbed(site)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def site(shared_lab: LabAsterisk, without_agent: list[Experience]) -> AsyncIterator[Site]:
    """The lab with a carrier and a dialer, and no agent; `without_agent` had its own before."""
    async with open_site(shared_lab) as site:
        yield site
