"""Who listens to an adapter in tests, and what the adapter is told to hear."""

from collections.abc import Mapping
from pathlib import Path

from agent.pbx.freeswitch.adapter import FreeSwitchSettings
from agent.pbx.freeswitch.recorder import RecorderSettings, TapChoice
from agent.pbx.port import CarrierFinal, Leg, Signal, Tap
from tests.pbx.freeswitch.scripted_event_socket import ScriptedFreeSwitch, settings


class Ear:
    """A listener that writes down what it is told and keeps the taps."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []
        self.legs: dict[str, Leg] = {}
        self.taps: dict[str, Tap] = {}
        self.failed: dict[str, str] = {}
        self.finals: dict[str, CarrierFinal] = {}

    def leg_began(self, leg: Leg) -> None:
        self.told.append(("began", leg.id))
        self.legs[leg.id] = leg

    def leg_signalled(self, leg_id: str, signal: Signal) -> None:
        self.told.append((signal.value, leg_id))

    def tap_attached(self, leg_id: str, tap: Tap) -> None:
        self.told.append(("tapped", leg_id))
        self.taps[leg_id] = tap

    def tap_failed(self, leg_id: str, reason: str) -> None:
        self.failed[leg_id] = reason

    def leg_answered(self, leg_id: str) -> None:
        self.told.append(("answered", leg_id))
        if tap := self.taps.get(leg_id):
            tap.close()

    def connected(self) -> None: ...

    def leg_ended(self, leg_id: str, final: CarrierFinal, *, writable: bool = False) -> None:
        self.told.append(("ended", leg_id))
        self.finals[leg_id] = final
        if tap := self.taps.get(leg_id):
            tap.close()

    def fields_of(self, channel_id: str) -> Mapping[str, str]:
        return {}

    def settled(self, channel_id: str) -> bool:
        return True


def adapter_settings(
    freeswitch: ScriptedFreeSwitch, folder: Path, choice: TapChoice = TapChoice.AUTO
) -> FreeSwitchSettings:
    return FreeSwitchSettings(
        ("sofia/gateway/carrier*",), settings(freeswitch), RecorderSettings(folder, choice, limit_s=60)
    )
