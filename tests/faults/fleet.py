"""Calls of every tap and every ending, and all that carrier, caller and dialer notice of them."""

import asyncio
from dataclasses import dataclass, replace
from typing import Any

from agent.demo.agent import LabAgent
from agent.demo.call import Scenario
from agent.hearing.sound import Sound
from agent.verdict import fields
from tests.e2e.scenarios import Way
from tests.lab_fixtures import Placed, SeenLeg, Site, agent_beside, until

EARLY_SECONDS = 5.0

REFUSED = Scenario(seconds=EARLY_SECONDS, final=486)
ANSWERED = Scenario(seconds=EARLY_SECONDS, final=200, answered_seconds=4.0)

FIFTY = 6
"""So many fleets are more than fifty calls."""
KEEP_THE_CARRIERS_CODE = {"classes": {"ringing": {"sip_code": None, "q850_cause": None}}}
"""A policy under which a right verdict changes no code of these calls, and a wrong one would."""
RECOVERY_SECONDS = 10

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
    late: float
    """How much later than the carrier meant to it refused or said BYE."""
    lingered: float
    """From there to the end of the last channel."""
    connected_after: float
    """From the carrier's 200 until the dialer's own context ran, 0 where it never does."""

    def assert_same(self, undisturbed: "Experience") -> None:
        """Fail if anybody could have noticed a difference."""
        both = (self, undisturbed)
        assert self.said == undisturbed.said, both
        assert abs(self.late - undisturbed.late) < 3.0, both
        # Of what the carrier sent, for a machine that is busy lets it send less.
        assert self.share_heard > 0.8 * undisturbed.share_heard - 0.04, both
        assert self.lingered < undisturbed.lingered + 3.0, both
        assert self.connected_after < undisturbed.connected_after + 3.0, both

    @property
    def share_heard(self) -> float:
        """Share of the carrier's packets that an inbound caller heard."""
        return self.packets_heard / max(1, self.packets_sent)

    @property
    def said(self) -> tuple[object, ...]:
        """All of it that is no matter of time or number."""
        ending = (self.carrier_final, self.cancelled, self.hung_up_by_carrier)
        return (self.way, *ending, self.responses, self.reached_dialer)


def agent_under_fault(site: Site, **sections: Any) -> LabAgent:
    """Return an agent to start whose right verdicts change nothing that carrier and caller could notice."""
    return agent_beside(site.lab, policy=KEEP_THE_CARRIERS_CODE, **sections)


async def launch(site: Site, times: int = 1, *, longer: float = 0.0) -> list[Placed]:
    """Place the whole fleet, so many times; its early media lasts so many seconds longer than without."""
    ringing = site.sounds[Sound.RINGING]
    return [
        await site.place(way, replace(scenario, audio=ringing, loop=True, seconds=scenario.seconds + longer))
        for _ in range(times)
        for way, scenario in FLEET
    ]


async def listened(agent: LabAgent, fleet: list[Placed]) -> None:
    """Wait until the agent listens to so many calls."""
    await until(lambda: len({line["call"] for line in agent.events("listening")}) >= len(fleet))


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
    """Fail if no call is judged of those that begin within `RECOVERY_SECONDS`, one a second."""
    short = replace(REFUSED, audio=site.sounds[Sound.RINGING], seconds=3.0)
    placed: list[Placed] = []
    legs: list[SeenLeg] = []
    while len(placed) < RECOVERY_SECONDS and not any(map(site.verdicts, legs)):
        placed.append(await site.place(Way.DIAL, short))
        legs.append(await site.leg(placed[-1].number))
        await asyncio.sleep(1.0)
    for call in placed:
        await site.ended(call)
    await until(lambda: any(map(site.verdicts, legs)), timeout_seconds=2.0)


async def assert_verdicts_right(site: Site, fleet: list[Placed]) -> None:
    """Fail if a call has two verdicts, or one that says what did not happen."""
    for placed in fleet:
        verdicts = site.verdicts(await site.leg(placed.number))
        assert len(verdicts) <= 1
        answered = site.carrier.scenarios[placed.number].final == 200
        right = ("answered", "unknown") if answered else ("ringing", "unknown")
        for verdict in verdicts:
            assert verdict.get(fields.OUTCOME) in right, (placed, verdict)


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
        late=over - call.invited - _planned(site.carrier.scenarios[placed.number]),
        lingered=max(event.at for event in hangups) - over,
        connected_after=answered[0].at - (call.final_sent or 0) if answered else 0.0,
    )


def _planned(scenario: Scenario) -> float:
    answered = scenario.answered_seconds if scenario.final == 200 else None
    return scenario.seconds + (answered or 0.0)
