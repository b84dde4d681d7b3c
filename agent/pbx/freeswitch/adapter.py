"""FreeSWITCH as the service sees it: events become calls and taps, verdicts become variables.

Nothing here waits on a call's path: whatever fails is logged, and the call goes on untold.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import structlog

from agent.pbx.errands import Errands
from agent.pbx.freeswitch.causes import freeswitch_name
from agent.pbx.freeswitch.client import EventSocketClient, EventSocketSettings
from agent.pbx.freeswitch.connection import EventSocketError
from agent.pbx.freeswitch.legs import (
    EVENTS,
    PARK_EVENTS,
    UUID,
    LegAnswered,
    LegBook,
    LegEvent,
    LegParked,
    LegSignalled,
)
from agent.pbx.freeswitch.protocol import Event, ProtocolError, assignments, event_of_json
from agent.pbx.freeswitch.recorder import Recorder, RecorderSettings
from agent.pbx.freeswitch.unicast import Unicast
from agent.pbx.leg_events import LegBegan, LegEnded
from agent.pbx.port import CallListener, ChannelRef, Leg, Signal

log = structlog.get_logger(__name__)

VERDICT_EVENT = "earlymedia::verdict"
LIST_LAG_S = 1.5
"""FreeSWITCH's list of channels is late by less than this."""


@dataclass(frozen=True, slots=True)
class FreeSwitchSettings:
    """Everything the adapter needs to know."""

    trunks: tuple[str, ...]
    """Patterns of the trunks that are heard, e.g. `sofia/gateway/carrier`."""
    event_socket: EventSocketSettings = field(default_factory=EventSocketSettings)
    recorder: RecorderSettings = field(default_factory=RecorderSettings)
    unicast_ports: range = range(0)
    """Ports that FreeSWITCH may send the audio of parked legs from; none: these are recorded too."""


class FreeSwitchAdapter:
    """One FreeSWITCH; an `agent.pbx.port.Pbx`."""

    name = "FreeSWITCH"

    def __init__(self, settings: FreeSwitchSettings, listener: CallListener) -> None:
        """Prepare; raises ValueError, in one sentence, for settings that cannot work."""
        events = " ".join((*EVENTS, *PARK_EVENTS) if settings.unicast_ports else EVENTS)
        subscriptions = (f"event json {events}", "filter Call-Direction outbound")
        self.client = EventSocketClient(replace(settings.event_socket, subscriptions=subscriptions))
        self.legs = LegBook(settings.trunks)
        self.recorder = Recorder(settings.recorder, self.client, self.legs, listener)
        self.unicast = Unicast(settings.unicast_ports, self.client, self.legs, listener)
        self._listener = listener
        self._errands = Errands()
        self._stocktaking: asyncio.Task[None] | None = None

    @property
    def connected(self) -> bool:
        """FreeSWITCH can be told and tells."""
        return self.client.connected

    @property
    def problem(self) -> str:
        """Why it is not connected, in one sentence; empty while it is."""
        return self.client.problem

    def follow(self, trunks: tuple[str, ...]) -> None:
        """Hear the legs whose trunk fits one of these patterns, from the next leg on."""
        self.legs.trunks = trunks

    async def start(self) -> None:
        """Begin to connect; raises OSError, in one sentence, where the folder for taps cannot be used."""
        self.recorder.start()
        self.unicast.start()
        self.client.on_event = self._event
        self.client.on_connected = self._connected
        self.client.on_lost = self._lost
        self.client.start()

    async def stop(self) -> None:
        """Let FreeSWITCH finish what it was told, then let go of everything."""
        await self._errands.cancel()  # what they began, they stop
        await self.client.stop()
        self.unicast.close()

    # What the service says.

    def write(self, channel: ChannelRef, fields: Mapping[str, str]) -> None:
        """Set channel variables, in the order of the mapping."""
        try:
            self.client.post_api(f"uuid_setvar_multi {channel.id} {assignments(fields)}")
        except (EventSocketError, ValueError) as error:
            log.debug("variables not written", channel=channel.id, reason=str(error))

    def announce(self, leg: Leg, fields: Mapping[str, str]) -> None:
        """Send the call's one verdict event."""
        about = {
            "Leg-UUID": leg.id,
            "Dialer-UUID": leg.dialer.id if leg.dialer else "",
            "Call-UUID": leg.linked_id,
            "Channel": leg.channel,
        }
        try:
            self.client.post_event(VERDICT_EVENT, {**about, **fields})
        except (EventSocketError, ValueError) as error:
            log.debug("verdict not announced", call=leg.id, reason=str(error))

    def cut(self, leg: Leg, q850: int) -> None:
        """End the leg early with a cause; FreeSWITCH cancels it at the carrier."""
        if not self.legs.unanswered(leg.id):
            return
        try:
            self.client.post_api(f"uuid_kill {leg.id} {freeswitch_name(q850)}")
        except (EventSocketError, ValueError) as error:
            log.debug("leg not cut", call=leg.id, reason=str(error))

    # What FreeSWITCH says.

    def _connected(self) -> None:
        self._stocktaking = self._errands.run(self._take_stock())

    def _lost(self) -> None:
        if self._stocktaking is not None:
            self._stocktaking.cancel()

    async def _take_stock(self) -> None:
        """Find the legs that live: those that began before we came, and which of ours are gone.

        Twice, for a leg that began a moment before we subscribed is not in the list yet.
        """
        before = {leg.id for leg in self.legs.all()}
        try:
            await self._catch_up()
            await asyncio.sleep(LIST_LAG_S)
            living = await self._catch_up()
        except EventSocketError as error:
            log.warning("could not take stock", reason=str(error))
            return
        self._dispatch(self.legs.drop(before - living))
        self._listener.connected()

    async def _catch_up(self) -> set[str]:
        """Follow every outbound leg that is listed; return the ids of all channels that are."""
        reply = await self.client.api("show channels as json")
        listed = _channels(reply.text)
        for channel in listed:
            if (
                not channel.outbound
                or self.recorder.listens(channel.uuid)
                or self.unicast.listens(channel.uuid)
            ):
                continue
            if channel.talks and not self.legs.unanswered(channel.uuid):
                continue  # answered before we came
            data = await self.client.api(f"uuid_dump {channel.uuid} json")
            if data.ok:
                self._catch_up_with(data.text)
        return {channel.uuid for channel in listed}

    def _catch_up_with(self, data: str) -> None:
        try:
            told = self.legs.take(event_of_json(data))
        except ProtocolError as error:
            log.warning("could not take stock of a channel", reason=str(error))
        else:
            self._dispatch(told, anew=True)

    def _event(self, event: Event) -> None:
        self._dispatch(self.legs.take(event))

    def _dispatch(self, told: tuple[LegEvent, ...], *, anew: bool = False) -> None:
        for event in told:
            match event:
                case LegBegan(leg):
                    self._listener.leg_began(leg)
                case LegSignalled(leg, signal, hindrance):
                    self._listener.leg_signalled(leg.id, signal)
                    if signal is Signal.PROGRESS and hindrance:
                        self._listener.tap_failed(leg.id, hindrance)
                    elif signal is Signal.PROGRESS:
                        self._errands.run(self._listen(leg, anew))
                case LegParked(leg, parked):
                    self._parked(leg, parked)
                case LegAnswered(leg):
                    self._listener.leg_answered(leg.id)
                case LegEnded(leg, final):
                    self._listener.leg_ended(leg.id, final)
                    self.recorder.release(leg.id)
                    self.unicast.release(leg.id)

    async def _listen(self, leg: Leg, anew: bool) -> None:
        if anew or leg.dialer is not None or not await self.unicast.attach(leg):
            await self.recorder.attach(leg, anew=anew)

    def _parked(self, leg: Leg, parked: bool) -> None:
        if parked:
            self.unicast.parked(leg.id)
        elif self.unicast.unparked(leg.id) and self.legs.unanswered(leg.id):
            self._errands.run(self.recorder.attach(leg))


@dataclass(frozen=True, slots=True)
class _Listed:
    """A channel in `show channels`."""

    uuid: str
    outbound: bool
    talks: bool


def _channels(text: str) -> tuple[_Listed, ...]:
    """Read `show channels as json`; channels whose ids cannot stand in a command are left out."""
    try:
        return tuple(
            _Listed(row["uuid"], row["direction"] == "outbound", row["callstate"] == "ACTIVE")
            for row in json.loads(text).get("rows", ())
            if UUID.fullmatch(row["uuid"])
        )
    except (ValueError, RecursionError, TypeError, KeyError, AttributeError):
        raise EventSocketError("the list of channels that FreeSWITCH sent cannot be read.") from None
