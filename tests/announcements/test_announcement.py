"""An announcement's meaning: its own rule over the policy's, key by key."""

import pytest
from pydantic import ValidationError

from agent.announcements.announcement import Announcement
from agent.verdict.policy import PRESETS, Decision, Policy, Preset, Redial

POLICY = Policy.of(PRESETS[Preset.DEFAULT])


def test_a_cause_brings_its_sip_code_and_the_rest_is_the_policy_s() -> None:
    vacant = Announcement(name="vacant", q850_cause=1)
    assert vacant.outcome == "announcement:vacant"
    assert vacant.decide(POLICY) == Decision(404, 1, Redial.LATER, 3600)


def test_no_redial_has_no_time_to_wait() -> None:
    vacant = Announcement(name="vacant", q850_cause=1, redial=Redial.NO)
    assert vacant.decide(POLICY) == Decision(404, 1, Redial.NO, None)


def test_one_that_says_nothing_is_decided_as_any_announcement() -> None:
    assert Announcement(name="welcome").decide(POLICY) == Decision(480, 31, Redial.LATER, 3600)


@pytest.mark.parametrize("name", ["", "Vacant", "va cant", "-x", "a:b", "x" * 65, "a\nb"])
def test_a_name_must_fit_into_an_outcome(name: str) -> None:
    with pytest.raises(ValidationError):
        Announcement(name=name)
