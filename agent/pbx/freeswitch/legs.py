"""Outbound legs, followed through FreeSWITCH's events: headers in, what became of a leg out.

Which event says what was tried on FreeSWITCH 1.10.12:

- `CHANNEL_ORIGINATE` of an outbound channel begins a leg: gateway, number and the leg that dials are known.
- `CHANNEL_PROGRESS` is a 180, `CHANNEL_PROGRESS_MEDIA` a 183 (or a 180) with a session description.
- `CHANNEL_ANSWER` alone is the answer: `CHANNEL_BRIDGE` and the end of `originate` come with early media too.
- `CHANNEL_HANGUP_COMPLETE` ends the leg. `sip_term_status` is the carrier's final code; where we or the
  caller ended the leg, `sip_hangup_disposition` begins with `send_`. What the dialling leg says of it
  (`originate_failed_cause`) is empty after early media, whatever the carrier said.
- The data of a channel (`uuid_dump`) say how far a leg is that was dialled before we came.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from agent.pbx.freeswitch.protocol import Event, Headers
from agent.pbx.leg_events import LegBegan, LegEnded, final_of
from agent.pbx.port import CarrierFinal, ChannelRef, Leg, Signal

EVENTS = (
    "CHANNEL_ORIGINATE",
    "CHANNEL_PROGRESS",
    "CHANNEL_PROGRESS_MEDIA",
    "CHANNEL_ANSWER",
    "CHANNEL_HANGUP_COMPLETE",
)
"""The events that the book reads."""
PARK_EVENTS = ("CHANNEL_PARK", "CHANNEL_UNPARK")
"""The events that it reads where parked legs are to be told from others."""

PASSED_BY = ("proxy_media", "bypass_media")
"""Variables by which the media of a leg passes FreeSWITCH by; true on either leg."""
RUN_BY_RECORDINGS = ("execute_on_record_", "api_on_record_", "record_post_process_exec_")
"""How variables begin that run something of the PBX's at every recording of a leg, and so at ours."""
UUID = re.compile(r"[\w.:@+-]{1,128}", re.ASCII)
"""An id that can stand in a command as it is: `origination_uuid` may be anything."""

_TRUE = ("true", "yes", "on", "1", "enabled", "active", "allow")


@dataclass(frozen=True, slots=True)
class LegSignalled:
    """The carrier sent a provisional answer."""

    leg: Leg
    signal: Signal
    hindrance: str = ""
    """Why the leg must not be recorded, empty where it may be."""


@dataclass(frozen=True, slots=True)
class LegParked:
    """The leg executes `park`, or does so no more."""

    leg: Leg
    parked: bool


@dataclass(frozen=True, slots=True)
class LegAnswered:
    """The callee answered."""

    leg: Leg


LegEvent = LegBegan | LegSignalled | LegParked | LegAnswered | LegEnded


class LegBook:
    """All outbound legs of the configured trunks that live now."""

    def __init__(self, trunks: Iterable[str]) -> None:
        """Follow the legs whose trunk matches one of the patterns, e.g. `sofia/gateway/carrier`."""
        self.trunks = tuple(trunks)
        self._legs: dict[str, Leg] = {}
        self._answered: set[str] = set()
        self._parked: set[str] = set()

    def __len__(self) -> int:
        return len(self._legs)

    def all(self) -> tuple[Leg, ...]:
        """Return every leg that lives now."""
        return tuple(self._legs.values())

    def lives(self, leg_id: str) -> bool:
        """Say whether a leg is followed and has not ended."""
        return leg_id in self._legs

    def unanswered(self, leg_id: str) -> bool:
        """Say whether a leg lives and has not been answered."""
        return leg_id in self._legs and leg_id not in self._answered

    def parked(self, leg_id: str) -> bool:
        """Say whether a leg executes `park`, as far as `PARK_EVENTS` told."""
        return leg_id in self._parked

    def take(self, event: Event) -> tuple[LegEvent, ...]:
        """Take one event, or the data of a channel, and return what it says of our legs, in order."""
        headers = event.headers
        match event.name:
            case "CHANNEL_ORIGINATE":
                return self._begin(headers)
            case "CHANNEL_PROGRESS":
                return self._signal(headers, Signal.RINGING)
            case "CHANNEL_PROGRESS_MEDIA":
                return self._signal(headers, Signal.PROGRESS)
            case "CHANNEL_PARK" | "CHANNEL_UNPARK":
                return self._park(headers, parked=event.name == "CHANNEL_PARK")
            case "CHANNEL_ANSWER":
                return self._answer(headers)
            case "CHANNEL_HANGUP_COMPLETE":
                return self._end(headers)
            case "CHANNEL_DATA":
                return self._catch_up(headers)
        return ()

    def drop(self, leg_ids: Iterable[str]) -> tuple[LegEvent, ...]:
        """Drop legs whose end was never told (found missing after a lost connection)."""
        gone = sorted(self._legs.keys() & set(leg_ids))
        return tuple(LegEnded(self._forget(leg_id), CarrierFinal(seen=False)) for leg_id in gone)

    def _begin(self, headers: Headers) -> tuple[LegEvent, ...]:
        leg_id, trunk = headers.get("Unique-ID", ""), trunk_of(headers)
        if (
            leg_id in self._legs
            or headers.get("Call-Direction") != "outbound"
            or not UUID.fullmatch(leg_id)
            or not any(fnmatchcase(trunk, pattern) for pattern in self.trunks)
        ):
            return ()
        leg = Leg(
            id=leg_id,
            channel=trunk,  # the channel's own name holds the number, which no log may show
            trunk=trunk,
            number=headers.get("Caller-Destination-Number", ""),
            dialer=_dialer(headers),
            linked_id=headers.get("Channel-Call-UUID", leg_id),
        )
        self._legs[leg_id] = leg
        return (LegBegan(leg),)

    def _signal(self, headers: Headers, signal: Signal) -> tuple[LegEvent, ...]:
        began = self._begin(headers)
        leg = self._legs.get(headers.get("Unique-ID", ""))
        if leg is None or leg.id in self._answered:
            return began
        return (*began, LegSignalled(leg, signal, hindrance(headers)))

    def _park(self, headers: Headers, *, parked: bool) -> tuple[LegEvent, ...]:
        leg = self._legs.get(headers.get("Unique-ID", ""))
        if leg is None:
            return ()
        (self._parked.add if parked else self._parked.discard)(leg.id)
        return (LegParked(leg, parked),)

    def _answer(self, headers: Headers) -> tuple[LegEvent, ...]:
        leg = self._legs.get(headers.get("Unique-ID", ""))
        if leg is None or leg.id in self._answered:
            return ()
        self._answered.add(leg.id)
        return (LegAnswered(leg),)

    def _end(self, headers: Headers) -> tuple[LegEvent, ...]:
        leg_id = headers.get("Unique-ID", "")
        return (LegEnded(self._forget(leg_id), carrier_final(headers)),) if leg_id in self._legs else ()

    def _forget(self, leg_id: str) -> Leg:
        self._answered.discard(leg_id)
        self._parked.discard(leg_id)
        return self._legs.pop(leg_id)

    def _catch_up(self, headers: Headers) -> tuple[LegEvent, ...]:
        match headers.get("Answer-State"):
            case "early":
                return self._signal(headers, Signal.PROGRESS)
            case "ringing":
                return self._begin(headers)
            case "answered":
                return self._answer(headers)
        return ()


def is_true(value: str) -> bool:
    """Say whether FreeSWITCH takes a value for true (switch_true)."""
    return value.lower() in _TRUE


def hindrance(headers: Headers) -> str:
    """Say why the leg with these variables must not be recorded, in one clause; empty where it may be."""
    for variable in PASSED_BY:
        if is_true(headers.get(f"variable_{variable}", "")):
            return f"{variable}=true keeps the audio from FreeSWITCH: unset it for this trunk"
    if is_true(headers.get("variable_media_bug_answer_req", "")):
        return "media_bug_answer_req=true lets nobody listen before the answer: unset it for this trunk"
    for name in headers:
        if name.removeprefix("variable_").startswith(RUN_BY_RECORDINGS):
            variable = name.removeprefix("variable_")
            return f"{variable} would run for the agent's recording too: set it after the answer"
    return ""


def trunk_of(headers: Headers) -> str:
    """Return the trunk of an outbound channel.

    `sofia/gateway/<gateway>` where it goes through a gateway, else what the channel's name says before the
    number: `sofia/external/0123@10.0.0.1` is of the trunk `sofia/external`.
    """
    if gateway := headers.get("variable_sip_gateway_name"):
        return f"sofia/gateway/{gateway}"
    name = headers.get("Channel-Name", "")
    return "/".join(name.split("/")[:2]) if name.count("/") > 1 else name.partition("/")[0]


def carrier_final(headers: Headers) -> CarrierFinal:
    """Read CHANNEL_HANGUP_COMPLETE of an outbound leg: the carrier's final SIP code and the Q.850 cause."""
    q850 = headers.get("variable_hangup_cause_q850", "")
    if headers.get("variable_sip_hangup_disposition", "").startswith("send_"):
        return final_of("", q850)
    said = headers.get("variable_sip_term_status") or headers.get(
        "variable_proto_specific_hangup_cause", ""
    ).removeprefix("sip:")
    return final_of(said, q850)


def _dialer(headers: Headers) -> ChannelRef | None:
    uuid = headers.get("Other-Leg-Unique-ID", "")
    if headers.get("Other-Type") != "originator" or not UUID.fullmatch(uuid):
        return None
    return ChannelRef(uuid, trunk_of({"Channel-Name": headers.get("Other-Leg-Channel-Name", "")}))
