"""Whose calls are heard, and what follows from what was heard."""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Annotated

from pydantic import Field, NonNegativeInt, field_validator
from pydantic_core import PydanticCustomError

from agent.config.section import OneLine, Section
from agent.hearing.tone_table import world
from agent.verdict.outcome import Outcome, SoundClass
from agent.verdict.policy import Layer, Preset, Redial, Rule
from agent.yaml_file import COMPLAINT


class RuleConfig(Section):
    """The part of a decision that an admin sets; a missing code follows from the other one."""

    sip_code: Annotated[int, Field(ge=100, le=699)] | None = None
    q850_cause: Annotated[int, Field(ge=1, le=127)] | None = None
    redial: Redial | None = None
    redial_after_seconds: NonNegativeInt | None = None

    @field_validator("redial", mode="before")
    @classmethod
    def _spell(cls, value: object) -> object:
        # YAML 1.1 reads a bare yes or no as a truth value.
        return {True: "yes", False: "no"}.get(value, value) if isinstance(value, bool) else value

    @property
    def rule(self) -> Rule:
        """The keys that were given, as the policy wants them."""
        rule = Rule()
        given = self.model_fields_set
        if "sip_code" in given:
            rule["sip_code"] = self.sip_code
        if "q850_cause" in given:
            rule["q850_cause"] = self.q850_cause
        if self.redial is not None:
            rule["redial"] = self.redial
        if "redial_after_seconds" in given:
            rule["redial_after"] = self.redial_after_seconds
        return rule


class RulesConfig(Section):
    """Rules for outcomes and for classes of outcomes."""

    outcomes: Mapping[Outcome, RuleConfig] = {}
    classes: Mapping[SoundClass, RuleConfig] = {}

    @property
    def layer(self) -> Layer:
        """The rules as a layer of the policy."""
        return Layer(
            outcomes={outcome: config.rule for outcome, config in self.outcomes.items()},
            classes={sound: config.rule for sound, config in self.classes.items()},
        )


class PolicyConfig(RulesConfig):
    """The site's policy: a preset and what differs from it."""

    preset: Preset = Preset.DEFAULT


class TrunkConfig(Section):
    """One trunk whose outbound legs are heard."""

    match: OneLine
    """Shell-style pattern on the channel's name: `PJSIP/carrier-*`, `sofia/gateway/carrier`."""
    name: OneLine | None = None
    """Name in journal and report; the pattern without its tail where there is none."""
    country: str | None = None
    """ISO 3166-1 code of the country whose tones the trunk plays."""
    policy: RulesConfig = RulesConfig()
    cut: tuple[Outcome, ...] = ()
    """Outcomes that end a leg early."""
    keep_audio: bool = False
    """Keep this trunk's early media on disk, see `HarvestConfig`."""

    @field_validator("country")
    @classmethod
    def _has_tones(cls, country: str | None) -> str | None:
        if country is not None and country not in world().countries:
            raise PydanticCustomError(
                COMPLAINT,
                "no tones of a country '{country}' are known, write its ISO 3166-1 code or take it out",
                {"country": country},
            )
        return country

    @field_validator("cut")
    @classmethod
    def _only_final_ones(cls, cut: tuple[Outcome, ...]) -> tuple[Outcome, ...]:
        for outcome in cut:
            if not outcome.may_cut:
                raise PydanticCustomError(
                    COMPLAINT, "a call is never ended for '{outcome}', take it out", {"outcome": str(outcome)}
                )
        return cut

    @property
    def title(self) -> str:
        """What to call the trunk."""
        return self.name or self.match.rstrip("*").rstrip("-/") or self.match

    def covers(self, channel: str) -> bool:
        """Tell whether a channel of this name belongs to the trunk."""
        return fnmatchcase(channel, self.match)
