"""What a dialer is told to do about an outcome: a SIP code, a Q.850 cause, and whether to redial.

A policy is made of rules for classes and rules for single outcomes, in layers (preset, configuration,
trunk). Every key of a rule is looked up by itself: an outcome's own rules outdo those of its class, and
of either kind the later layer wins.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TypedDict

from agent.verdict.causes import asterisk_cause, sip_code
from agent.verdict.outcome import Outcome, SoundClass
from agent.verdict.settle import Verdict


class Redial(StrEnum):
    """Whether to call the number again."""

    YES = "yes"
    NO = "no"
    LATER = "later"


@dataclass(frozen=True, slots=True)
class Decision:
    """What the dialer should make of a call."""

    sip_code: int | None = None
    """SIP status code to treat the call as ended with; None: keep the carrier's."""
    q850_cause: int | None = None
    """Q.850 cause; None: keep the carrier's. Always None beside a provisional SIP code (1xx)."""
    redial: Redial = Redial.LATER
    redial_after: int | None = 3600
    """Seconds to wait before the next call, None where there should be none."""


class Rule(TypedDict, total=False):
    """The part of a `Decision` that a layer sets.

    A rule that gives only one of `sip_code` and `q850_cause` sets the other to match.
    """

    sip_code: int | None
    q850_cause: int | None
    redial: Redial
    redial_after: int | None


@dataclass(frozen=True, slots=True)
class Layer:
    """Rules that belong together: a preset, the configuration's own, a trunk's."""

    outcomes: Mapping[Outcome, Rule] = field(default_factory=dict)
    classes: Mapping[SoundClass, Rule] = field(default_factory=dict)


class Preset(StrEnum):
    """Ready-made policies."""

    DEFAULT = "default"
    """The cause that each outcome means, and the carrier's own where the audio says nothing."""
    THESIS = "thesis"
    """Table 7.1 of Zahiragić 2025: ringing 180, silence 408, speech 403, music 183."""


@dataclass(frozen=True, slots=True)
class Policy:
    """A decision for every outcome."""

    decisions: Mapping[Outcome, Decision]
    cut: frozenset[Outcome] = frozenset()
    """Outcomes that end a leg early."""

    @classmethod
    def of(cls, *layers: Layer, cut: frozenset[Outcome] = frozenset()) -> "Policy":
        """Merge layers, later ones over earlier ones."""
        return cls({outcome: _decision(outcome, layers) for outcome in Outcome}, cut)

    def decide(self, outcome: Outcome, *, attempts_spent: bool = False) -> Decision:
        """Say what to do about an outcome; a number whose attempts are spent is not called again."""
        decision = self.decisions[outcome]
        return replace(decision, redial=Redial.NO, redial_after=None) if attempts_spent else decision

    def cuts(self, verdict: Verdict) -> int | None:
        """Return the Q.850 cause to end the leg with now, None to let it be."""
        if verdict.final and verdict.outcome.may_cut and verdict.outcome in self.cut:
            return self.decisions[verdict.outcome].q850_cause
        return None


def _decision(outcome: Outcome, layers: tuple[Layer, ...]) -> Decision:
    of_class = [layer.classes.get(outcome.sound_class, Rule()) for layer in layers]
    of_outcome = [layer.outcomes.get(outcome, Rule()) for layer in layers]
    decision = Decision()
    for rule in of_class + of_outcome:
        decision = replace(decision, **_completed(rule))
    if decision.sip_code is not None and decision.sip_code < 200:
        decision = replace(decision, q850_cause=None)
    return replace(decision, redial_after=None) if decision.redial is Redial.NO else decision


def _completed(rule: Rule) -> Rule:
    if "sip_code" in rule and "q850_cause" not in rule:
        code = rule["sip_code"]
        return {**rule, "q850_cause": None if code is None else asterisk_cause(code)}
    if "q850_cause" in rule and "sip_code" not in rule:
        cause = rule["q850_cause"]
        return {**rule, "sip_code": None if cause is None else sip_code(cause)}
    return rule


def _rule(sip: int | None, cause: int | None, redial: Redial, after: int | None) -> Rule:
    return Rule(sip_code=sip, q850_cause=cause, redial=redial, redial_after=after)


_SOON, _LATER = 300, 3600

PRESETS: Mapping[Preset, Layer] = {
    Preset.DEFAULT: Layer(
        classes={
            SoundClass.RINGING: _rule(480, 19, Redial.LATER, _LATER),
            SoundClass.MUSIC: _rule(480, 19, Redial.LATER, _LATER),
            SoundClass.SPEECH: _rule(480, 31, Redial.LATER, _LATER),
            SoundClass.SILENCE: _rule(None, None, Redial.LATER, _LATER),
            SoundClass.NONE: _rule(None, None, Redial.LATER, _LATER),
        },
        outcomes={
            Outcome.BUSY: _rule(486, 17, Redial.YES, _SOON),
            Outcome.CONGESTION: _rule(503, 34, Redial.YES, _SOON),
            Outcome.NUMBER_UNOBTAINABLE: _rule(404, 1, Redial.NO, None),
            Outcome.SIT_INTERCEPT: _rule(404, 1, Redial.NO, None),
            Outcome.SIT_VACANT: _rule(404, 1, Redial.NO, None),
            Outcome.SIT_REORDER: _rule(503, 34, Redial.YES, _SOON),
            Outcome.SIT_NO_CIRCUIT: _rule(503, 34, Redial.YES, _SOON),
            Outcome.SIT_OTHER: _rule(480, 31, Redial.LATER, _LATER),
            Outcome.FAX_OR_MODEM: _rule(480, 31, Redial.NO, None),
            Outcome.DIAL_TONE: _rule(480, 31, Redial.LATER, _LATER),
            Outcome.ANSWERED: _rule(None, None, Redial.NO, None),
        },
    ),
    Preset.THESIS: Layer(
        classes={
            SoundClass.RINGING: _rule(180, None, Redial.LATER, _LATER),
            SoundClass.SILENCE: _rule(408, 18, Redial.LATER, _LATER),
            SoundClass.SPEECH: _rule(403, 21, Redial.LATER, _LATER),
            SoundClass.MUSIC: _rule(183, None, Redial.LATER, _LATER),
        },
        outcomes={Outcome.ANSWERED: _rule(None, None, Redial.NO, None)},
    ),
}
