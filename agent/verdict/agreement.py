"""The carrier's final SIP code beside the verdict.

A final code is read as a claim about the callee. Codes that carriers send whatever happened
(480, 487, 500, 503, 603 and most others) claim little: audio that says more adds detail.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum, auto

from agent.verdict.outcome import Outcome


class Agreement(StrEnum):
    """How the verdict stands to the carrier's code."""

    AGREES = "agrees"
    CONTRADICTS = "contradicts"
    ADDS_DETAIL = "adds_detail"
    """The code says little, the audio says more."""
    NONE = "none"
    """One of the two says nothing, or both may be true."""


class Claim(Enum):
    """What a final SIP code claims."""

    ANSWERED = auto()
    """2xx."""
    VACANT = auto()
    """The number does not exist: 404, 410, 484, 485, 604."""
    BUSY = auto()
    """486, 600."""
    NO_ANSWER = auto()
    """Nobody answered in time: 408."""
    UNAVAILABLE = auto()
    """480: rang out, switched off or anything else."""
    CONGESTED = auto()
    """The network is at fault: 502, 503, 504."""
    GENERIC = auto()
    """Any other final code."""


_CLAIM_OF = {
    **dict.fromkeys((404, 410, 484, 485, 604), Claim.VACANT),
    **dict.fromkeys((486, 600), Claim.BUSY),
    408: Claim.NO_ANSWER,
    480: Claim.UNAVAILABLE,
    **dict.fromkeys((502, 503, 504), Claim.CONGESTED),
}


@dataclass(frozen=True, slots=True)
class _Stand:
    """Claims by how an outcome stands to them; any claim that is not listed gains detail from it."""

    agrees: frozenset[Claim] = frozenset()
    contradicts: frozenset[Claim] = frozenset()
    silent: frozenset[Claim] = frozenset()
    """Claims that may be as true as the outcome."""


_ALERTED = _Stand(
    agrees=frozenset({Claim.NO_ANSWER, Claim.UNAVAILABLE}),
    contradicts=frozenset({Claim.VACANT, Claim.BUSY}),
    silent=frozenset({Claim.ANSWERED}),
)
_DEAD = _Stand(
    agrees=frozenset({Claim.VACANT}),
    contradicts=frozenset({Claim.BUSY, Claim.NO_ANSWER, Claim.ANSWERED}),
)
_NETWORK = _Stand(
    agrees=frozenset({Claim.CONGESTED}),
    contradicts=frozenset({Claim.VACANT, Claim.BUSY, Claim.NO_ANSWER, Claim.ANSWERED}),
)
# What an unknown announcement says may well be what the code says.
_UNREAD = _Stand(silent=frozenset({Claim.VACANT, Claim.BUSY, Claim.ANSWERED}))

_STAND_OF: Mapping[Outcome, _Stand] = {
    Outcome.RINGING: _ALERTED,
    Outcome.MUSIC: _ALERTED,
    Outcome.BUSY: _Stand(
        agrees=frozenset({Claim.BUSY}),
        contradicts=frozenset({Claim.VACANT, Claim.NO_ANSWER, Claim.ANSWERED}),
    ),
    Outcome.CONGESTION: _NETWORK,
    Outcome.SIT_REORDER: _NETWORK,
    Outcome.SIT_NO_CIRCUIT: _NETWORK,
    Outcome.NUMBER_UNOBTAINABLE: _DEAD,
    Outcome.SIT_INTERCEPT: _DEAD,
    Outcome.SIT_VACANT: _DEAD,
    Outcome.SIT_OTHER: _UNREAD,
    Outcome.ANNOUNCEMENT: _UNREAD,
    Outcome.FAX_OR_MODEM: _Stand(
        contradicts=frozenset({Claim.VACANT, Claim.BUSY, Claim.NO_ANSWER}),
        silent=frozenset({Claim.ANSWERED}),
    ),
    Outcome.DIAL_TONE: _UNREAD,
    Outcome.ANSWERED: _Stand(agrees=frozenset({Claim.ANSWERED})),
}


def claim(sip_code: int) -> Claim:
    """Read a final SIP code (200 to 699)."""
    return Claim.ANSWERED if 200 <= sip_code < 300 else _CLAIM_OF.get(sip_code, Claim.GENERIC)


def agreement(outcome: Outcome, carrier_sip_code: int | None) -> Agreement:
    """Compare an outcome with the carrier's final code, None where the carrier said nothing."""
    stand = _STAND_OF.get(outcome)
    if stand is None or carrier_sip_code is None or carrier_sip_code < 200:
        return Agreement.NONE
    said = claim(carrier_sip_code)
    if said in stand.agrees:
        return Agreement.AGREES
    if said in stand.contradicts:
        return Agreement.CONTRADICTS
    if said in stand.silent:
        return Agreement.NONE
    return Agreement.ADDS_DETAIL
