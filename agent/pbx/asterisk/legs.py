"""Outbound legs, correlated from AMI events: headers in, what became of a leg out.

Which event says what was tried on Asterisk 16 and 22:

- `DialBegin` names the leg (`Dest…`), who dials it (`Channel`, absent for an Originate) and the number
  (`DialString`: `number@endpoint`).
- `DialState` is the only event that shows early media: `PROGRESS` at a 183 (or a 180 with a session
  description), `RINGING` at a 180.
- `Newstate` Up and `DialEnd` ANSWER only *may* mean the answer: with `EarlyMedia: true` Asterisk announces
  both at the 183. Who wants to know asks for `HANGUPCAUSE(channel,tech)`.
- `HangupRequest` comes when the carrier refuses or hangs up, before the leg's own dialplan runs `h`.
- `Hangup` ends the leg; `TechCause` (Asterisk 22) is the last SIP status code that the carrier sent. Where no
  `HangupRequest` came before, the caller or we ended the leg, and Asterisk made the code up from the cause.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from agent.pbx.leg_events import LegBegan, LegEnded, final_of, number_in
from agent.pbx.port import CarrierFinal, ChannelRef, Leg, Signal

TAP_ID_PREFIX = "emtap"
"""Ids of our own helper channels begin so; dialers may filter by it."""

_UP = "6"
_FAILED = frozenset({"BUSY", "CANCEL", "CHANUNAVAIL", "CONGESTION", "NOANSWER"})
"""`DialStatus` of a dialled leg that is not answered and never will be."""


@dataclass(frozen=True, slots=True)
class LegSignalled:
    """The carrier sent a provisional answer."""

    leg: Leg
    signal: Signal


@dataclass(frozen=True, slots=True)
class LegMaybeAnswered:
    """Asterisk says that the leg is up, which may be true."""

    leg: Leg


@dataclass(frozen=True, slots=True)
class LegHungUp:
    """The carrier ended the leg; its channel still lives for a moment."""

    leg: Leg
    final: CarrierFinal


@dataclass(frozen=True, slots=True)
class LegFailed:
    """Whoever dialled the leg is done with it, unanswered; its channel still lives for a moment."""

    leg: Leg


LegEvent = LegBegan | LegSignalled | LegMaybeAnswered | LegHungUp | LegFailed | LegEnded


class LegBook:
    """All outbound legs of the configured trunks that live now."""

    def __init__(self, trunks: Iterable[str]) -> None:
        """Follow the legs whose channel name matches one of the patterns (`PJSIP/carrier-*`)."""
        self.trunks = tuple(trunks)
        self._legs: dict[str, Leg] = {}
        self._hung_up: set[str] = set()
        """Legs that the carrier ended."""

    def __len__(self) -> int:
        return len(self._legs)

    def get(self, leg_id: str) -> Leg | None:
        """Return the leg with this Uniqueid, None when it is not followed."""
        return self._legs.get(leg_id)

    def all(self) -> tuple[Leg, ...]:
        """Return every leg that lives now."""
        return tuple(self._legs.values())

    def matches(self, channel: str) -> bool:
        """Say whether a channel belongs to one of the trunks."""
        return any(fnmatchcase(channel, pattern) for pattern in self.trunks)

    def take(self, name: str, headers: Mapping[str, str]) -> tuple[LegEvent, ...]:
        """Take one AMI event and return what it says of our legs, in order."""
        match name:
            case "DialBegin":
                return self._begin(headers)
            case "DialState":
                return self._state(headers)
            case "Newstate" if headers.get("ChannelState") == _UP:
                return self._tell(LegMaybeAnswered, headers.get("Uniqueid", ""))
            case "DialEnd" if headers.get("DialStatus") == "ANSWER":
                return self._tell(LegMaybeAnswered, headers.get("DestUniqueid", ""))
            case "DialEnd" if headers.get("DialStatus") in _FAILED:
                return self._tell(LegFailed, headers.get("DestUniqueid", ""))
            case "HangupRequest":
                return self._hangs_up(headers)
            case "Hangup":
                return self._end(headers)
        return ()

    def adopt(self, channel: ChannelRef, number: str, linked_id: str = "") -> tuple[LegEvent, ...]:
        """Follow a leg that came to us by itself (its own EAGI) before or without its `DialBegin`."""
        if channel.id in self._legs or not self.matches(channel.name):
            return ()
        leg = Leg(channel.id, channel.name, trunk_of(channel.name), number, linked_id=linked_id)
        self._legs[leg.id] = leg
        return (LegBegan(leg),)

    def catch_up(self, channels: Iterable[Mapping[str, str]]) -> tuple[LegEvent, ...]:
        """Take the list of all channels (`Status`) after a lost connection: who is gone, who is up."""
        states = {headers.get("Uniqueid", ""): headers.get("ChannelState", "") for headers in channels}
        up = [leg_id for leg_id, state in states.items() if state == _UP]
        answered = (event for leg_id in up for event in self._tell(LegMaybeAnswered, leg_id))
        return (*self._keep_only(states), *answered)

    def _keep_only(self, living: Iterable[str]) -> tuple[LegEvent, ...]:
        gone = self._legs.keys() - set(living)
        self._hung_up -= gone
        return tuple(LegEnded(self._legs.pop(leg_id), CarrierFinal(seen=False)) for leg_id in sorted(gone))

    def _begin(self, headers: Mapping[str, str]) -> tuple[LegEvent, ...]:
        channel, leg_id = headers.get("DestChannel", ""), headers.get("DestUniqueid", "")
        if (
            not leg_id
            or leg_id in self._legs
            or leg_id.startswith(TAP_ID_PREFIX)
            or not self.matches(channel)
        ):
            return ()
        dialer = (
            ChannelRef(headers["Uniqueid"], headers.get("Channel", "")) if headers.get("Uniqueid") else None
        )
        leg = Leg(
            id=leg_id,
            channel=channel,
            trunk=trunk_of(channel),
            number=number_of(headers.get("DialString", "")),
            dialer=dialer,
            linked_id=headers.get("DestLinkedid", ""),
        )
        self._legs[leg_id] = leg
        return (LegBegan(leg),)

    def _state(self, headers: Mapping[str, str]) -> tuple[LegEvent, ...]:
        signal = {"PROGRESS": Signal.PROGRESS, "RINGING": Signal.RINGING}.get(headers.get("DialStatus", ""))
        if signal is None:
            return ()
        began = self._begin(headers)  # a call older than this connection: its DialBegin was never seen
        leg = self._legs.get(headers.get("DestUniqueid", ""))
        return (*began, LegSignalled(leg, signal)) if leg else ()

    def _hangs_up(self, headers: Mapping[str, str]) -> tuple[LegEvent, ...]:
        leg = self._legs.get(headers.get("Uniqueid", ""))
        if leg is None:
            return ()
        self._hung_up.add(leg.id)
        return (LegHungUp(leg, carrier_final(headers)),)

    def _end(self, headers: Mapping[str, str]) -> tuple[LegEvent, ...]:
        leg = self._legs.pop(headers.get("Uniqueid", ""), None)
        if leg is None:
            return ()
        final = carrier_final(headers)
        if leg.id not in self._hung_up:
            final = CarrierFinal(None, final.q850)
        self._hung_up.discard(leg.id)
        return (LegEnded(leg, final),)

    def _tell(self, event: Callable[[Leg], LegEvent], leg_id: str) -> tuple[LegEvent, ...]:
        leg = self._legs.get(leg_id)
        return (event(leg),) if leg else ()


def trunk_of(channel: str) -> str:
    """Return technology and endpoint of a channel name: `PJSIP/carrier-00000021` is `PJSIP/carrier`."""
    return channel.rpartition("-")[0] or channel


def number_of(dial_string: str) -> str:
    """Return the number in a dial string.

    `0123@carrier` (chan_pjsip), `carrier/sip:0123@host` and `carrier/0123` all say `0123`.
    """
    _, _, after_endpoint = dial_string.rpartition("/")
    return after_endpoint.removeprefix("sips:").removeprefix("sip:").partition("@")[0]


def carrier_final(headers: Mapping[str, str]) -> CarrierFinal:
    """Read Hangup or HangupRequest: the carrier's final SIP code where Asterisk tells it, and Q.850 cause."""
    return final_of(headers.get("TechCause", ""), headers.get("Cause", ""))


def code_question(channel: str) -> str:
    """Return the variable that tells the latest SIP code of a channel's leg, for `sip_code_of`."""
    return f"HANGUPCAUSE({channel},tech)"


def sip_code_of(tech: str) -> int | None:
    """Read what `code_question` is answered: `SIP 486 Busy Here` is 486; None where it says nothing."""
    words = tech.split()
    return number_in(words[1], 100, 699) if len(words) >= 2 and words[0] == "SIP" else None
