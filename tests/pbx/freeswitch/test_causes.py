"""Causes by FreeSWITCH's names."""

import pytest

from agent.pbx.freeswitch.causes import FREESWITCH_NAMES, UNKNOWN_CAUSE, freeswitch_name
from agent.verdict.causes import CAUSE_NAMES
from agent.verdict.policy import PRESETS, Policy, Preset


@pytest.mark.parametrize(
    ("q850", "name"),
    [(1, "UNALLOCATED_NUMBER"), (17, "USER_BUSY"), (34, "NORMAL_CIRCUIT_CONGESTION"), (5, UNKNOWN_CAUSE)],
)
def test_a_cause_is_killed_with_by_a_name_that_freeswitch_knows(q850: int, name: str) -> None:
    assert freeswitch_name(q850) == name


def test_what_has_no_name_there_says_that_nothing_is_known() -> None:
    assert UNKNOWN_CAUSE in FREESWITCH_NAMES.values()
    assert CAUSE_NAMES[31] == "normal, unspecified"
    assert FREESWITCH_NAMES[31] == UNKNOWN_CAUSE


@pytest.mark.parametrize("preset", Preset)
def test_every_cause_that_a_preset_decides_has_a_name(preset: Preset) -> None:
    decided = {decision.q850_cause for decision in Policy.of(PRESETS[preset]).decisions.values()} - {None}
    assert decided
    assert decided <= FREESWITCH_NAMES.keys()
