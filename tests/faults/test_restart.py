"""Asterisk goes away under the agent and comes back."""

import asyncio
from dataclasses import replace

import pytest

from agent.demo.asterisk import LabAsterisk
from agent.hearing.sound import Sound
from agent.verdict import fields
from tests.e2e.scenarios import Way
from tests.faults.fleet import REFUSED, listened
from tests.lab_fixtures import agent_beside, journalled, open_site, until

pytestmark = [pytest.mark.pbx, pytest.mark.asyncio(loop_scope="session")]


async def test_a_module_that_comes_late_is_found(shared_lab: LabAsterisk) -> None:
    """As at boot: Asterisk lets manager users in before it has loaded the modules that they need."""
    await shared_lab.command("module unload chan_audiosocket.so")
    try:
        async with (
            open_site(shared_lab) as site,
            agent_beside(shared_lab, asterisk={"tap": "audiosocket"}) as agent,
        ):
            assert agent.events("ways to listen")[0]["methods"] == []
            await shared_lab.command("module load chan_audiosocket.so")
            await agent.logged("ways to listen", nth=1, timeout_seconds=70)
            rings = replace(REFUSED, audio=site.sounds[Sound.RINGING])
            placed = await site.place(Way.DIAL, rings)
            await site.ended(placed)
            assert (await site.verdict(await site.leg(placed.number))).get(fields.OUTCOME) == "ringing"
    finally:
        await shared_lab.command("module load chan_audiosocket.so")


@pytest.mark.parametrize("tap", ["audiosocket", "eagi"])
async def test_the_agent_finds_a_restarted_asterisk_by_itself_and_hears_the_next_call(
    shared_lab: LabAsterisk, tap: str
) -> None:
    beside = agent_beside(shared_lab, asterisk={"tap": tap})
    async with open_site(shared_lab) as before, beside as agent:
        rings = replace(REFUSED, audio=before.sounds[Sound.RINGING])
        ways = (Way.DIAL, Way.LOCAL, Way.OWN_EAGI, Way.OWN_AUDIOSOCKET)
        placed = [await before.place(way, rings) for way in 13 * ways]
        await listened(agent, placed)
        cut_short = [await before.leg(call.number) for call in placed]
        await shared_lab.kill()
        await agent.logged("no AMI connection")
        await shared_lab.start()
        # Asterisk lets manager users in before it has loaded the modules that they need.
        await until(lambda: any(line["methods"] for line in agent.events("ways to listen")[1:]))
        assert agent.running
        for leg in cut_short:  # nobody saw how they ended
            line = await journalled(agent, leg)
            assert (line["carrier_sip_code"], line["outcome"]) == (None, "unknown")
        async with shared_lab.dialer() as dialer:
            after = replace(before, dialer=dialer)
            placed = [await after.place(way, rings) for way in ways]
            await asyncio.gather(*(after.ended(call) for call in placed))
            for call in placed:
                leg = await after.leg(call.number)
                verdict = await after.verdict(leg)
                assert verdict.get(fields.OUTCOME) == "ringing"
                assert verdict.get(fields.CARRIER_SIP_CODE) == "486"
