"""What the agent takes of the machine while no call is there."""

from pathlib import Path

import pytest

from tests.lab_fixtures import Site, agent_beside

pytestmark = [pytest.mark.pbx, pytest.mark.asyncio(loop_scope="session")]


async def test_an_idle_agent_takes_less_than_200_mb(site: Site) -> None:
    async with agent_beside(site.lab) as agent:
        status = Path(f"/proc/{agent.pid}/status").read_text().splitlines()
        assert next(int(line.split()[1]) for line in status if line.startswith("VmRSS:")) < 200 * 1024
