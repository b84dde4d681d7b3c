"""One PBX with its carrier and a dialer that sees everything: what places calls, and what tells of them.

A number is dialled once only on a site, so every call is known by its number from end to end.
"""

import asyncio
import itertools
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent.demo.agent import Lab, LabAgent
from agent.demo.asterisk import LabAsterisk
from agent.demo.audio import (
    BUSY_NORTH_AMERICA,
    REORDER_NORTH_AMERICA,
    RINGING_NORTH_AMERICA,
    music,
    prompt,
    silence,
    vacant_code,
)
from agent.demo.call import Call, Scenario
from agent.demo.caller import Caller
from agent.demo.carrier import Carrier
from agent.demo.dialer import Dialer
from agent.demo.freeswitch import LabFreeSwitch
from agent.demo.happenings import Happening, Happenings
from agent.hearing.sound import Sound
from agent.hearing.tone_table import ToneKind
from tests.e2e.scenarios import Played, Way

PATIENCE_SECONDS = 40.0
"""A test waits so long for what must come; how soon it came is measured elsewhere, on a quiet machine."""

_PREFIX = {
    Way.DIAL: "1",
    Way.DIAL_FALSE_RINGING: "2",
    Way.DIAL_FORKED: "3",
    Way.DIAL_TWO_ROUTES: "4",
    Way.DIAL_UNAWARE: "5",
    Way.DIAL_FIVE_SECONDS: "6",
    Way.DIAL_ALAW: "7",
    Way.DIAL_PROXIED: "8",
    Way.DIAL_BYPASSED: "9",
    Way.DIAL_DEAF: "0",
}
"""First digit of the extension, see extensions.conf and freeswitch.xml of the labs."""


@dataclass(frozen=True, slots=True)
class SeenLeg:
    """An outbound leg, as the dialer's own manager session saw it begin."""

    id: str
    channel: str
    dialer_id: str
    """Uniqueid of the channel that dialled it, empty where there is none."""

    @property
    def asking_id(self) -> str:
        """The channel in which the dialplan runs that reads the verdict."""
        return self.dialer_id or self.id


@dataclass(slots=True, eq=False)
class Placed:
    """A call that was placed."""

    number: str
    way: Way
    caller: Caller | None
    """Who called in, None where a dialer called out."""


@dataclass(slots=True, eq=False, kw_only=True)
class CallSite(ABC):
    """Places calls on a PBX, each to a number of its own, and finds what was said about them."""

    lab: LabAsterisk | LabFreeSwitch
    carrier: Carrier
    dialer: Happenings
    sounds: Mapping[Played, bytes]
    opened: AsyncExitStack
    numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(49301001))

    def number(self) -> str:
        """Return a number that nobody has dialled yet."""
        return str(next(self.numbers))

    async def place(
        self, way: Way, *scenarios: Scenario, number: str = "", variables: Mapping[str, str] | None = None
    ) -> Placed:
        """Place a call; a forked one takes two scenarios."""
        number = number or self.number()
        if way is Way.DIAL_FORKED:
            for digit, scenario in zip("12", scenarios, strict=True):
                self.carrier.scenarios[number + digit] = scenario
        else:
            (self.carrier.scenarios[number],) = scenarios
        caller = None
        if way.from_caller:
            caller = await self.opened.enter_async_context(Caller(pbx=("127.0.0.1", self.lab.ports.sip)))
            caller.dial(_PREFIX[way] + number)
        else:
            await self.originate(way, number, dict(variables or {}))
        return Placed(number, way, caller)

    @abstractmethod
    async def originate(self, way: Way, number: str, variables: dict[str, str]) -> None:
        """Have the dialer place a call."""

    @abstractmethod
    async def leg(self, number: str, *, nth: int = 0) -> SeenLeg:
        """Wait for the (nth) outbound leg to a number."""

    @abstractmethod
    async def hangup(self, channel_id: str) -> Happening:
        """Wait for the end of a channel."""

    @abstractmethod
    async def left_behind(self, channel_id: str) -> Mapping[str, str]:
        """Wait for the end of a channel and return the EARLYMEDIA variables that it died with."""

    @abstractmethod
    def leg_of(self, verdict: Happening) -> SeenLeg:
        """Return the leg that a verdict event speaks of."""

    @abstractmethod
    def verdicts(self, leg: SeenLeg) -> list[Happening]:
        """Return the verdict events of a leg so far."""

    @abstractmethod
    async def report(self, where: str, leg: SeenLeg) -> Happening:
        """Wait for what the dialplan of a leg's call read at a place."""

    async def event(self, name: str, matches: Callable[[Happening], bool], *, nth: int = 0) -> Happening:
        """Wait for the (nth) event of a name that matches.

        It looks every now and then: a hundred who wait must not all wake up for each of a thousand events.
        """
        seen = 0
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                for event in self.dialer.named(name, first=seen):
                    seen += 1
                    if matches(event):
                        if nth == 0:
                            return event
                        nth -= 1
                self.dialer.still_comes()
                await asyncio.sleep(0.1)

    async def ended(self, placed: Placed) -> Call:
        """Wait until carrier and caller are done with a call and all its channels are gone."""
        call = await self.carrier.ended(placed.number, timeout_seconds=PATIENCE_SECONDS)
        if placed.caller is not None:
            await placed.caller.over(PATIENCE_SECONDS)
        leg = await self.leg(placed.number)
        for channel_id in filter(None, (leg.id, leg.dialer_id)):
            await self.hangup(channel_id)
        return call

    async def verdict(self, leg: SeenLeg) -> Happening:
        """Wait for the verdict event of a leg."""
        await until(lambda: bool(self.verdicts(leg)))
        return self.verdicts(leg)[0]

    async def only_verdict(self, leg: SeenLeg) -> Happening:
        """Wait for the verdict event of a leg, and see that it is the only one."""
        event = await self.verdict(leg)
        assert self.verdicts(leg) == [event]
        return event

    async def nobody_left(self) -> None:
        """Wait until the PBX has no channel any more."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while await self.lab.channels():
                await asyncio.sleep(0.2)


@dataclass(slots=True, eq=False, kw_only=True)
class Site(CallSite):
    """An Asterisk."""

    lab: LabAsterisk
    dialer: Dialer

    async def originate(self, way: Way, number: str, variables: dict[str, str]) -> None:
        trunk = f"PJSIP/{number}@carrier"
        own = {"EARLYMEDIA_NUMBER": number, "EARLYMEDIA_NEXT_CONTEXT": "answered", **variables}
        match way:
            case Way.LOCAL:
                await self.dialer.originate(f"Local/{number}@outbound/n", "answered", variables=variables)
            case Way.ORIGINATE:
                await self.dialer.originate(trunk, "answered", variables=variables)
            case Way.OWN_EAGI:
                await self.dialer.originate(trunk, "earlymedia-originate", early_media=True, variables=own)
            case Way.OWN_EAGI_16K:
                own |= {"EAGI_AUDIO_FORMAT": "slin16"}
                await self.dialer.originate(trunk, "earlymedia-originate", early_media=True, variables=own)
            case Way.OWN_AUDIOSOCKET:
                await self.dialer.originate(
                    trunk, "earlymedia-originate-audiosocket", early_media=True, variables=own
                )

    async def leg(self, number: str, *, nth: int = 0) -> SeenLeg:
        """Wait for the (nth) outbound leg to a number."""

        def ours(event: Happening) -> bool:
            to_trunk = not event.get("DestChannel").startswith("Local/")
            return to_trunk and event.get("DialString").startswith(f"{number}@")

        event = await self.event("DialBegin", ours, nth=nth)
        return SeenLeg(event.get("DestUniqueid"), event.get("DestChannel"), event.get("Uniqueid"))

    async def hangup(self, channel_id: str) -> Happening:
        """Wait for the Hangup event of a channel."""
        try:
            return await self.event("Hangup", lambda e: e.get("Uniqueid") == channel_id)
        except TimeoutError:
            left = await self.lab.command("core show channels concise")
            seen = [
                f"{event.name} {event.get('Channel')} {event.at:.1f}"
                for event in self.dialer.events
                if event.get("Uniqueid") == channel_id and event.name != "VarSet"
            ]
            raise TimeoutError(
                f"channel {channel_id} never ended; at {time.monotonic():.1f} there are:\n{left}"
                f"and of it was seen: {seen[-20:]}"
            ) from None

    async def left_behind(self, channel_id: str) -> Mapping[str, str]:
        """Wait for the end of a channel and return the EARLYMEDIA variables that it died with."""
        return (await self.hangup(channel_id)).variables()

    def leg_of(self, verdict: Happening) -> SeenLeg:
        """Return the leg that a verdict event speaks of."""
        return SeenLeg(verdict.get("Uniqueid"), verdict.get("Channel"), verdict.get("DialerUniqueid"))

    def verdicts(self, leg: SeenLeg) -> list[Happening]:
        """Return the verdict events of a leg so far."""
        return list(self.dialer.named("EarlyMediaVerdict", lambda e: e.get("Uniqueid") == leg.id))

    async def report(self, where: str, leg: SeenLeg) -> Happening:
        """Wait for what the dialplan of a leg's call read at a place."""
        return await self.event(
            "LabReport", lambda e: e.get("Where") == where and e.get("Uniqueid") == leg.asking_id
        )

    def written(self, uniqueid: str) -> list[tuple[str, str]]:
        """Return the EARLYMEDIA variables that were set on a channel, in order, by whomever."""
        return [
            (event.get("Variable"), event.get("Value"))
            for event in self.dialer.named("VarSet", lambda e: e.get("Uniqueid") == uniqueid)
            if event.get("Variable").startswith("EARLYMEDIA_")
        ]

    async def variable(self, uniqueid: str, name: str, *values: str) -> str:
        """Wait until a variable of a channel is set to one of these values."""

        def wanted(event: Happening) -> bool:
            return (
                event.get("Uniqueid") == uniqueid
                and event.get("Variable") == name
                and event.get("Value") in values
            )

        return (await self.event("VarSet", wanted)).get("Value")


async def until(condition: Callable[[], bool], timeout_seconds: float = PATIENCE_SECONDS) -> None:
    """Wait until something is so. Raises TimeoutError."""
    async with asyncio.timeout(timeout_seconds):
        while not condition():
            await asyncio.sleep(0.2)


async def journalled(agent: LabAgent, leg: SeenLeg) -> Mapping[str, Any]:
    """Wait for a leg's line in the agent's journal."""

    def lines() -> list[Mapping[str, Any]]:
        return [line for line in agent.journal() if line["leg"] == leg.id]

    await until(lambda: bool(lines()))
    assert len(lines()) == 1
    return lines()[0]


def agent_beside(lab: Lab, *, mode: str = "active", **sections: Any) -> LabAgent:
    """Return an agent to start: the lab's configuration, changed section by section, key by key."""
    agent = LabAgent(lab, mode=mode)
    for name, section in sections.items():
        old = agent.config.get(name)
        agent.config[name] = {**old, **section} if isinstance(old, dict) else section
    return agent


@asynccontextmanager
async def open_site(lab: LabAsterisk) -> AsyncIterator[Site]:
    """Open a carrier and a dialer for a lab, and leave the lab without calls."""
    if not lab.running:
        await lab.start()
    async with (
        Carrier(port=lab.ports.carrier) as carrier,
        lab.dialer() as dialer,
        AsyncExitStack() as callers,
    ):
        yield Site(lab=lab, carrier=carrier, dialer=dialer, sounds=sounds(lab.chroot), opened=callers)
    if lab.running:
        await lab.command("channel request hangup all")


def sounds(chroot: Path) -> Mapping[Played, bytes]:
    """What a carrier plays: some ten seconds of each class, and of tones that say why a call fails."""
    speech = prompt(chroot, "en", "ss-noservice", "vm-goodbye", "ss-noservice")
    return {
        Sound.RINGING: RINGING_NORTH_AMERICA.ulaw(12.0),
        Sound.SPEECH: speech,
        Sound.MUSIC: music(chroot, "manolo_camp-morning_coffee")[2 * 8000 : 14 * 8000],
        Sound.SILENCE: silence(12.0),
        ToneKind.BUSY: BUSY_NORTH_AMERICA.ulaw(12.0),
        ToneKind.CONGESTION: RINGING_NORTH_AMERICA.ulaw(3.0) + REORDER_NORTH_AMERICA.ulaw(9.0),
        ToneKind.SIT_VACANT: silence(1.0) + vacant_code() + silence(0.3) + speech,
    }
