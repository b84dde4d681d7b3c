"""What an admin sets: the mode, policies of trunks, cuts, attempts, and all of it anew without a restart."""

import asyncio
import signal
from dataclasses import replace

import pytest

from agent.demo.call import Scenario
from agent.demo.happenings import Happening
from agent.hearing.sound import Sound
from agent.verdict import fields
from tests.e2e.scenarios import Way
from tests.lab_fixtures import Placed, SeenLeg, Site, agent_beside, journalled, until

pytestmark = [pytest.mark.pbx, pytest.mark.asyncio(loop_scope="session")]

TRUNK = "PJSIP/carrier-*"


async def test_shadow_mode_writes_nothing_to_any_call(site: Site) -> None:
    ways = (Way.DIAL_UNAWARE, Way.ORIGINATE, Way.OWN_EAGI, Way.OWN_AUDIOSOCKET)
    async with agent_beside(site.lab, mode="shadow") as agent:
        calls = [await site.place(way, _speaks(site, final=486, seconds=6)) for way in ways]
        await asyncio.gather(*(site.ended(call) for call in calls))
        legs = [await site.leg(call.number) for call in calls]
        for leg in legs:
            journal = await journalled(agent, leg)
            assert (journal["outcome"], journal["handed_back"]) == ("announcement", False)
    for call, leg in zip(calls, legs, strict=True):
        assert not site.verdicts(leg)
        written = site.written(leg.id) + site.written(leg.dialer_id)
        told = {
            name: value for name, value in written if name.removeprefix("_") in (fields.CLASS, fields.STATUS)
        }
        if call.way.brings_own_tap:  # its snippet's own preset, and nothing after it
            assert told == {fields.STATUS: "unavailable", fields.CLASS: ""}
        else:
            assert not written


async def test_an_announcement_is_final_and_handed_back_while_the_call_is_unanswered(site: Site) -> None:
    async with agent_beside(site.lab):
        placed = await site.place(Way.DIAL, _speaks(site, final=404, seconds=9))
        leg = await site.leg(placed.number)
        call = await site.carrier.call_to(placed.number)
        for uniqueid in (leg.id, leg.dialer_id):
            await site.variable(uniqueid, fields.STATUS, "listening")
            await site.variable(uniqueid, fields.STATUS, "final")
        assert call.final_sent is None
        written = site.written(leg.dialer_id)
        final = written[max(n for n, (name, _) in enumerate(written) if name == fields.CLASS) :]
        assert final[-1] == (fields.STATUS, "final")  # nobody reads a status that is ahead of the rest
        assert dict(written)[fields.OUTCOME] == "announcement"
        assert dict(written)[fields.CAUSE] == "31"
        await site.ended(placed)


async def test_a_cut_ends_the_leg_with_the_mapped_cause(site: Site) -> None:
    rule = {"sip_code": 404, "q850_cause": 1, "redial": "no"}
    trunk = {"match": TRUNK, "cut": ["announcement"], "policy": {"outcomes": {"announcement": rule}}}
    async with agent_beside(site.lab, trunks=[trunk]):
        ways = (Way.DIAL, Way.LOCAL, Way.ORIGINATE, Way.OWN_EAGI, Way.OWN_AUDIOSOCKET)
        speaking = [await site.place(way, _speaks(site, final=200, seconds=15)) for way in ways]
        ringing = await site.place(
            Way.DIAL, Scenario(audio=site.sounds[Sound.RINGING], seconds=10, final=486)
        )
        for placed in speaking:
            call = await site.ended(placed)
            assert call.cancelled is not None
            assert call.cancel_reason == "Q.850;cause=1"
            event = await site.only_verdict(await site.leg(placed.number))
            assert event.get(fields.CAUSE) == "1"
            assert event.get(fields.REDIAL) == "no"
            if placed.caller is not None:
                assert await placed.caller.final() == 404
        assert (await site.ended(ringing)).cancelled is None


async def test_each_trunk_has_its_policy_and_the_next_route_no_stale_variable(site: Site) -> None:
    rule = {"sip_code": 410, "q850_cause": 22, "redial": "no"}
    trunks = [
        {"match": "PJSIP/carrier2-*", "name": "second", "policy": {"outcomes": {"announcement": rule}}},
        {"match": TRUNK, "name": "first"},
    ]
    async with agent_beside(site.lab, trunks=trunks) as agent:
        placed = await site.place(Way.DIAL_TWO_ROUTES, _speaks(site, final=503, seconds=5))
        await site.carrier.ended(placed.number)
        site.carrier.scenarios[placed.number] = Scenario(audio=b"", seconds=2, final=486)
        again = await site.place(Way.DIAL_TWO_ROUTES, _speaks(site, final=503, seconds=5))
        assert placed.caller is not None
        assert again.caller is not None
        await placed.caller.over(40)
        await again.caller.over(40)
        silent, speaking = await site.leg(placed.number, nth=1), await site.leg(again.number, nth=1)
        assert (await journalled(agent, speaking))["trunk"] == "second"
        first = await site.report("first-attempt", speaking)
        assert (first.get(fields.OUTCOME), first.get(fields.CAUSE)) == ("announcement", "31")
        second = await site.report("after-dial", speaking)
        assert (second.get(fields.OUTCOME), second.get(fields.CAUSE)) == ("announcement", "22")
        after_silence = await site.report("after-dial", silent)
        assert after_silence.get(fields.OUTCOME) in ("unknown", "silence")
        assert after_silence.get(fields.CAUSE) == ""
        assert await placed.caller.final() == 486


async def test_a_number_has_one_budget_and_a_restart_does_not_refill_it(site: Site) -> None:
    agent = agent_beside(site.lab, attempts={"max": 2})
    number = site.number()
    redials: list[str] = []
    for _ in range(2):
        async with agent:
            nth = len(redials)
            await site.place(Way.LOCAL, _speaks(site, final=480, seconds=5), number=number)
            leg = await site.leg(number, nth=nth)
            await site.carrier.ended(number, nth=nth)
            redials.append((await site.verdict(leg)).get(fields.REDIAL))
    assert redials == ["later", "no"]


async def test_a_reload_takes_the_good_file_and_refuses_the_bad_one(site: Site) -> None:
    async with agent_beside(site.lab) as agent:
        agent.config["trunks"] = [{"match": TRUNK, "cut": ["ringing"]}]
        agent.write_config()
        agent.reload()
        refused = await agent.logged("the configuration stays as it was")
        assert "a call is never ended for 'ringing'" in refused["reason"]
        rule = {"sip_code": 410, "q850_cause": 22}
        agent.config["trunks"] = [{"match": TRUNK, "policy": {"outcomes": {"announcement": rule}}}]
        before = await site.place(Way.DIAL, _speaks(site, final=480, seconds=5))
        assert (await site.verdict(await _over(site, before))).get(fields.CAUSE) == "31"
        agent.write_config()
        agent.reload()
        await agent.logged("configuration reloaded")
        after = await site.place(Way.DIAL, _speaks(site, final=480, seconds=5))
        assert (await site.verdict(await _over(site, after))).get(fields.CAUSE) == "22"


async def test_a_clean_stop_says_so_to_the_calls_that_it_leaves(site: Site) -> None:
    async with agent_beside(site.lab) as agent:
        ringing = replace(_speaks(site, final=486, seconds=9), audio=site.sounds[Sound.RINGING])
        open_call = await site.place(Way.DIAL_UNAWARE, ringing)
        settled = await site.place(Way.DIAL_UNAWARE, _speaks(site, final=486, seconds=9))
        rings, speaks = await site.leg(open_call.number), await site.leg(settled.number)
        await site.variable(speaks.dialer_id, fields.STATUS, "final")
        await site.variable(rings.dialer_id, fields.OUTCOME, "ringing")
        agent.signal(signal.SIGTERM)
        await until(lambda: not agent.running)
        assert agent.exit_status == 0
        await asyncio.gather(site.ended(open_call), site.ended(settled))
        left = await site.report("after-dial", rings)
        assert left.get(fields.STATUS) == "unavailable"
        stands = await site.report("after-dial", speaks)
        assert (stands.get(fields.STATUS), stands.get(fields.OUTCOME)) == ("final", "announcement")


async def test_a_caller_who_gives_up_leaves_what_was_heard_to_h(site: Site) -> None:
    async with agent_beside(site.lab):
        ringing = replace(_speaks(site, final=200, seconds=20), audio=site.sounds[Sound.RINGING])
        calls = [await site.place(Way.DIAL, ringing) for _ in range(3)]
        legs = [await site.leg(call.number) for call in calls]
        for leg in legs:
            await site.variable(leg.dialer_id, fields.OUTCOME, "ringing")
        for call in calls:
            assert call.caller is not None
            call.caller.cancel()
        for call, leg in zip(calls, legs, strict=True):
            assert (await site.ended(call)).cancelled is not None
            report = await site.report("h", leg)
            assert report.get(fields.OUTCOME) == "ringing"
            event = await site.only_verdict(leg)
            assert event.get(fields.STATUS) == "final"
            assert event.get(fields.CARRIER_SIP_CODE) == ""


async def test_a_pbx_that_gives_up_reads_what_was_heard_after_dial(site: Site) -> None:
    async with agent_beside(site.lab):
        ringing = replace(_speaks(site, final=200, seconds=20), audio=site.sounds[Sound.RINGING])
        call = await site.place(Way.DIAL_FIVE_SECONDS, ringing)
        leg = await site.leg(call.number)
        assert (await site.ended(call)).cancelled is not None
        report = await site.report("after-dial", leg)
        assert (report.get("DialStatus"), report.get(fields.OUTCOME)) == ("NOANSWER", "ringing")
        event = await site.only_verdict(leg)
        assert event.get(fields.CARRIER_SIP_CODE) == ""
        assert call.caller is not None
        assert await call.caller.final() == 480


@pytest.mark.parametrize("way", [Way.OWN_EAGI, Way.OWN_AUDIOSOCKET])
async def test_a_call_of_pattern_a_that_rings_out_is_ended_by_its_snippet(site: Site, way: Way) -> None:
    async with agent_beside(site.lab):
        ringing = replace(_speaks(site, final=200, seconds=20), audio=site.sounds[Sound.RINGING])
        placed = await site.place(way, ringing, variables={"EARLYMEDIA_RING_SECONDS": "5"})
        leg = await site.leg(placed.number)
        call = await site.ended(placed)
        assert call.cancelled is not None
        assert 4 < call.cancelled - call.invited < 15
        assert (await site.hangup(leg.id)).get("Cause") == "19"
        assert (await site.report("h", leg)).get(fields.OUTCOME) == "ringing"
        event = await site.only_verdict(leg)
        assert (event.get(fields.OUTCOME), event.get(fields.CARRIER_SIP_CODE)) == ("ringing", "")
        assert not [e for e in site.dialer.named("LabReport") if _reached_dialer(e, leg)]


async def test_a_forked_call_is_spoken_for_by_the_leg_that_knows_most(site: Site) -> None:
    async with agent_beside(site.lab) as agent:
        rings = Scenario(audio=site.sounds[Sound.RINGING], seconds=8, final=486)
        forked = await site.place(Way.DIAL_FORKED, rings, _speaks(site, final=404, seconds=6))
        legs = [await site.leg(forked.number + digit) for digit in "12"]
        assert forked.caller is not None
        await forked.caller.over(40)
        heard = [(await journalled(agent, leg))["outcome"] for leg in legs]
        assert heard == ["ringing", "announcement"]
        for leg in legs:
            await site.only_verdict(leg)
        report = await site.report("after-dial", legs[0])
        assert report.get(fields.OUTCOME) in ("ringing", "announcement")


async def _over(site: Site, placed: Placed) -> SeenLeg:
    await site.ended(placed)
    return await site.leg(placed.number)


def _reached_dialer(event: Happening, leg: SeenLeg) -> bool:
    return (event.get("Where"), event.get("Uniqueid")) == ("answered", leg.id)


def _speaks(site: Site, *, final: int, seconds: float) -> Scenario:
    return Scenario(audio=site.sounds[Sound.SPEECH], seconds=seconds, final=final)
