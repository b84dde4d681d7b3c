from collections.abc import AsyncIterator

import pytest_asyncio

from agent.demo.agent import LabAgent
from agent.demo.asterisk import LabAsterisk
from tests.lab_fixtures import Site, agent_beside, open_site


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def site(shared_lab: LabAsterisk) -> AsyncIterator[Site]:
    """The lab with a carrier and a dialer."""
    async with open_site(shared_lab) as site:
        yield site


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def agent(site: Site) -> AsyncIterator[LabAgent]:
    """An agent that hands its verdicts back."""
    async with agent_beside(site.lab) as agent:
        yield agent
