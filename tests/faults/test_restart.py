"""Asterisk goes away under the agent and comes back."""

import asyncio
from dataclasses import replace

import pytest

from agent.demo.asterisk import LabAsterisk
from agent.hearing.sound import Sound
from agent.verdict import fields
from tests.e2e.scenarios import Way
from tests.faults.fleet import REFUSED
from tests.lab_fixtures import agent_beside, journalled, open_site, until

pytestmark = [pytest.mark.pbx, pytest.mark.asyncio(loop_scope="session")]


@pytest.mark.parametrize("tap", ["audiosocket", "eagi"])
async def test_the_agent_finds_a_restarted_asterisk_by_itself_and_hears_the_next_call(
    shared_lab: LabAsterisk, tap: str
) -> None:
    beside = agent_beside(shared_lab, asterisk={"tap": tap})
    async with open_site(shared_lab) as before, beside as agent:
        rings = replace(REFUSED, audio=before.sounds[Sound.RINGING])
        ways = (Way.DIAL, Way.LOCAL, Way.OWN_EAGI, Way.OWN_AUDIOSOCKET)
        cut_short = [await before.leg((await before.place(way, rings)).number) for way in ways]
        await until(lambda: len(agent.events("listening")) == len(ways))
        await shared_lab.kill()
        await agent.logged("no AMI connection")
        await shared_lab.start()
        await agent.logged("ways to listen", nth=1, timeout_seconds=30)
        assert agent.running
        for leg in cut_short:  # told as ended, with no carrier's word
            assert (await journalled(agent, leg))["carrier_sip_code"] is None
        async with shared_lab.dialer() as dialer:
            after = replace(before, dialer=dialer)
            placed = [await after.place(way, rings) for way in ways]
            await asyncio.gather(*(after.ended(call) for call in placed))
            for call in placed:
                leg = await after.leg(call.number)
                verdict = await after.verdict(leg)
                assert verdict.get(fields.OUTCOME) == "ringing"
                assert verdict.get(fields.CARRIER_SIP_CODE) == "486"
