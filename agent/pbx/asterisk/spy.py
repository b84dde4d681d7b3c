"""Listening to a leg that somebody else dials: a helper channel of ours spies on it with ChanSpy.

The helper is an AudioSocket channel (Asterisk 18 and later), or where that module is missing a Local
channel whose other half runs the EAGI shim in our one dialplan context. Either ends with the leg it
listens to, leaves no CDR, and if it fails the leg is untouched.
"""

import asyncio
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID, uuid4

import structlog

from agent.pbx.asterisk.ami import AmiClient, AmiDeniedError, AmiError, AmiReply
from agent.pbx.asterisk.audiosocket_server import AudioSocketServer
from agent.pbx.asterisk.legs import TAP_ID_PREFIX
from agent.pbx.port import CallListener, Leg, Tap, TapKind

log = structlog.get_logger(__name__)

SPY_OPTIONS = "qoESl"
"""Quiet, only what the leg receives, end with the leg, and at once if the leg is gone already.

The last, a long queue: half a second may wait for the spy to fetch it 20 ms at a time. Without it Asterisk
throws all away as soon as a tenth waits, be it that a network let go of what it had held up, or that the
machine was busy.
"""
OTHER_HALF_PREFIX = f"{TAP_ID_PREFIX}2-"
"""Uniqueid of the half that runs the EAGI shim: this and the leg's Uniqueid."""
ORIGINATE_TIMEOUT_S = 5.0
LET_GO_S = 1.0
"""A leg that is over and still there after so long is held by our own spy."""
BOOT_PAUSES_S = (0.5, 1.0, 2.0, 5.0, 15.0, 60.0)
"""Before what did not work is tried again; the last one over and over while nothing works."""


class SpyMethod(StrEnum):
    """How a helper channel brings the audio to the agent."""

    AUDIOSOCKET = "audiosocket"
    EAGI = "eagi"


class TapChoice(StrEnum):
    """Which spies an admin wants."""

    AUTO = "auto"
    """AudioSocket where Asterisk has it, else EAGI."""
    AUDIOSOCKET = "audiosocket"
    EAGI = "eagi"

    @property
    def methods(self) -> tuple[SpyMethod, ...]:
        """The methods to try, best first."""
        return tuple(SpyMethod) if self is TapChoice.AUTO else (SpyMethod(self.value),)


@dataclass(frozen=True, slots=True)
class SpySettings:
    """How legs are spied on."""

    choice: TapChoice = TapChoice.AUTO
    context: str = "earlymedia-spy"
    """Dialplan context of ours, needed for EAGI only."""
    audiosocket_address: str = "127.0.0.1:9092"
    """`host:port` under which Asterisk reaches our AudioSocket server."""


class Spy:
    """Sends helper channels, and knows which kind Asterisk can make."""

    def __init__(
        self,
        settings: SpySettings,
        ami: AmiClient,
        audiosocket: AudioSocketServer,
        listener: CallListener,
    ) -> None:
        """Originate through `ami`; taps and failures go to `listener`."""
        self.settings = settings
        self._ami = ami
        self._audiosocket = audiosocket
        self._listener = listener
        self.methods: tuple[SpyMethod, ...] = settings.choice.methods
        """What works, best first; all that is allowed until `find_out` knows better."""
        self.faults: dict[SpyMethod, str] = {}
        """Why a method does not work, in Asterisk's words."""
        self._taps: dict[str, Tap] = {}
        """The taps of legs that are spied on."""

    async def find_out(self) -> None:
        """Try every method on a helper channel that spies on nothing.

        The account may not ask Asterisk for its modules, so a missing one shows only by trying.
        """
        await self._try_methods()
        self._tell()

    async def try_again(self) -> None:
        """Try again what did not work: Asterisk lets its manager users in before it has loaded its modules.

        Tells only what is new. Returns when all works, or after `BOOT_PAUSES_S` when something does.
        """
        pauses = iter(BOOT_PAUSES_S)
        while self.faults and (pause := next(pauses, None if self.methods else BOOT_PAUSES_S[-1])):
            await asyncio.sleep(pause)
            before = self.methods
            await self._try_methods()
            if self.methods != before:
                self._tell()

    async def _try_methods(self) -> None:
        self.faults = {}
        for method in self.settings.choice.methods:
            stream = uuid4()
            probe = Leg(f"probe-{stream.hex}", "", "", "")
            if method is SpyMethod.AUDIOSOCKET:
                self._audiosocket.expect(stream, lambda tap: tap.close(), kind=TapKind.SPY_AUDIOSOCKET)
            if method is SpyMethod.EAGI and await self._context_is_missing():
                fault = self._without_context("not found")
            else:
                fault = await self._originate(method, probe, stream, application="NoOp", data="")
            if fault:
                self.faults[method] = fault
                self._audiosocket.forget(stream)
        self.methods = tuple(m for m in self.settings.choice.methods if m not in self.faults)

    def _tell(self) -> None:
        for method, fault in self.faults.items():
            level = log.info if self.methods else log.error
            level("a way to listen does not work", method=method.value, reason=fault)
        log.info("ways to listen", methods=[method.value for method in self.methods])

    def attached(self, leg_id: str, tap: Tap) -> None:
        """Hand on the tap of a spy that is there."""
        self._listener.tap_attached(leg_id, tap)
        if not tap.ended:  # else the leg is gone already, or has a better tap
            self._taps[leg_id] = tap

    def forget(self, leg_id: str) -> None:
        """Take note that a leg has ended."""
        self._taps.pop(leg_id, None)

    async def let_go(self, leg: Leg) -> None:
        """End the spy of a leg that is over if the leg has not ended by itself.

        ChanSpy waits for the next frame without end, and where the leg is hung up in the wrong moment there
        is none: it keeps the channel, of which Asterisk then never says that it has ended (Asterisk's issue
        2123, of August 2026).
        """
        await asyncio.sleep(LET_GO_S)
        tap = self._taps.pop(leg.id, None)
        if tap is not None and not tap.ended:
            log.info("the spy had not noticed that its leg is over: it was ended", call=leg.id)
            tap.close()

    async def attach(self, leg: Leg) -> None:
        """Spy on a leg by the first method that works."""
        fault = "no way to listen works, see `earlymedia check`"
        for method in self.methods:
            stream = uuid4()
            if method is SpyMethod.AUDIOSOCKET:
                self._audiosocket.expect(
                    stream,
                    lambda tap: self.attached(leg.id, tap),
                    kind=TapKind.SPY_AUDIOSOCKET,
                )
            said = await self._originate(
                method, leg, stream, application="ChanSpy", data=f"{leg.channel},{SPY_OPTIONS}"
            )
            if not said:
                return
            self._audiosocket.forget(stream)
            fault = f"{method.value}: {said}"
        self._listener.tap_failed(leg.id, fault)

    async def _context_is_missing(self) -> bool:
        """Ask before trying: a Local channel that leads nowhere leaves a call record."""
        question = f"DIALPLAN_EXISTS({self.settings.context},tap,1)"
        try:
            reply = await self._ami.action("Getvar", {"Variable": question})
        except AmiError:
            return False
        return reply.success and reply.headers.get("Value") == "0"

    def _without_context(self, why: str) -> str:
        return (
            f"the dialplan has no context {self.settings.context} ({why}): include extensions_earlymedia.conf"
        )

    async def _originate(
        self, method: SpyMethod, leg: Leg, stream: UUID, *, application: str, data: str
    ) -> str:
        """Send one helper channel; return why it failed, empty when it did not."""
        fields = {
            "Channel": self._channel(method, stream),
            "Application": application,
            "Data": data,
            "ChannelId": f"{TAP_ID_PREFIX}-{leg.id}" + ("" if method is SpyMethod.AUDIOSOCKET else "-local"),
            "Variable": "CDR_PROP(disable)=1",
            "Timeout": "3000",
        }
        if method is SpyMethod.EAGI:
            fields["OtherChannelId"] = f"{OTHER_HALF_PREFIX}{leg.id}"
        try:
            reply = await self._ami.action("Originate", fields, timeout_s=ORIGINATE_TIMEOUT_S)
        except AmiDeniedError:
            return "the AMI account may not originate: give it write=originate in manager.conf"
        except AmiError as error:
            return str(error)
        return "" if reply.success else self._why(method, reply)

    def _channel(self, method: SpyMethod, stream: UUID) -> str:
        if method is SpyMethod.AUDIOSOCKET:
            return f"AudioSocket/{self.settings.audiosocket_address}/{stream}/c(slin)"
        return f"Local/tap@{self.settings.context}/n"

    def _why(self, method: SpyMethod, reply: AmiReply) -> str:
        reason = next((e.headers["Reason"] for e in reply.events if "Reason" in e.headers), "")
        if method is SpyMethod.EAGI:
            return self._without_context(f"reason {reason or 'unknown'}")
        if reason == "0":
            return "Asterisk has no AudioSocket channels: load chan_audiosocket.so"
        return (
            f"Asterisk cannot reach {self.settings.audiosocket_address} (reason {reason or 'unknown'}): "
            "see asterisk.audiosocket in config.yaml"
        )
