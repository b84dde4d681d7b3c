"""Whatever a carrier does with its audio: the call goes on, and the verdict claims no more than was heard."""

from dataclasses import replace

import pytest

from agent.demo.call import Scenario
from agent.hearing.sound import Sound
from agent.verdict import fields
from tests.e2e.scenarios import Way
from tests.faults.fleet import (
    ANSWERED,
    REFUSED,
    agent_under_fault,
    experiences,
    hears_the_next_call,
    listened,
)
from tests.lab_fixtures import Site

pytestmark = [pytest.mark.pbx, pytest.mark.asyncio(loop_scope="session")]

RINGS = replace(REFUSED, seconds=7.0)
STOPS = replace(RINGS, stops_after_seconds=3.0)
DOUBLE_SPEED = replace(RINGS, packets_each_20_ms=2)
NEVER = replace(RINGS, audio=None)
STOPS_AND_ANSWERS = replace(ANSWERED, stops_after_seconds=2.0)
RIGHT = {
    STOPS: ("ringing",),
    DOUBLE_SPEED: ("ringing", "unknown"),
    NEVER: ("no_audio", "silence", "unknown"),
    STOPS_AND_ANSWERS: ("answered",),
}
WAYS = (Way.DIAL, Way.ORIGINATE, Way.OWN_EAGI, Way.OWN_AUDIOSOCKET)


async def test_audio_that_stops_is_too_fast_or_never_comes(site: Site) -> None:
    async with agent_under_fault(site) as agent:
        fleet = [
            (await site.place(way, _playing(site, scenario)), scenario)
            for _ in range(4)
            for scenario in RIGHT
            for way in WAYS
        ]
        placed = [call for call, _ in fleet]
        await listened(agent, placed)
        undisturbed = await experiences(site, placed)
        for (call, scenario), experience in zip(fleet, undisturbed, strict=True):
            assert experience.carrier_final == scenario.final
            assert not experience.cancelled
            assert experience.reached_dialer == (scenario.final == 200)
            assert experience.late < 3.0
            if call.way.from_caller:
                assert experience.responses[-1] == scenario.final
            verdict = await site.only_verdict(await site.leg(call.number))
            assert verdict.get(fields.OUTCOME) in RIGHT[scenario], (call, verdict)
        await hears_the_next_call(site)
    await site.nobody_left()


def _playing(site: Site, scenario: Scenario) -> Scenario:
    rings = scenario.audio is not None
    return replace(scenario, audio=site.sounds[Sound.RINGING] if rings else None, loop=True)
