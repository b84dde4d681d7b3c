"""The shipped AMI user on a real Asterisk: what it may do, and what it sees."""

import asyncio

import pytest

from agent.demo.asterisk import LabAsterisk
from agent.demo.call import Scenario
from agent.demo.carrier import Carrier
from agent.demo.dialer import Dialer
from agent.demo.lab import LabError, shipped_dialplan

pytestmark = pytest.mark.pbx


async def test_may_do_what_the_agent_does_and_no_more(
    lab: LabAsterisk, carrier: Carrier, dialer: Dialer
) -> None:
    carrier.scenarios["700"] = Scenario(loop=True, final=None)
    leg = await dialer.originate("PJSIP/700@carrier", "answered")
    channel = (await dialer.event("DialState")).get("DestChannel")
    async with lab.dialer(as_agent=True) as agent:
        set_ = await agent.action("Setvar", Channel=channel, Variable="EARLYMEDIA_STATUS", Value="listening")
        got = await agent.action("Getvar", Channel=channel, Variable="EARLYMEDIA_STATUS")
        assert (set_.get("Response"), got.get("Value")) == ("Success", "listening")
        said = await agent.action("UserEvent", UserEvent="EarlyMediaVerdict", Outcome="busy")
        assert said.get("Response") == "Success"
        assert (await dialer.event("EarlyMediaVerdict")).get("Outcome") == "busy"
        for name, headers in {
            "Command": {"Command": "core show version"},
            "ModuleCheck": {"Module": "app_chanspy"},
            "CoreSettings": {},
            "UpdateConfig": {"SrcFilename": "x", "DstFilename": "x"},
        }.items():
            assert (await agent.action(name, **headers)).get("Message") == "Permission denied", name
        cut = await agent.action("Hangup", Channel=channel, Cause="17")
        assert cut.get("Response") == "Success"
    call = await carrier.ended("700")
    assert call.cancel_reason == "Q.850;cause=17"
    assert (await dialer.event("Hangup", lambda e: e.get("Uniqueid") == leg)).get("Cause") == "17"


async def test_sees_what_the_agent_needs_and_little_else(
    lab: LabAsterisk, carrier: Carrier, dialer: Dialer
) -> None:
    carrier.scenarios["700"] = Scenario(seconds=0.3, final=486)
    async with lab.dialer(as_agent=True) as agent:
        await dialer.originate("Local/700@outbound/n", "answered")
        await dialer.event("Hangup", lambda e: e.get("Channel").startswith("PJSIP/carrier"))
        await dialer.originate("PJSIP/700@carrier", "earlymedia-originate", early_media=True)
        await agent.event("OriginateResponse")
        await agent.event("Hangup")
        await agent.event("Newstate", lambda e: e.get("ChannelStateDesc") == "Up")
        await asyncio.sleep(1.0)
        seen = {event.name for event in agent.events}
    assert seen == {
        "DialBegin",
        "DialState",
        "DialEnd",
        "Newstate",
        "OriginateResponse",
        "HangupRequest",
        "Hangup",
    }


async def test_a_wrong_secret_is_refused(lab: LabAsterisk) -> None:
    with pytest.raises(LabError, match="does not let earlymedia in: Authentication failed"):
        async with Dialer(lab.ports.ami, "earlymedia", "wrong"):
            pass


def test_ships_without_a_secret_that_works() -> None:
    text = (shipped_dialplan() / "manager_earlymedia.conf").read_text()
    assert "\nsecret = CHOOSE-A-SECRET\n" in text
