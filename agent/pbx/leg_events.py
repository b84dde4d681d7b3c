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
