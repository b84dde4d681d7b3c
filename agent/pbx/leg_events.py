"""What becomes of a leg, whichever PBX tells."""

from dataclasses import dataclass

from agent.pbx.port import CarrierFinal, Leg


@dataclass(frozen=True, slots=True)
class LegBegan:
    """A leg of a configured trunk is being dialled."""

    leg: Leg


@dataclass(frozen=True, slots=True)
class LegEnded:
    """The leg is gone."""

    leg: Leg
    final: CarrierFinal


def final_of(sip_code: str, q850: str) -> CarrierFinal:
    """Read the codes that a PBX gives for a leg; what is no final code, or no cause, says nothing."""
    return CarrierFinal(number_in(sip_code, 200, 699), number_in(q850, 1, 127))


def number_in(text: str, least: int, most: int) -> int | None:
    """Read a number of at most three digits; None where it is none, or beyond its bounds."""
    good = text.isascii() and text.isdecimal() and len(text) <= 3 and least <= int(text) <= most
    return int(text) if good else None
