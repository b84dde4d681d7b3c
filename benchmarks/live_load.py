"""Calls through one PBX or the other, and when a dialer sees what of them.

On Asterisk the manager session tells of every variable that is set. FreeSWITCH tells nobody: every tenth
call is asked for its class every 20 ms, and final is what the verdict event says.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from agent.demo.asterisk import LabAsterisk
from agent.demo.dialer import Dialer
from agent.demo.event_socket import EventSocket
from agent.demo.freeswitch import LabFreeSwitch
from agent.demo.lab import LabPorts
from agent.verdict import fields

ASK_EVERY_SECONDS = 0.02
ASK_EVERY_CALL = 10
NOT_BEFORE_SECONDS = 0.9
"""No second can have been judged by then."""


class Load(Protocol):
    """Calls through one PBX, and what a dialer sees of them; each is known by its number."""

    @property
    def lab(self) -> LabAsterisk | LabFreeSwitch:
        """The PBX."""

    async def place(self, number: str) -> None:
        """Place a call."""

    def first_judged(self) -> Mapping[str, float]:
        """Return when the first second of each call was judged."""

    def final(self) -> Mapping[str, float]:
        """Return when the verdict of each call became final."""

    def tapped(self) -> Mapping[str, float]:
        """Return when the PBX began to copy the audio of each call, where it tells."""

    def number_of(self, leg_id: str) -> str:
        """Return the number of a leg."""


@dataclass(frozen=True, slots=True)
class AsteriskLoad:
    """Calls of a Local-channel dialer (`spy`), or of one that uses our contexts.

    `dialled` and `originated` are what such dialers do where nobody has heard of the agent.
    """

    lab: LabAsterisk
    dialer: Dialer
    tap: str
    channels: dict[str, str] = field(default_factory=dict)
    """Numbers by the Uniqueid of the channel whose variables the dialer would read."""

    @classmethod
    @asynccontextmanager
    async def open(cls, chroot: Path, tap: str) -> AsyncIterator[Load]:
        """Start an Asterisk, and a dialer that sees what it needs."""
        async with LabAsterisk(chroot, ports=LabPorts.free()) as lab, lab.dialer() as dialer:
            # Not the ChanVariable that manager.conf adds to every event.
            variables = (f"[^n]Variable: {name}" for name in (fields.CLASS, fields.STATUS))
            for pattern in (*variables, "Event: DialBegin", "Event: ChanSpyStart"):
                await dialer.action("Filter", Operation="Add", Filter=pattern)
            yield cls(lab, dialer, tap)

    async def place(self, number: str) -> None:
        """Place a call."""
        match self.tap:
            case "spy":
                channel_id = f"{await self.dialer.originate(f'Local/{number}@outbound/n', 'answered')}-2"
            case "dialled":  # by a piece of dialplan that has no snippet of ours
                channel_id = await self.dialer.originate(f"Local/5{number}@inbound/n", "answered")
            case "originated":
                channel_id = await self.dialer.originate(f"PJSIP/{number}@carrier", "answered")
            case _:
                channel_id = await self.dialer.originate(
                    f"PJSIP/{number}@carrier",
                    "earlymedia-originate" + ("-audiosocket" if self.tap == "audiosocket" else ""),
                    early_media=True,
                    variables={"EARLYMEDIA_NUMBER": number, "EARLYMEDIA_NEXT_CONTEXT": "answered"},
                )
        self.channels[channel_id] = number

    def first_judged(self) -> Mapping[str, float]:
        """Return when the first second of each call was judged."""
        return self._set_first(fields.CLASS, lambda value: value not in ("", "none"))

    def final(self) -> Mapping[str, float]:
        """Return when the verdict of each call became final."""
        return self._set_first(fields.STATUS, lambda value: value == "final")

    def _set_first(self, name: str, wanted: Callable[[str], bool]) -> Mapping[str, float]:
        first: dict[str, float] = {}
        for event in self.dialer.named("VarSet", lambda e: e.get("Variable") == name):
            number = self.channels.get(event.get("Uniqueid"))
            if number is not None and wanted(event.get("Value")):
                first.setdefault(number, event.at)
        return first

    def tapped(self) -> Mapping[str, float]:
        """Return when Asterisk began to copy the audio of each call that is spied on."""
        if self.tap != "spy":  # a spy that came before the leg's own tap was for naught
            return {}
        numbers = {
            event.get("DestUniqueid"): event.get("DialString").split("@")[0]
            for event in self.dialer.named("DialBegin")
        }
        return {
            numbers[event.get("SpyeeUniqueid")]: event.at
            for event in self.dialer.named("ChanSpyStart", lambda e: e.get("SpyeeUniqueid") in numbers)
        }

    def number_of(self, leg_id: str) -> str:
        """Return the number of a leg."""
        begun = self.dialer.named("DialBegin", lambda e: e.get("DestUniqueid") == leg_id)
        return next((event.get("DialString").split("@")[0] for event in begun), leg_id)


@dataclass(frozen=True, slots=True)
class FreeSwitchLoad:
    """Calls of a dialer that originates with `ignore_early_media=consume`."""

    lab: LabFreeSwitch
    dialer: EventSocket
    channels: dict[str, str] = field(default_factory=dict)
    """Numbers by the uuid of their leg."""
    judged: dict[str, float] = field(default_factory=dict)
    asking: set[asyncio.Task[None]] = field(default_factory=set)

    @classmethod
    @asynccontextmanager
    async def open(cls, prefix: Path) -> AsyncIterator[Load]:
        """Start a FreeSWITCH, and a dialer that sees verdicts only."""
        with TemporaryDirectory() as home:
            lab = LabFreeSwitch(prefix, Path(home), ports=LabPorts.free())
            async with lab, lab.dialer() as dialer:
                await dialer.send("event json CUSTOM earlymedia::verdict")
                yield cls(lab, dialer)

    async def place(self, number: str) -> None:
        """Place a call, and ask one in ten for its class."""
        variables = {"ignore_early_media": "consume"}
        uuid = await self.dialer.originate(f"sofia/gateway/carrier/{number}", "&park()", variables)
        self.channels[uuid] = number
        if int(number) % ASK_EVERY_CALL == 0:
            task = asyncio.create_task(self._ask(uuid))
            self.asking.add(task)
            task.add_done_callback(self.asking.discard)

    async def _ask(self, uuid: str) -> None:
        await asyncio.sleep(NOT_BEFORE_SECONDS)
        answer = "none"
        while answer in ("_undef_", "none"):
            await asyncio.sleep(ASK_EVERY_SECONDS)
            answer = await self.dialer.api(f"uuid_getvar {uuid} EARLYMEDIA_CLASS")
        if not answer.startswith("-ERR"):  # else the call is over, and nobody judged it
            self.judged[self.channels[uuid]] = time.monotonic()

    def first_judged(self) -> Mapping[str, float]:
        """Return when the first second of each asked call was judged."""
        return self.judged

    def final(self) -> Mapping[str, float]:
        """Return when the verdict of each call was announced."""
        return {
            self.channels[event.get("Leg-UUID")]: event.at
            for event in self.dialer.named("earlymedia::verdict")
        }

    def tapped(self) -> Mapping[str, float]:
        """FreeSWITCH does not tell."""
        return {}

    def number_of(self, leg_id: str) -> str:
        """Return the number of a leg."""
        return self.channels.get(leg_id, leg_id)
