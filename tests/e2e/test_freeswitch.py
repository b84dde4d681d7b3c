"""What only FreeSWITCH can do to a call, and what can be done to it and to the agent beside it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
import soundfile

from agent.demo.call import Scenario
from agent.demo.freeswitch import LabFreeSwitch
from agent.hearing.sound import Sound
from agent.service.kept import KeptCall
from agent.verdict import fields
from tests.e2e.scenarios import Way
from tests.freeswitch_site import FreeSwitchSite, open_freeswitch_site
from tests.lab_fixtures import agent_beside, journalled, until

pytestmark = [pytest.mark.pbx, pytest.mark.asyncio(loop_scope="session")]

TRUNK = "sofia/gateway/carrier"


@pytest_asyncio.fixture(loop_scope="session")
async def site(shared_freeswitch: LabFreeSwitch, chroot: Path) -> AsyncIterator[FreeSwitchSite]:
    if not shared_freeswitch.running:
        await shared_freeswitch.start()
    async with open_freeswitch_site(shared_freeswitch, chroot) as site:
        yield site


@pytest.mark.parametrize("way", [Way.DIAL_PROXIED, Way.DIAL_BYPASSED])
async def test_a_leg_whose_media_passes_by_is_left_alone(site: FreeSwitchSite, way: Way) -> None:
    async with agent_beside(site.lab) as agent:
        # FreeSWITCH's proxy_media fails where the 183 comes within some milliseconds.
        unhurried = replace(_speaks(site, final=404, seconds=3), wait_seconds=0.2)
        placed = await site.place(way, unhurried)
        call, leg = await site.ended(placed), await site.leg(placed.number)
        assert placed.caller is not None
        assert [response.status for response in placed.caller.responses] == [100, 183, 404]
        assert placed.caller.packets >= 0.95 * call.packets_sent - 10
        assert (await journalled(agent, leg))["tap"] is None
        assert (await site.report("after-dial", leg)).get(fields.STATUS) == "unavailable"


async def test_where_early_media_is_ignored_nothing_is_heard(site: FreeSwitchSite) -> None:
    async with agent_beside(site.lab) as agent:
        placed = await site.place(Way.DIAL_DEAF, _speaks(site, final=404, seconds=6))
        await site.ended(placed)
        assert placed.caller is not None
        assert await placed.caller.final() == 404
        journal = await journalled(agent, await site.leg(placed.number))
        assert (journal["outcome"], journal["audio_seconds"]) == ("no_audio", 0)


async def test_a_cut_ends_the_leg_with_the_mapped_cause(site: FreeSwitchSite) -> None:
    rule = {"sip_code": 404, "q850_cause": 1, "redial": "no"}
    trunk = {"match": TRUNK, "cut": ["announcement"], "policy": {"outcomes": {"announcement": rule}}}
    async with agent_beside(site.lab, trunks=[trunk]):
        ways = (Way.DIAL, Way.DIAL_FALSE_RINGING, Way.ORIGINATE, Way.PARK)
        speaking = [await site.place(way, _speaks(site, final=200, seconds=15)) for way in ways]
        ringing = await site.place(
            Way.DIAL, Scenario(audio=site.sounds[Sound.RINGING], seconds=10, final=486)
        )
        for placed in speaking:
            call, leg = await site.ended(placed), await site.leg(placed.number)
            assert call.cancelled is not None
            assert "Q.850;cause=1;" in call.cancel_reason
            assert (await site.hangup(leg.id)).get("Hangup-Cause") == "UNALLOCATED_NUMBER"
            event = await site.only_verdict(leg)
            assert (event.get(fields.CAUSE), event.get(fields.REDIAL)) == ("1", "no")
            if placed.caller is not None:
                assert await placed.caller.final() == 404
        assert (await site.ended(ringing)).cancelled is None


async def test_shadow_mode_writes_nothing_to_any_call(site: FreeSwitchSite) -> None:
    async with agent_beside(site.lab, mode="shadow") as agent:
        ways = (Way.DIAL_UNAWARE, Way.DIAL, Way.ORIGINATE, Way.PARK)
        calls = [await site.place(way, _speaks(site, final=486, seconds=6)) for way in ways]
        for placed in calls:
            await site.ended(placed)
            leg = await site.leg(placed.number)
            journal = await journalled(agent, leg)
            assert (journal["outcome"], journal["handed_back"]) == ("announcement", False)
            preset = {} if placed.way is Way.DIAL_UNAWARE else {fields.STATUS: "unavailable"}
            told = await site.left_behind(leg.asking_id)
            assert {name: told[name] for name in told if name in (fields.STATUS, fields.CLASS)} == preset
            assert not site.verdicts(leg)


async def test_nothing_that_an_answering_callee_says_is_kept(site: FreeSwitchSite, tmp_path: Path) -> None:
    answers = Scenario(
        audio=site.sounds[Sound.RINGING], seconds=6, final=200, answered_seconds=4,
        answer_audio=site.sounds[Sound.SPEECH],
    )  # fmt: skip
    folder, kept = tmp_path / "harvest", {"match": TRUNK, "keep_audio": True}
    async with agent_beside(site.lab, trunks=[kept], harvest={"folder": str(folder)}) as agent:
        calls = [await site.place(way, answers) for way in (Way.DIAL, Way.ORIGINATE, Way.PARK)]
        for placed in calls:
            await site.ended(placed)
            journal = await journalled(agent, await site.leg(placed.number))
            assert journal["outcome"] == "answered"
        await until(lambda: len(list(folder.glob("*.json"))) == len(calls))
    for path in folder.glob("*.wav"):
        assert 2.0 < soundfile.info(path).duration <= 6.0
        of_call = KeptCall.model_validate_json(path.with_suffix(".json").read_bytes())
        assert set(of_call.seconds) <= {"r", "."}


async def test_call_records_tell_the_verdict(site: FreeSwitchSite) -> None:
    async with agent_beside(site.lab):
        placed = await site.place(Way.DIAL, _speaks(site, final=404, seconds=6))
        await site.ended(placed)
        dialer_id = (await site.leg(placed.number)).dialer_id
        await until(lambda: dialer_id in {record[0] for record in site.lab.call_records()})
    (record,) = [record for record in site.lab.call_records() if record[0] == dialer_id]
    assert record[1:] == ["inbound", "NORMAL_UNSPECIFIED", "final", "announcement"]


async def test_a_gateway_that_nobody_named_is_left_alone(site: FreeSwitchSite) -> None:
    number = site.number()
    site.carrier.scenarios[number] = _speaks(site, final=404, seconds=3)
    async with agent_beside(site.lab) as agent:
        consume = {"ignore_early_media": "consume"}
        other = await site.dialer.originate(f"sofia/gateway/unheard/{number}", "&park()", consume)
        heard = await site.place(Way.ORIGINATE, _speaks(site, final=404, seconds=3))
        await site.hangup(other)
        await site.ended(heard)
        await journalled(agent, await site.leg(heard.number))
        assert len(agent.journal()) == 1
        assert not await site.left_behind(other)


async def test_the_next_route_reads_no_stale_variable(site: FreeSwitchSite) -> None:
    async with agent_beside(site.lab):
        placed = await site.place(Way.DIAL_TWO_ROUTES, _speaks(site, final=503, seconds=5))
        await site.carrier.ended(placed.number)
        site.carrier.scenarios[placed.number] = Scenario(audio=b"", seconds=2, final=486)
        assert placed.caller is not None
        await placed.caller.over(40)
        first, second = await site.leg(placed.number), await site.leg(placed.number, nth=1)
        assert (first.channel, second.channel) == (TRUNK, TRUNK + "2")
        before, after = await site.report("first-attempt", first), await site.report("after-dial", second)
        assert (before.get(fields.OUTCOME), before.get(fields.CAUSE)) == ("announcement", "31")
        assert after.get(fields.OUTCOME) in ("unknown", "silence")
        assert after.get(fields.CAUSE) == ""
        assert await placed.caller.final() == 486


async def test_an_agent_that_is_killed_finds_the_call_again(site: FreeSwitchSite) -> None:
    ringing = Scenario(audio=site.sounds[Sound.RINGING], loop=True, final=None)
    async with agent_beside(site.lab) as agent:
        calls = [await site.place(way, ringing) for way in (Way.DIAL, Way.ORIGINATE, Way.PARK)]
        legs = [await site.leg(placed.number) for placed in calls]
        await asyncio.sleep(3)
        await agent.kill()
        await agent.start()
        await asyncio.sleep(8)
        await site.lab.command("hupall")
        for placed, leg in zip(calls, legs, strict=True):
            call = await site.ended(placed)
            journal = await journalled(agent, leg)
            assert journal["outcome"] == "ringing"
            assert 3 < journal["audio_seconds"] < call.packets_sent * 0.02 - 3
    assert list(site.lab.tap_folder.iterdir()) == []


async def test_a_freeswitch_that_is_killed_is_found_again(site: FreeSwitchSite) -> None:
    lab = site.lab
    async with agent_beside(lab) as agent:
        await lab.kill()
        await lab.start()
        await agent.logged(lab.listening_event, nth=1, timeout_seconds=20)
        async with lab.dialer() as dialer:
            await dialer.subscribe()
            anew = FreeSwitchSite(
                lab=lab, carrier=site.carrier, dialer=dialer, sounds=site.sounds, opened=site.opened,
                numbers=site.numbers,
            )  # fmt: skip
            placed = await anew.place(Way.DIAL, _speaks(site, final=480, seconds=6))
            await anew.ended(placed)
            journal = await journalled(agent, await anew.leg(placed.number))
            assert journal["outcome"] == "announcement"


async def test_a_frozen_agent_hurts_no_call(site: FreeSwitchSite) -> None:
    async with agent_beside(site.lab) as agent:
        agent.freeze()
        ways = (Way.DIAL, Way.DIAL_UNAWARE, Way.DIAL_FALSE_RINGING, Way.ORIGINATE, Way.PARK)
        calls = [await site.place(way, _speaks(site, final=486, seconds=4)) for way in ways]
        for placed in calls:
            call = await site.ended(placed)
            assert call.final_status == 486
            if placed.caller is not None:
                assert await placed.caller.final() == 486
                assert placed.caller.responses[-1].at - (call.final_sent or 0) < 1
        agent.thaw()


async def test_a_caller_who_gives_up_leaves_what_was_heard(site: FreeSwitchSite) -> None:
    ringing = Scenario(audio=site.sounds[Sound.RINGING], seconds=20, final=200)
    async with agent_beside(site.lab) as agent:
        placed = await site.place(Way.DIAL, ringing)
        leg = await site.leg(placed.number)
        await asyncio.sleep(5)
        assert placed.caller is not None
        placed.caller.cancel()
        assert (await site.ended(placed)).cancelled is not None
        told: Mapping[str, str] = await site.left_behind(leg.dialer_id)
        assert told[fields.OUTCOME] == "ringing"
        event = await site.only_verdict(leg)
        assert (event.get(fields.OUTCOME), event.get(fields.CARRIER_SIP_CODE)) == ("ringing", "")
        assert (await journalled(agent, leg))["outcome"] == "ringing"


def _speaks(site: FreeSwitchSite, *, final: int, seconds: float) -> Scenario:
    return Scenario(audio=site.sounds[Sound.SPEECH], seconds=seconds, final=final)
