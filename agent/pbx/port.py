"""The port between a PBX and the service: how each sees the other, and nothing more.

A PBX adapter tells a `CallListener` what becomes of its legs and gives it taps to read;
the service tells a `Handback` what to write to the PBX. Neither waits for the other:
every method returns at once, and no method raises for something that a call did.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from agent.hearing.sound import Encoding


@dataclass(frozen=True, slots=True)
class ChannelRef:
    """A channel of the PBX, by its id and by its name."""

    id: str
    """Uniqueid (Asterisk) or uuid (FreeSWITCH)."""
    name: str
    """E.g. `PJSIP/carrier-00000021`."""


@dataclass(frozen=True, slots=True)
class Leg:
    """One outbound leg towards a carrier."""

    id: str
    """Uniqueid (Asterisk) or uuid (FreeSWITCH) of the leg's channel."""
    channel: str
    """Name of the leg's channel, e.g. `PJSIP/carrier-00000021`."""
    trunk: str
    """The channel's technology and endpoint, e.g. `PJSIP/carrier`."""
    number: str
    """The dialled number, empty where the PBX does not tell."""
    dialer: ChannelRef | None = None
    """The leg that dialled this one, None for a call with a single leg."""
    linked_id: str = ""
    """Id that all legs of the call share."""

    @property
    def ref(self) -> ChannelRef:
        """The leg's own channel."""
        return ChannelRef(self.id, self.channel)


class Signal(StrEnum):
    """Provisional signalling of a leg."""

    RINGING = "ringing"
    """180 without a session description."""
    PROGRESS = "progress"
    """Early media was announced: 183, or 180 with a session description."""


class TapKind(StrEnum):
    """How the audio of a leg reaches the agent."""

    EAGI = "eagi"
    AUDIOSOCKET = "audiosocket"
    SPY_AUDIOSOCKET = "spy-audiosocket"
    SPY_EAGI = "spy-eagi"
    RECORD_NATIVE = "record-native"
    """FreeSWITCH records the codec's own bytes into a file that grows."""
    RECORD_LINEAR = "record-linear"
    """FreeSWITCH decodes, and records the samples into a file that grows."""
    UNICAST = "unicast"
    """FreeSWITCH sends the samples of a parked leg in datagrams."""

    @property
    def spies(self) -> bool:
        """Somebody else's leg is listened to; the leg's own application hears from the first sample."""
        return self not in (TapKind.EAGI, TapKind.AUDIOSOCKET)


@dataclass(frozen=True, slots=True)
class CarrierFinal:
    """How the leg ended, in the carrier's own words."""

    sip_code: int | None = None
    """Final SIP status code of the carrier; None where we or the caller ended the leg, or none is known."""
    q850: int | None = None
    """Q.850 cause as the PBX gives it; None or 0 where none is known."""
    seen: bool = True
    """False: the leg ended while the PBX could not be heard, and may have been answered before."""

    @property
    def answered(self) -> bool:
        """The callee answered before the end."""
        return self.sip_code is not None and 200 <= self.sip_code < 300


class Tap(Protocol):
    """A source of one leg's early media, read by every tick without waiting."""

    @property
    def kind(self) -> TapKind:
        """How the audio comes."""

    @property
    def encoding(self) -> Encoding:
        """How the bytes are to be read."""

    @property
    def ended(self) -> bool:
        """Nothing will come any more."""

    def read(self) -> bytes:
        """Return whatever audio has come since the last read, possibly nothing; never block or raise."""

    def close(self) -> None:
        """Let go of the leg; harmless to call twice."""


class CallListener(Protocol):
    """What an adapter tells the service. Ids are `Leg.id`; unknown ids are ignored."""

    def leg_began(self, leg: Leg) -> None:
        """Take note of an outbound leg of a configured trunk that is being dialled."""

    def leg_signalled(self, leg_id: str, signal: Signal) -> None:
        """Take note of the carrier's provisional answer."""

    def tap_attached(self, leg_id: str, tap: Tap) -> None:
        """Listen to a tap; a tap that is no spy replaces a spy of the same leg."""

    def tap_failed(self, leg_id: str, reason: str) -> None:
        """Take note that the leg cannot be heard, and why."""

    def leg_answered(self, leg_id: str) -> None:
        """Take note of the callee's true answer (a SIP 2xx): listening ends here."""

    def leg_ended(self, leg_id: str, final: CarrierFinal, *, writable: bool = False) -> None:
        """Take note that the leg is gone; `writable` says that its channel still takes variables."""

    def connected(self) -> None:
        """Write anew what stands: the PBX was away, and nobody knows what of it has arrived.

        To be called once the legs that ended or were answered meanwhile have been told.
        """

    def fields_of(self, channel_id: str) -> Mapping[str, str]:
        """Return the variables as they stand for a leg, or for the legs that the channel dialled last."""

    def settled(self, channel_id: str) -> bool:
        """Say whether every leg that `fields_of` would speak of has ended or was answered."""


class Handback(Protocol):
    """What the service tells the PBX. Failures are logged, never raised."""

    def write(self, channel: ChannelRef, fields: Mapping[str, str]) -> None:
        """Set channel variables, in the order of the mapping."""

    def announce(self, leg: Leg, fields: Mapping[str, str]) -> None:
        """Send the call's one verdict event."""

    def cut(self, leg: Leg, q850: int) -> None:
        """End the leg early with a cause."""


class Pbx(Handback, Protocol):
    """One PBX as the service runs it: it attaches to legs, and takes what is handed back."""

    name: str
    """E.g. `Asterisk`."""

    @property
    def connected(self) -> bool:
        """The PBX can be told and tells."""

    @property
    def problem(self) -> str:
        """Why it is not connected, in one sentence; empty while it is."""

    def follow(self, trunks: tuple[str, ...]) -> None:
        """Hear the legs whose channel name fits one of these patterns, from the next leg on."""

    async def start(self) -> None:
        """Begin to connect; raises OSError, in one sentence, where something needed cannot be had."""

    async def stop(self) -> None:
        """Let the PBX finish what it was told, then let go of everything."""
