"""Asterisk as the service sees it: events become calls and taps, verdicts become variables.

Nothing here waits on a call's path: whatever fails is logged, and the call goes on untold.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

import structlog

from agent.pbx.asterisk.ami import AmiClient, AmiError, AmiEvent, AmiSettings, AmiUnavailableError
from agent.pbx.asterisk.answers import Answers
from agent.pbx.asterisk.audiosocket_server import AudioSocketServer, AudioSocketSettings
from agent.pbx.asterisk.eagi import EagiSession
from agent.pbx.asterisk.legs import (
    LegBook,
    LegEvent,
    LegFailed,
    LegHungUp,
    LegMaybeAnswered,
    LegSignalled,
    code_question,
    sip_code_of,
)
from agent.pbx.asterisk.own_taps import OwnTaps
from agent.pbx.asterisk.shim_server import ShimServer, ShimSettings
from agent.pbx.asterisk.spy import OTHER_HALF_PREFIX, Spy, SpySettings, TapChoice
from agent.pbx.errands import Errands
from agent.pbx.leg_events import LegBegan, LegEnded, final_of
from agent.pbx.port import CallListener, CarrierFinal, ChannelRef, Leg, Signal, Tap, TapKind

log = structlog.get_logger(__name__)

VERDICT_EVENT = "EarlyMediaVerdict"
SIMULTANEOUS_S = 0.01
"""What belongs to one moment in Asterisk reaches us within this time."""
OWN_TAP_S = 0.3
"""A leg whose dialplan may bring its own tap is given this time before it is spied on."""


@dataclass(frozen=True, slots=True)
class AsteriskSettings:
    """Everything the adapter needs to know."""

    trunks: tuple[str, ...]
    """Patterns of the channel names that are heard, e.g. `PJSIP/carrier-*`."""
    ami: AmiSettings
    audiosocket: AudioSocketSettings
    shims: ShimSettings
    tap: TapChoice = TapChoice.AUTO
    spy_context: str = "earlymedia-spy"
    token: str = ""
    """Secret in the stream ids of legs that bring their own AudioSocket; the dialplan's EARLYMEDIA_TOKEN."""
    sync_wait_s: float = 0.06
    """The sync point is answered after this time even if a leg's end has not been told yet."""


class AsteriskAdapter:
    """One Asterisk; an `agent.pbx.port.Pbx`."""

    name = "Asterisk"

    def __init__(self, settings: AsteriskSettings, listener: CallListener) -> None:
        """Prepare; raises OSError or ValueError, in one sentence, for settings that cannot work."""
        self.settings = settings
        self.ami = AmiClient(settings.ami)
        self.audiosocket = AudioSocketServer(settings.audiosocket, sign_of_life=settings.shims.path)
        self.shims = ShimServer(
            settings.shims, on_eagi=self._eagi, on_sync=self._sync, ready=lambda: self.ami.connected
        )
        self.legs = LegBook(settings.trunks)
        self._listener = listener
        self.spy = Spy(SpySettings(settings.tap, settings.spy_context), self.ami, self.audiosocket, listener)
        self.own_taps = OwnTaps(settings.token, self.audiosocket, self._own_tap, self._eagi_hung_up)
        self.answers = Answers(self.ami, self._answered, self._unanswered, self.own_taps.let_go)
        self._news = asyncio.Event()
        self._errands = Errands()
        self._stocktaking: asyncio.Task[None] | None = None

    @property
    def connected(self) -> bool:
        """Asterisk can be told and tells."""
        return self.ami.connected

    @property
    def problem(self) -> str:
        """Why it is not connected, in one sentence; empty while it is."""
        return self.ami.problem

    def follow(self, trunks: tuple[str, ...]) -> None:
        """Hear the legs whose channel name fits one of these patterns, from the next leg on."""
        self.legs.trunks = trunks

    async def start(self) -> None:
        """Open the sockets and begin to connect; raises OSError, in one sentence, where one cannot be had."""
        await self.audiosocket.start()
        self.spy.settings = SpySettings(
            self.settings.tap, self.settings.spy_context, self.audiosocket.address
        )
        try:
            self.shims.start()
        except OSError:
            self.audiosocket.close()
            raise
        self.ami.on_event(self._event)
        self.ami.on_connected = self._connected
        self.ami.on_lost = self._lost
        self.ami.start()

    async def stop(self) -> None:
        """Let Asterisk finish what it was told, then let go of everything."""
        await self._errands.cancel()
        self.answers.close()
        await self.ami.stop()
        await self.shims.close()
        self.audiosocket.close()

    # What the service says.

    def write(self, channel: ChannelRef, fields: Mapping[str, str]) -> None:
        """Set channel variables, in the order of the mapping."""
        if self.own_taps.say(channel.id, fields):
            return
        for name, value in fields.items():
            self._post("Setvar", {"Channel": channel.name, "Variable": name, "Value": value})

    def announce(self, leg: Leg, fields: Mapping[str, str]) -> None:
        """Send the call's one verdict event."""
        about = {
            "UserEvent": VERDICT_EVENT,
            "Uniqueid": leg.id,
            "Channel": leg.channel,
            "Linkedid": leg.linked_id,
            "Trunk": leg.trunk,
            "DialerUniqueid": leg.dialer.id if leg.dialer else "",
            "DialerChannel": leg.dialer.name if leg.dialer else "",
        }
        self._post("UserEvent", {**about, **fields})

    def cut(self, leg: Leg, q850: int) -> None:
        """End the leg early with a cause."""
        self._post("Hangup", {"Channel": leg.channel, "Cause": str(q850)})

    def _post(self, action: str, fields: Mapping[str, str]) -> None:
        try:
            self.ami.send_nowait(action, fields)
        except (AmiUnavailableError, ValueError) as error:
            log.debug("not handed back", action=action, reason=str(error))

    # What Asterisk says.

    def _connected(self) -> None:
        self._stocktaking = self._errands.run(self._take_stock())

    def _lost(self) -> None:
        if self._stocktaking is not None:
            self._stocktaking.cancel()

    async def _take_stock(self) -> None:
        """Find out what this Asterisk can do, and which of the legs that we knew still live."""
        try:
            await self.spy.find_out()
            if len(self.legs):
                reply = await self.ami.action("Status")
                self._dispatch(self.legs.catch_up(event.headers for event in reply.events))
                await asyncio.sleep(0)  # whoever is up is now asked whether it was answered
                await self.ami.drain(self.settings.ami.action_timeout_s)
            await self.spy.try_again()
        except AmiError as error:
            log.warning("could not take stock", reason=str(error))
        self._listener.connected()

    def _event(self, event: AmiEvent) -> None:
        self._dispatch(self.legs.take(event.name, event.headers))

    def _dispatch(self, events: tuple[LegEvent, ...]) -> None:
        for event in events:
            match event:
                case LegBegan(leg):
                    self._began(leg)
                case LegSignalled(leg, signal):
                    self._listener.leg_signalled(leg.id, signal)
                    if signal is Signal.PROGRESS:
                        self._errands.run(self._listen(leg))
                case LegMaybeAnswered(leg):
                    self.answers.watch(leg)
                case LegHungUp(leg, final):
                    if leg.dialer is None and not self.own_taps.by_eagi(leg.id):
                        self._errands.run(self._hung_up(leg, final))
                    self._errands.run(self.spy.let_go(leg))
                case LegFailed(leg):
                    self._errands.run(self.spy.let_go(leg))
                case LegEnded(leg, final):
                    final = self._witnessed(leg, final)
                    self._forget(leg)
                    if final.sip_code is None and leg.dialer is not None:
                        self._errands.run(self._ended_untold(leg, leg.dialer, final))
                    else:
                        self._ended(leg, final)

    def _began(self, leg: Leg) -> None:
        self._listener.leg_began(leg)
        self.own_taps.expect(leg)

    def _own_tap(self, leg: Leg, tap: Tap) -> None:
        self.answers.watch(leg)  # its dialplan waits for us: the answer must not be missed
        self._listener.tap_attached(leg.id, tap)

    def _forget(self, leg: Leg) -> None:
        self.own_taps.forget(leg.id)
        self.answers.forget(leg.id)
        self.spy.forget(leg.id)

    async def _listen(self, leg: Leg) -> None:
        """Spy on a leg, unless it was answered at once or its own dialplan brings a tap."""
        await asyncio.sleep(SIMULTANEOUS_S)
        if self.answers.is_up(leg.id):  # up at the 183: the mark of an Originate with `EarlyMedia: true`
            await asyncio.sleep(OWN_TAP_S)
        await self._spy(leg)

    async def _spy(self, leg: Leg) -> None:
        alive = self.legs.get(leg.id) is not None and not self.answers.is_answered(leg.id)
        if alive and not self.own_taps.has(leg.id):
            await self.spy.attach(leg)

    async def _unanswered(self, leg: Leg) -> None:
        """Spy on a leg that outlives its own tap."""
        if self.own_taps.deserted(leg.id):
            await self._spy(leg)

    async def _hung_up(self, leg: Leg, final: CarrierFinal) -> None:
        """Hand back what stands while the channel still takes variables, and before its `h` asks."""
        if final.sip_code is None:
            with suppress(AmiError):
                final = _final(await self.ami.getvar(leg.channel, code_question(leg.channel)), final)
        self._ended(leg, self._witnessed(leg, final), writable=True)

    def _witnessed(self, leg: Leg, final: CarrierFinal) -> CarrierFinal:
        """Take an end for unseen that may have followed an answer, for nobody tells of those."""
        if final.sip_code is None and self.answers.missed(leg.id):
            return replace(final, seen=False)
        return final

    async def _ended_untold(self, leg: Leg, dialer: ChannelRef, final: CarrierFinal) -> None:
        """Ask the dialling channel for the final code that an older Asterisk leaves out of Hangup."""
        asked = code_question(leg.channel)
        try:
            tech = await self.ami.getvar(dialer.name, asked, timeout_s=self.settings.sync_wait_s)
        except AmiError:
            tech = None
        self._ended(leg, _final(tech, final))

    # The shims.

    def _eagi(self, session: EagiSession) -> None:
        channel = ChannelRef(session.environment.unique_id, session.environment.channel)
        if channel.id.startswith(OTHER_HALF_PREFIX):
            leg_id = channel.id.removeprefix(OTHER_HALF_PREFIX)
            if self.legs.get(leg_id) is None:  # a probe, or the leg ended meanwhile
                session.close()
            else:
                self.spy.attached(leg_id, session.listen(TapKind.SPY_EAGI))
            return
        self._dispatch(self.legs.adopt(channel, session.args[0] if session.args else ""))
        leg = self.legs.get(channel.id)
        if leg is None:
            log.info("EAGI on a channel of no configured trunk", channel=channel.name)
            session.close()
            return
        self.own_taps.take(leg, session)

    def _eagi_hung_up(self, leg: Leg, session: EagiSession) -> None:
        self._errands.run(self._say_last_words(leg, session))

    async def _say_last_words(self, leg: Leg, session: EagiSession) -> None:
        """Say the last words: the channel dies as soon as the session closes."""
        try:
            tech = await session.command("GET", "FULL", "VARIABLE", f"${{{code_question(leg.channel)}}}")
            cause = await session.command("GET", "VARIABLE", "HANGUPCAUSE")
            final = _final(tech.value, final_of("", cause.value))
            self._ended(leg, self._witnessed(leg, final), writable=True)
        except (OSError, TimeoutError) as error:
            log.debug("no last words", call=leg.id, reason=str(error))
        finally:
            session.close()

    async def _sync(self, channel_id: str, args: tuple[str, ...]) -> Mapping[str, str]:
        """Answer a dialplan that asks what stands, once all its legs' ends were told."""
        del args
        with suppress(TimeoutError):
            async with asyncio.timeout(self.settings.sync_wait_s):
                while not self._listener.settled(channel_id):
                    await self._news.wait()
        return self._listener.fields_of(channel_id)

    def _answered(self, leg: Leg) -> None:
        self._listener.leg_answered(leg.id)
        self._wake()

    def _ended(self, leg: Leg, final: CarrierFinal, *, writable: bool = False) -> None:
        self._listener.leg_ended(leg.id, final, writable=writable)
        self._wake()

    def _wake(self) -> None:
        """Let every sync point look again at what stands."""
        self._news.set()
        self._news.clear()


def _final(tech: str | None, told: CarrierFinal) -> CarrierFinal:
    """Complete what was told by the answer to `code_question`."""
    code = sip_code_of(tech or "")
    return CarrierFinal(code, told.q850) if code is not None and code >= 200 else told
