"""Model and configuration change under a running agent while fifty calls are up."""

import asyncio
import shutil

import pytest

from agent.config import ModelConfig
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
from tests.lab_fixtures import Site

pytestmark = [pytest.mark.pbx, pytest.mark.asyncio(loop_scope="session")]

RELOADS = 20


async def test_the_model_is_replaced_and_the_configuration_reloaded(
    site: Site, without_agent: list[Experience]
) -> None:
    agent = agent_under_fault(site)
    shipped = ModelConfig().path
    model = agent.home / shipped.name
    for file in (shipped, shipped.with_suffix(".json")):
        shutil.copy(file, model.with_name(file.name))
    agent.config["model"] = {"path": str(model)}
    async with agent:
        fleet = await launch(site, FIFTY)
        await listened(agent, fleet)
        model.write_bytes(b"no forest any more")
        for number in range(RELOADS):
            agent.config["settling"] = {"abstain_below": 0.45 + 0.001 * number}
            file = agent.write_config()
            if number % 2:
                file.write_text("mode: [no, such, mode")
            agent.reload()
            await asyncio.sleep(0.1)
        assert_unhurt(await experiences(site, fleet), without_agent)
        assert "config.yaml" in (await agent.logged("the configuration stays as it was"))["reason"]
        assert agent.events("configuration reloaded")
        await hears_the_next_call(site)
        await assert_verdicts_right(site, fleet)
        for call in fleet:
            assert site.verdicts(await site.leg(call.number))
    await site.nobody_left()
