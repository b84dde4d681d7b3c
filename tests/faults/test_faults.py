"""Whatever becomes of the agent, nobody notices: not the carrier, not the caller, not the dialer."""

from dataclasses import replace

import pytest

from agent.hearing.sound import Sound
from tests.e2e.scenarios import Way
from tests.faults.fleet import (
    ANSWERED,
    FIFTY,
    FLEET,
    REFUSED,
    Experience,
    assert_unhurt,
    experiences,
    hears_the_next_call,
    launch,
    listened,
    undisturbed,
)
from tests.lab_fixtures import Site, agent_beside, until

pytestmark = [pytest.mark.pbx, pytest.mark.asyncio(loop_scope="session")]

each_spy = pytest.mark.parametrize("tap", ["audiosocket", "eagi"])


async def test_without_an_agent_calls_go_as_the_carrier_says(site: Site) -> None:
    for (way, scenario), experience in zip(FLEET, await undisturbed(site), strict=True):
        assert experience.carrier_final == scenario.final
        assert not experience.cancelled
        assert experience.reached_dialer == (scenario.final == 200)
        assert experience.packets_sent > 50 * 0.8 * scenario.seconds
        if way.from_caller:
            assert experience.responses[-1] == scenario.final
    for report in site.dialer.named("LabReport", lambda e: e.get("Where") == "after-dial"):
        assert report.get("EARLYMEDIA_STATUS") == "unavailable"
        assert not report.get("EARLYMEDIA_CAUSE")


@each_spy
async def test_killed_during_fifty_calls(site: Site, without_agent: list[Experience], tap: str) -> None:
    async with agent_beside(site.lab, asterisk={"tap": tap}) as agent:
        fleet = await launch(site, FIFTY)
        assert len(fleet) >= 50
        # All, for a call that then found nobody would meet the descriptor that Asterisk closes twice.
        await listened(agent, fleet)
        await agent.kill()
        assert_unhurt(await experiences(site, fleet), without_agent)
    await site.nobody_left()


@each_spy
async def test_stopped_in_its_tracks_across_the_carriers_final_code(
    site: Site, without_agent: list[Experience], tap: str
) -> None:
    async with agent_beside(site.lab, asterisk={"tap": tap}) as agent:
        heard = await launch(site, times=2)
        await until(lambda: len(agent.events("listening")) >= len(heard) // 2)
        agent.freeze()
        assert_unhurt(await experiences(site, heard + await launch(site, times=2)), without_agent)
        agent.thaw()
        await hears_the_next_call(site)
    await site.nobody_left()


async def test_stopped_in_its_tracks_as_the_callee_answers(
    site: Site, without_agent: list[Experience]
) -> None:
    """Nobody reads the audio and nobody closes: own taps must let the dialplan go all the same."""
    ways = (Way.OWN_EAGI, Way.OWN_AUDIOSOCKET)
    async with agent_beside(site.lab) as agent:
        audio = site.sounds[Sound.RINGING]
        placed = [await site.place(way, replace(ANSWERED, audio=audio, answered_seconds=8.0)) for way in ways]
        calls = [await site.carrier.call_to(call.number) for call in placed]
        await until(lambda: all(call.final_sent is not None for call in calls))
        agent.freeze()
        for call, seen in zip(placed, calls, strict=True):
            await site.report("answered", await site.leg(call.number))
            assert seen.bye_sent is None
        agent.thaw()
        fleet = await experiences(site, placed)
        for way, experience in zip(ways, fleet, strict=True):
            undisturbed = without_agent[FLEET.index((way, ANSWERED))]
            assert experience.said == undisturbed.said
            assert experience.connected_after < undisturbed.connected_after + 4.0
    await site.nobody_left()


@each_spy
async def test_no_place_for_a_tap(site: Site, without_agent: list[Experience], tap: str) -> None:
    beside = {"tap": tap, "audiosocket": _audiosocket(site, max_connections=1)}
    async with agent_beside(site.lab, mode="shadow", asterisk=beside):
        assert_unhurt(await experiences(site, await launch(site, times=2)), without_agent)


async def test_nobody_listens_on_the_port_that_the_dialplan_names(
    site: Site, without_agent: list[Experience]
) -> None:
    """One call alone: this Asterisk then closes a descriptor twice, maybe that of another call."""
    alone = FLEET.index((Way.OWN_AUDIOSOCKET, REFUSED))
    beside = {"audiosocket": _audiosocket(site, port=site.lab.ports.audiosocket + 1)}
    async with agent_beside(site.lab, mode="shadow", asterisk=beside):
        placed = await site.place(Way.OWN_AUDIOSOCKET, replace(REFUSED, audio=site.sounds[Sound.RINGING]))
        (experience,) = await experiences(site, [placed])
        experience.assert_same(without_agent[alone])


async def test_a_wrong_password_is_told_as_such(site: Site, without_agent: list[Experience]) -> None:
    agent = agent_beside(site.lab, asterisk={"secret": "not-the-secret"})
    try:
        agent.launch()
        await agent.logged("no AMI connection", nth=1, timeout_seconds=30)
        refused = agent.events("no AMI connection")
        assert {line["state"] for line in refused} == {"refused"}
        assert "refuses the user 'earlymedia'" in refused[0]["problem"]
        assert refused[1]["retry_s"] > refused[0]["retry_s"]
        assert "not-the-secret" not in agent.log_path.read_text()
        assert_unhurt(await experiences(site, await launch(site)), without_agent)
        assert agent.running
    finally:
        await agent.stop()


async def test_without_its_forest_it_ends_with_one_sentence(
    site: Site, without_agent: list[Experience]
) -> None:
    agent = agent_beside(site.lab, model={"path": "no-such-forest.joblib"}, log={"level": "info"})
    agent.launch()
    await until(lambda: not agent.running)
    assert agent.exit_status == 2
    (line,) = agent.log_path.read_text().splitlines()
    assert "no-such-forest.j" in line
    assert_unhurt(await experiences(site, await launch(site)), without_agent)


def _audiosocket(site: Site, **changes: int) -> dict[str, object]:
    return {"port": site.lab.ports.audiosocket, "token": site.lab.token or None, **changes}
