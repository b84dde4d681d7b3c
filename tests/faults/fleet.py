"""Calls of every tap and every ending, and all that carrier, caller and dialer notice of them."""

import asyncio
from dataclasses import dataclass, replace

import pytest

from agent.demo.call import Scenario
from agent.hearing.sound import Sound
from tests.e2e.scenarios import Way
from tests.lab_fixtures import Placed, Site

EARLY_SECONDS = 5.0

REFUSED = Scenario(seconds=EARLY_SECONDS, final=486)
ANSWERED = Scenario(seconds=EARLY_SECONDS, final=200, answered_seconds=4.0)

FLEET: tuple[tuple[Way, Scenario], ...] = (
    (Way.DIAL, REFUSED),
    (Way.DIAL, ANSWERED),
    (Way.DIAL_FALSE_RINGING, replace(REFUSED, final=404)),
    (Way.LOCAL, replace(REFUSED, final=503)),
    (Way.ORIGINATE, ANSWERED),
    (Way.OWN_EAGI, REFUSED),
    (Way.OWN_EAGI, ANSWERED),
    (Way.OWN_AUDIOSOCKET, REFUSED),
    (Way.OWN_AUDIOSOCKET, ANSWERED),
)
"""It rings in all of them, so no verdict is final before the end, and none may change a code."""


@dataclass(frozen=True, slots=True)
class Experience:
    """What everybody but the agent noticed of a call. Times are in seconds."""

    way: Way
    carrier_final: int | None
    cancelled: bool
    hung_up_by_carrier: bool
    responses: tuple[int, ...]
    """What an inbound caller was sent, each once; empty where a dialer called out."""
    reached_dialer: bool
    """The dialer's own context, or the caller, was connected to the callee."""
    packets_sent: int
    packets_heard: int
    """By an inbound caller."""
    lasted: float
    """From the INVITE to the refusal or the BYE."""
    lingered: float
    """From there to the end of the last channel."""
    connected_after: float
    """From the carrier's 200 until the dialer's own context ran, 0 where it never does."""

    def assert_same(self, undisturbed: "Experience") -> None:
        """Fail if anybody could have noticed a difference."""
        both = (self, undisturbed)
        assert self.said == undisturbed.said, both
        assert abs(self.lasted - undisturbed.lasted) < 3.0, both
        assert self.packets_sent > 0.8 * undisturbed.packets_sent, both
        assert self.packets_heard > 0.8 * undisturbed.packets_heard - 10, both
        assert self.lingered < undisturbed.lingered + 3.0, both
        assert self.connected_after < undisturbed.connected_after + 3.0, both

    @property
    def said(self) -> tuple[object, ...]:
        """All of it that is no matter of time or number."""
        ending = (self.carrier_final, self.cancelled, self.hung_up_by_carrier)
        return (self.way, *ending, self.responses, self.reached_dialer)


async def launch(site: Site, times: int = 1) -> list[Placed]:
    """Place the whole fleet, so many times."""
    ringing = site.sounds[Sound.RINGING]
    return [
        await site.place(way, replace(scenario, audio=ringing))
        for _ in range(times)
        for way, scenario in FLEET
    ]


async def experiences(site: Site, placed: list[Placed]) -> list[Experience]:
    """Wait until the calls are over, and tell what was noticed of them."""
    return await asyncio.gather(*(_experience(site, call) for call in placed))


async def undisturbed(site: Site) -> list[Experience]:
    """Return the experience of a fleet of which no agent knows."""
    return await experiences(site, await launch(site))


def assert_unhurt(fleet: list[Experience], undisturbed: list[Experience]) -> None:
    """Fail if anybody could tell one of these calls from one without an agent."""
    assert len(fleet) >= len(undisturbed)
    for number, experience in enumerate(fleet):
        experience.assert_same(undisturbed[number % len(undisturbed)])


async def hears_the_next_call(site: Site) -> None:
    """Fail if none of the next calls is judged: the agent has some seconds to find back."""
    for _ in range(5):
        placed = await site.place(Way.DIAL, replace(REFUSED, audio=site.sounds[Sound.RINGING]))
        leg = await site.leg(placed.number)
        await site.ended(placed)
        await asyncio.sleep(1.0)
        if site.verdicts(leg):
            return
    pytest.fail("the agent hears no call any more")


async def _experience(site: Site, placed: Placed) -> Experience:
    call = await site.ended(placed)
    leg = await site.leg(placed.number)
    over = call.bye_sent or call.bye_received or call.final_sent
    assert over is not None
    hangups = [await site.hangup(uniqueid) for uniqueid in filter(None, (leg.id, leg.dialer_id))]
    answered = list(
        site.dialer.named("LabReport", lambda e: (e.get("Where"), e.get("Uniqueid")) == ("answered", leg.id))
    )
    caller = placed.caller
    statuses = [response.status for response in caller.responses] if caller else []
    connected = bool(answered) or 200 in statuses
    return Experience(
        way=placed.way,
        carrier_final=call.final_status,
        cancelled=call.cancelled is not None,
        hung_up_by_carrier=call.bye_sent is not None,
        responses=tuple(dict.fromkeys(statuses)),
        reached_dialer=connected,
        packets_sent=call.packets_sent,
        packets_heard=caller.packets if caller else 0,
        lasted=over - call.invited,
        lingered=max(event.at for event in hangups) - over,
        connected_after=answered[0].at - (call.final_sent or 0) if answered else 0.0,
    )
