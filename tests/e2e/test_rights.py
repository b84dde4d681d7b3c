"""What a missing right costs, and the manager interface over TLS."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from agent.demo.agent import LabAgent
from agent.demo.asterisk import LabAsterisk
from agent.demo.call import Scenario
from agent.hearing.sound import Sound
from agent.verdict import fields
from tests.e2e.scenarios import Way
from tests.lab_fixtures import Placed, SeenLeg, Site, agent_beside, journalled

pytestmark = [pytest.mark.pbx, pytest.mark.asyncio(loop_scope="session")]


@asynccontextmanager
async def rights(lab: LabAsterisk, write: str) -> AsyncIterator[None]:
    """Let the agent's manager user have these rights to write only."""
    conf = lab.home / "conf" / "manager_earlymedia.conf"
    shipped = conf.read_text()
    assert "write = call,originate,user" in shipped
    conf.write_text(shipped.replace("write = call,originate,user", f"write = {write}"))
    try:
        await lab.command("manager reload")
        yield
    finally:
        conf.write_text(shipped)
        await lab.command("manager reload")


async def test_without_the_right_user_only_the_event_is_missing(site: Site) -> None:
    async with rights(site.lab, "call,originate"), agent_beside(site.lab) as agent:
        for _ in range(2):
            placed, leg = await _announced(site)
            await site.ended(placed)
            assert (await site.report("after-dial", leg)).get(fields.OUTCOME) == "announcement"
            assert (await journalled(agent, leg))["outcome"] == "announcement"
            assert not site.verdicts(leg)
        assert len(_denied(agent, "UserEvent")) == 1


async def test_without_the_right_originate_nothing_is_heard_and_it_is_said(site: Site) -> None:
    async with rights(site.lab, "call,user"), agent_beside(site.lab) as agent:
        placed, leg = await _announced(site)
        await site.ended(placed)
        assert (await site.report("after-dial", leg)).get(fields.STATUS) == "unavailable"
        assert (await journalled(agent, leg))["tap"] is None
        reasons = [line["reason"] for line in agent.events("a way to listen does not work")]
        assert reasons
        assert all("give it write=originate" in reason for reason in reasons)
        assert agent.events("cannot listen")


async def test_the_manager_interface_over_tls(site: Site) -> None:
    ca = site.lab.home / "conf" / "ami.crt"
    tls = {"tls": True, "port": site.lab.ports.ami_tls, "tls_ca_file": str(ca)}
    async with agent_beside(site.lab, asterisk=tls):
        placed, leg = await _announced(site)
        await site.ended(placed)
        assert (await site.verdict(leg)).get(fields.OUTCOME) == "announcement"


async def _announced(site: Site) -> tuple[Placed, SeenLeg]:
    placed = await site.place(Way.DIAL, Scenario(audio=site.sounds[Sound.SPEECH], seconds=5, final=480))
    return placed, await site.leg(placed.number)


def _denied(agent: LabAgent, action: str) -> list[object]:
    return [line for line in agent.log() if line.get("action") == action and line["level"] == "warning"]
