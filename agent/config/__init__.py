"""`config.yaml` as value objects.

Every key carries its unit. `load` reads a file or says in one sentence what is wrong with it, where,
and how to mend it. Secrets are `SecretStr`: they never show in a representation or a log line.
"""

import sysconfig
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator
from pydantic_core import PydanticCustomError

from agent.config.pbx import AsteriskConfig, FreeSwitchConfig
from agent.config.section import OneLine, Port, Section, Share
from agent.config.trunks import PolicyConfig, TrunkConfig
from agent.verdict.policy import PRESETS, Policy
from agent.verdict.settling import Settling
from agent.yaml_file import COMPLAINT, parse_model, read_text
from agent.yaml_file import ConfigError as ConfigError


def share_dir() -> Path:
    """Folder of the data files that come with the agent: the checkout, or `share/earlymedia` of a wheel."""
    checkout = Path(__file__).resolve().parents[2]
    if (checkout / "pyproject.toml").is_file():
        return checkout
    return Path(sysconfig.get_path("data")) / "share" / "earlymedia"


class Mode(StrEnum):
    """What the agent does with a verdict."""

    SHADOW = "shadow"
    """Judge, log and journal; write nothing to any call."""
    ACTIVE = "active"
    """Hand verdicts back to the PBX."""


class ModelConfig(Section):
    """The forest."""

    model_config = ConfigDict(protected_namespaces=())
    path: Path = Field(default_factory=lambda: share_dir() / "models" / "student.joblib")
    candidate_path: Path | None = None
    """A second forest that judges in shadow beside the first; None: there is none."""


class HearingConfig(Section):
    """How audio is read."""

    tick_ms: Annotated[int, Field(ge=10, le=1000)] = 200
    """From one reading of all calls to the next."""
    max_calls_per_batch: Annotated[int, Field(ge=1, le=4096)] = 64
    backlog_seconds: Annotated[float, Field(ge=1.0, le=60.0)] = 8.0
    """Audio kept for a call that falls behind; the oldest beyond it is dropped."""


class SettlingConfig(Section):
    """How evidence settles; see `agent.verdict.settling.Settling`."""

    announcement_seconds: PositiveInt = Settling().announcement_seconds
    announcement_confidence: Share = Settling().announcement_confidence
    tone_confidence: Share = Settling().tone_confidence
    unnamed_tone_confidence: Share = Settling().unnamed_tone_confidence
    tone_abstain_below: Share = Settling().tone_abstain_below
    announcement_margin: Share = Settling().announcement_margin
    novelty: Share = Settling().novelty
    doubt_halves_every_seconds: PositiveFloat = Settling().doubt_halves_every_seconds
    silence_doubt_halves_every_seconds: PositiveFloat = Settling().silence_doubt_halves_every_seconds
    contradiction: Share = Settling().contradiction
    memory_seconds: PositiveFloat = Settling().memory_seconds
    abstain_below: Share = Settling().abstain_below
    no_audio_seconds: PositiveFloat = Settling().no_audio_seconds

    @cached_property
    def settling(self) -> Settling:
        """The settings as the verdict wants them."""
        return Settling(**self.model_dump())


class AttemptsConfig(Section):
    """One budget of calls per number, whatever the reasons."""

    max: PositiveInt = 7
    period_hours: PositiveFloat = 168.0
    file: Path = Path("/var/lib/earlymedia/attempts.sqlite3")


class JournalConfig(Section):
    """One JSON line a call."""

    path: Path = Path("/var/log/earlymedia/calls.jsonl")
    rotate_megabytes: PositiveFloat = 100.0
    keep_files: PositiveInt = 10
    key_file: Path = Path("/var/lib/earlymedia/number.key")
    """Key that numbers are hashed with; made on the first run."""


class HarvestConfig(Section):
    """Where the early media of trunks with `keep_audio` is kept, how much of it and for how long."""

    folder: Path = Path("/var/lib/earlymedia/harvest")
    max_megabytes: PositiveFloat = 1000.0
    max_age_days: PositiveFloat = 30.0


class AnnouncementsConfig(Section):
    """Announcements that are known, and what is gathered of those that are not."""

    file: Path = Path("/var/lib/earlymedia/announcements.sqlite3")
    candidate_after_calls: PositiveInt = 5
    """Calls in which an unknown announcement must be heard to be listed."""
    most_unknown: NonNegativeInt = 2000
    """Unknown announcements remembered at most; the rarest and oldest go first. 0: none is."""
    excerpt_seconds: Annotated[float, Field(ge=0.0, le=60.0)] = 0.0
    """Kept of one call with each, so that it can be named; 0: nothing is kept of what anybody said."""
    most_excerpts: PositiveInt = 200
    forget_after_days: PositiveFloat = 30.0
    """What no call has played for so long is forgotten, with its excerpt."""


class MetricsConfig(Section):
    """Prometheus text over HTTP."""

    enabled: bool = True
    host: OneLine = "127.0.0.1"
    port: Port = 9464


class LogConfig(Section):
    """What the service says about itself."""

    format: Literal["json", "console"] = "json"
    level: Literal["debug", "info", "warning", "error"] = "info"


class Config(Section):
    """The whole of `config.yaml`."""

    pbx: Literal["asterisk", "freeswitch"] = "asterisk"
    mode: Mode = Mode.SHADOW
    trunks: tuple[TrunkConfig, ...] = ()
    asterisk: AsteriskConfig = AsteriskConfig()
    freeswitch: FreeSwitchConfig = FreeSwitchConfig()
    model: ModelConfig = ModelConfig()
    hearing: HearingConfig = HearingConfig()
    settling: SettlingConfig = SettlingConfig()
    policy: PolicyConfig = PolicyConfig()
    attempts: AttemptsConfig = AttemptsConfig()
    journal: JournalConfig = JournalConfig()
    harvest: HarvestConfig = HarvestConfig()
    announcements: AnnouncementsConfig = AnnouncementsConfig()
    metrics: MetricsConfig = MetricsConfig()
    log: LogConfig = LogConfig()

    @model_validator(mode="after")
    def _cuts_have_causes(self) -> Self:
        for number, trunk in enumerate(self.trunks):
            policy = self.policy_of(trunk)
            for outcome in trunk.cut:
                if policy.decisions[outcome].q850_cause is None:
                    raise PydanticCustomError(
                        COMPLAINT,
                        "trunks.{number}.cut: '{outcome}' has no q850_cause to cut with, give it one",
                        {"number": number, "outcome": str(outcome)},
                    )
        return self

    def trunk_of(self, channel: str) -> TrunkConfig | None:
        """First trunk whose pattern the channel's name fits, None where nobody asked to hear it."""
        return next((trunk for trunk in self.trunks if trunk.covers(channel)), None)

    def policy_of(self, trunk: TrunkConfig | None) -> Policy:
        """Policy of a trunk: its own rules over the site's over the preset's."""
        layers = [PRESETS[self.policy.preset], self.policy.layer]
        if trunk is None:
            return Policy.of(*layers)
        return Policy.of(*layers, trunk.policy.layer, cut=frozenset(trunk.cut))


def load(path: Path) -> Config:
    """Read a configuration file.

    Raises:
        ConfigError: it cannot be read, is no YAML, or says something that cannot be.
    """
    return parse(read_text(path), str(path))


def parse(text: str, source: str) -> Config:
    """Read a configuration from YAML text; `source` names it in errors.

    Raises:
        ConfigError: it is no YAML, or says something that cannot be.
    """
    return parse_model(Config, text, source)
