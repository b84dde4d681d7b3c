"""An Asterisk without AudioSocket: the agent finds out by itself and comes in through the dialplan."""

import asyncio

import pytest

from agent.demo.asterisk import LabAsterisk
from agent.hearing.sound import Sound
from agent.pbx.port import TapKind
from agent.verdict import fields
from tests.e2e.scenarios import HEARD, Case, PbxKind, Way
from tests.lab_fixtures import agent_beside, journalled, open_site

pytestmark = [pytest.mark.pbx, pytest.mark.asyncio(loop_scope="session")]

CASES = tuple(
    case for case in HEARD if PbxKind.ASTERISK.can(case.way) and case.way is not Way.OWN_AUDIOSOCKET
)


async def test_every_call_is_heard_through_a_local_channel_and_eagi(
    lab_without_audiosocket: LabAsterisk,
) -> None:
    lab = lab_without_audiosocket
    async with open_site(lab) as site, agent_beside(lab) as agent:
        (fault,) = agent.events("a way to listen does not work")
        assert fault["method"] == "audiosocket"
        assert "chan_audiosocket.so" in fault["reason"]
        assert agent.events("ways to listen")[0]["methods"] == ["eagi"]

        async def one(case: Case) -> None:
            placed = await site.place(case.way, case.scenario(site.sounds))
            call = await site.ended(placed)
            leg = await site.leg(placed.number)
            journal = await journalled(agent, leg)
            assert journal["outcome"] == case.outcome, case.name
            assert journal["tap"] == (TapKind.EAGI if case.way.brings_own_tap else TapKind.SPY_EAGI)
            assert call.packets_sent * 0.02 - journal["audio_seconds"] < 3.0
            assert (await site.verdict(leg)).get(fields.OUTCOME) == case.outcome

        await asyncio.gather(*(one(case) for case in CASES))
        await site.nobody_left()
        helpers = [e for e in site.dialer.named("Newchannel") if "@earlymedia-spy" in e.get("Channel")]
        assert helpers
        assert all(helper.get("Uniqueid").startswith("emtap") for helper in helpers)
        assert not [record for record in lab.call_records() if "emtap" in record.uniqueid]
        assert any(case.plays is Sound.MUSIC for case in CASES)
