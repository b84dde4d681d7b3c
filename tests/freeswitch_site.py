"""One FreeSWITCH with its carrier and a dialer that sees everything."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from agent.demo.carrier import Carrier
from agent.demo.event_socket import EventSocket
from agent.demo.freeswitch import LabFreeSwitch
from agent.demo.happenings import Happening
from agent.verdict import fields
from tests.e2e.scenarios import Way
from tests.lab_fixtures import CallSite, SeenLeg, sounds


@dataclass(slots=True, eq=False, kw_only=True)
class FreeSwitchSite(CallSite):
    """A FreeSWITCH."""

    lab: LabFreeSwitch
    dialer: EventSocket

    async def originate(self, way: Way, number: str, variables: dict[str, str]) -> None:
        preset = {fields.STATUS: "unavailable", **variables}
        consume = preset | {"ignore_early_media": "consume"}
        trunk = f"sofia/gateway/carrier/{number}"
        match way:
            case Way.LOCAL:
                await self.dialer.originate(f"loopback/{number}/outbound", "answered XML answered", consume)
            case Way.ORIGINATE:
                await self.dialer.originate(trunk, "answered XML answered", consume)
            case Way.ORIGINATE_EARLY:
                early = {"ignore_early_media": "false", "EARLYMEDIA_NEXT": "answered XML answered"}
                await self.dialer.originate(trunk, "earlymedia-originate XML earlymedia", preset | early)
            case Way.PARK:
                await self.dialer.originate(trunk, "&park()", preset | {"ignore_early_media": "false"})

    async def leg(self, number: str, *, nth: int = 0) -> SeenLeg:
        """Wait for the (nth) outbound leg to a number."""

        def ours(event: Happening) -> bool:
            to_trunk = event.get("Call-Direction") == "outbound" and event.get("sip_gateway_name") != ""
            return to_trunk and event.get("Caller-Destination-Number") == number

        event = await self.event("CHANNEL_ORIGINATE", ours, nth=nth)
        trunk = f"sofia/gateway/{event.get('sip_gateway_name')}"
        return SeenLeg(event.get("Unique-ID"), trunk, event.get("Other-Leg-Unique-ID"))

    async def hangup(self, channel_id: str) -> Happening:
        """Wait for the CHANNEL_HANGUP_COMPLETE of a channel."""
        return await self.event("CHANNEL_HANGUP_COMPLETE", lambda e: e.get("Unique-ID") == channel_id)

    async def left_behind(self, channel_id: str) -> Mapping[str, str]:
        """Wait for the end of a channel and return the EARLYMEDIA variables that it died with."""
        headers = (await self.hangup(channel_id)).headers
        return {name: value for name, value in headers if name.startswith("EARLYMEDIA_")}

    def leg_of(self, verdict: Happening) -> SeenLeg:
        """Return the leg that a verdict event speaks of."""
        return SeenLeg(verdict.get("Leg-UUID"), verdict.get("Channel"), verdict.get("Dialer-UUID"))

    def verdicts(self, leg: SeenLeg) -> list[Happening]:
        """Return the verdict events of a leg so far."""
        return list(self.dialer.named("earlymedia::verdict", lambda e: e.get("Leg-UUID") == leg.id))

    async def report(self, where: str, leg: SeenLeg) -> Happening:
        """Wait for what the dialplan of a leg's call read at a place; `h`: what its channel died with."""
        if where == "h":
            return await self.hangup(leg.asking_id)
        return await self.event(
            "LabReport", lambda e: e.get("Where") == where and e.get("Unique-ID") == leg.asking_id
        )


@asynccontextmanager
async def open_freeswitch_site(lab: LabFreeSwitch, chroot: Path) -> AsyncIterator[FreeSwitchSite]:
    """Open a carrier and a dialer for a lab; the carrier plays sounds of the Asterisk in `chroot`."""
    async with (
        Carrier(port=lab.ports.carrier) as carrier,
        lab.dialer() as dialer,
        AsyncExitStack() as callers,
    ):
        await dialer.subscribe()
        yield FreeSwitchSite(lab=lab, carrier=carrier, dialer=dialer, sounds=sounds(chroot), opened=callers)
    if lab.running:
        await lab.command("hupall")
