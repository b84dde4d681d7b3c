"""What a dialer is told to do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.verdict.outcome import Outcome, SoundClass
from agent.verdict.policy import PRESETS, Decision, Layer, Policy, Preset, Redial, Rule
from agent.verdict.settle import Verdict

DEFAULT = Policy.of(PRESETS[Preset.DEFAULT])
THESIS = Policy.of(PRESETS[Preset.THESIS])


def verdict(outcome: Outcome, *, final: bool = True) -> Verdict:
    return Verdict(outcome, 0.9, final, 3.0 if final else None, "")


@pytest.mark.parametrize(
    ("outcome", "code", "cause"),
    [
        (Outcome.RINGING, 180, None),
        (Outcome.SILENCE, 408, 18),
        (Outcome.ANNOUNCEMENT, 403, 21),
        (Outcome.MUSIC, 183, None),
    ],
)
def test_the_thesis_preset_is_its_table(outcome: Outcome, code: int, cause: int | None) -> None:
    decision = THESIS.decide(outcome)
    assert (decision.sip_code, decision.q850_cause) == (code, cause)


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (Outcome.RINGING, (480, 19, Redial.LATER)),
        (Outcome.MUSIC, (480, 19, Redial.LATER)),
        (Outcome.ANNOUNCEMENT, (480, 31, Redial.LATER)),
        (Outcome.BUSY, (486, 17, Redial.YES)),
        (Outcome.CONGESTION, (503, 34, Redial.YES)),
        (Outcome.SIT_VACANT, (404, 1, Redial.NO)),
        (Outcome.SIT_REORDER, (503, 34, Redial.YES)),
        (Outcome.SILENCE, (None, None, Redial.LATER)),
        (Outcome.NO_AUDIO, (None, None, Redial.LATER)),
        (Outcome.UNKNOWN, (None, None, Redial.LATER)),
        (Outcome.ANSWERED, (None, None, Redial.NO)),
    ],
)
def test_the_default_preset_says_what_each_outcome_means(
    outcome: Outcome, expected: tuple[int | None, int | None, Redial]
) -> None:
    decision = DEFAULT.decide(outcome)
    assert (decision.sip_code, decision.q850_cause, decision.redial) == expected


@pytest.mark.parametrize("preset", list(Preset))
@pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if outcome.stays_open])
def test_a_call_that_may_still_ring_is_never_given_up(preset: Preset, outcome: Outcome) -> None:
    assert Policy.of(PRESETS[preset]).decide(outcome).redial is not Redial.NO


def test_spent_attempts_end_the_redialling_and_nothing_else() -> None:
    assert DEFAULT.decide(Outcome.BUSY, attempts_spent=True) == Decision(486, 17, Redial.NO, None)


def test_a_trunk_goes_over_the_site_and_the_site_over_the_preset() -> None:
    site = Layer(outcomes={Outcome.BUSY: Rule(redial=Redial.LATER, redial_after=60)})
    trunk = Layer(outcomes={Outcome.BUSY: Rule(redial_after=10)})
    policy = Policy.of(PRESETS[Preset.DEFAULT], site, trunk)
    assert policy.decide(Outcome.BUSY) == Decision(486, 17, Redial.LATER, 10)


def test_an_outcome_goes_over_its_class_key_by_key() -> None:
    layer = Layer(
        classes={SoundClass.SPEECH: Rule(sip_code=404, q850_cause=1, redial=Redial.NO)},
        outcomes={Outcome.ANNOUNCEMENT: Rule(redial=Redial.LATER, redial_after=5)},
    )
    assert Policy.of(layer).decide(Outcome.ANNOUNCEMENT) == Decision(404, 1, Redial.LATER, 5)


def test_a_class_reaches_the_outcomes_that_have_no_rule_of_their_own() -> None:
    policy = Policy.of(
        PRESETS[Preset.DEFAULT], Layer(classes={SoundClass.RINGING: Rule(sip_code=408, q850_cause=18)})
    )
    assert policy.decide(Outcome.RINGING).sip_code == 408
    assert policy.decide(Outcome.BUSY).sip_code == 486


def test_the_code_that_is_not_given_follows_from_the_other() -> None:
    def announcement(rule: Rule) -> tuple[int | None, int | None]:
        policy = Policy.of(PRESETS[Preset.DEFAULT], Layer(outcomes={Outcome.ANNOUNCEMENT: rule}))
        decision = policy.decide(Outcome.ANNOUNCEMENT)
        return decision.sip_code, decision.q850_cause

    assert announcement(Rule(sip_code=404)) == (404, 1)
    assert announcement(Rule(q850_cause=17)) == (486, 17)
    assert announcement(Rule(sip_code=None)) == (None, None)
    assert announcement(Rule(sip_code=183)) == (183, None)


def test_a_final_verdict_may_cut_where_the_admin_says_so() -> None:
    policy = Policy.of(PRESETS[Preset.DEFAULT], cut=frozenset({Outcome.ANNOUNCEMENT}))
    assert policy.cuts(verdict(Outcome.ANNOUNCEMENT)) == 31
    assert policy.cuts(verdict(Outcome.ANNOUNCEMENT, final=False)) is None
    assert policy.cuts(verdict(Outcome.BUSY)) is None
    assert DEFAULT.cuts(verdict(Outcome.ANNOUNCEMENT)) is None


@given(st.sampled_from(Outcome), st.booleans())
def test_nothing_ringing_is_ever_cut_whatever_the_policy_holds(outcome: Outcome, final: bool) -> None:
    reckless = Policy.of(PRESETS[Preset.DEFAULT], cut=frozenset(Outcome))
    if reckless.cuts(verdict(outcome, final=final)) is not None:
        assert final
        assert outcome.may_cut


rules = st.fixed_dictionaries(
    {},
    optional={
        "sip_code": st.none() | st.integers(100, 699),
        "q850_cause": st.none() | st.integers(1, 127),
        "redial": st.sampled_from(Redial),
        "redial_after": st.none() | st.integers(0, 10**6),
    },
)


@given(st.dictionaries(st.sampled_from(Outcome), rules), st.dictionaries(st.sampled_from(SoundClass), rules))
def test_whatever_an_admin_writes_no_provisional_code_has_a_cause(
    outcomes: dict[Outcome, Rule], classes: dict[SoundClass, Rule]
) -> None:
    policy = Policy.of(PRESETS[Preset.DEFAULT], Layer(outcomes, classes))
    for outcome in Outcome:
        decision = policy.decide(outcome)
        if decision.sip_code is not None and decision.sip_code < 200:
            assert decision.q850_cause is None
        if decision.redial is Redial.NO:
            assert decision.redial_after is None
