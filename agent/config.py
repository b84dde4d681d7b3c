"""`config.yaml` as value objects.

Every key carries its unit. `load` reads a file or says in one sentence what is wrong with it, where,
and how to mend it. Secrets are `SecretStr`: they never show in a representation or a log line.
"""

import re
import sysconfig
from collections.abc import Mapping
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    SecretStr,
    StringConstraints,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from agent.hearing.tone_table import world
from agent.verdict.outcome import Outcome, SoundClass
from agent.verdict.policy import PRESETS, Layer, Policy, Preset, Redial, Rule
from agent.verdict.settling import Settling
from agent.yaml_file import COMPLAINT, parse_model, read_text, reason
from agent.yaml_file import ConfigError as ConfigError

Port = Annotated[int, Field(ge=1, le=65535)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]
Text = Annotated[str, StringConstraints(min_length=1)]


def _one_line(text: str) -> str:
    if "\r" in text or "\n" in text:
        raise PydanticCustomError(COMPLAINT, "it should be one line, take the line break out")
    return text


OneLine = Annotated[str, StringConstraints(min_length=1), AfterValidator(_one_line)]


def share_dir() -> Path:
    """Folder of the data files that come with the agent: the checkout, or `share/earlymedia` of a wheel."""
    checkout = Path(__file__).resolve().parent.parent
    if (checkout / "pyproject.toml").is_file():
        return checkout
    return Path(sysconfig.get_path("data")) / "share" / "earlymedia"


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, allow_inf_nan=False)


class Mode(StrEnum):
    """What the agent does with a verdict."""

    SHADOW = "shadow"
    """Judge, log and journal; write nothing to any call."""
    ACTIVE = "active"
    """Hand verdicts back to the PBX."""


class RuleConfig(_Section):
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


class RulesConfig(_Section):
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


class TrunkConfig(_Section):
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


class AudioSocketConfig(_Section):
    """Where Asterisk delivers audio by AudioSocket."""

    host: OneLine = "127.0.0.1"
    port: Port = 9092
    max_connections: PositiveInt = 1000
    token: SecretStr | None = None
    """Secret of legs that bring their own AudioSocket: the dialplan's `EARLYMEDIA_TOKEN`."""
    handshake_timeout_seconds: PositiveFloat = 1.5
    allow_remote: bool = False
    """Listen beyond loopback, for an Asterisk on another machine: in the clear, to all who reach it."""


class AsteriskConfig(_Section):
    """How to reach Asterisk's manager interface, and how to hear its calls."""

    host: OneLine = "127.0.0.1"
    port: Port = 5038
    username: OneLine = "earlymedia"
    secret: SecretStr | None = None
    secret_file: Path | None = None
    """File that holds the secret, instead of `secret`."""
    tls: bool = False
    tls_ca_file: Path | None = None
    """Certificates to trust; None: the system's."""
    ping_interval_seconds: PositiveFloat = 2.0
    ping_timeout_seconds: PositiveFloat = 5.0
    tap: Literal["auto", "audiosocket", "eagi"] = "auto"
    audiosocket: AudioSocketConfig = AudioSocketConfig()
    socket_path: Path = Path("/run/earlymedia/agent.sock")
    """Where the EAGI shim and the sync point find the agent."""
    socket_group: Text | None = None
    """Group that may use the socket: the PBX's; None: the agent's own."""
    spy_context: OneLine = "earlymedia-spy"
    """Dialplan context that taps where AudioSocket is missing."""

    @model_validator(mode="after")
    def _one_secret(self) -> Self:
        if self.secret is not None and self.secret_file is not None:
            raise PydanticCustomError(COMPLAINT, "give either secret or secret_file, not both")
        return self

    def read_secret(self) -> str:
        """Return the AMI secret, read from its file where it has one.

        Raises:
            ConfigError: there is none, or its file cannot be read.
        """
        return _secret("asterisk.secret", "AMI password", self.secret, self.secret_file)


class FreeSwitchConfig(_Section):
    """How to reach FreeSWITCH's event socket, and how to hear its calls."""

    host: OneLine = "127.0.0.1"
    port: Port = 8021
    password: SecretStr | None = None
    password_file: Path | None = None
    """File that holds the password, instead of `password`."""
    ping_interval_seconds: PositiveFloat = 2.0
    ping_timeout_seconds: PositiveFloat = 5.0
    tap: Literal["auto", "native", "linear"] = "auto"
    tap_folder: Path = Path("/dev/shm/earlymedia")  # noqa: S108  a folder of its own there, not the shared one
    """Folder on tmpfs that FreeSWITCH and the agent both write to."""
    record_limit_seconds: PositiveInt = 300
    """FreeSWITCH ends a recording after this time, whatever became of the agent."""
    unicast_ports: str | None = None
    """`first-last`: ports that FreeSWITCH may send the audio of parked legs from; None: it does not."""

    @model_validator(mode="after")
    def _one_password(self) -> Self:
        if self.password is not None and self.password_file is not None:
            raise PydanticCustomError(COMPLAINT, "give either password or password_file, not both")
        return self

    @field_validator("unicast_ports")
    @classmethod
    def _in_order(cls, ports: str | None) -> str | None:
        if ports is not None:
            written = re.fullmatch(r"(\d{4,5})-(\d{4,5})", ports, re.ASCII)
            if written is None or not 1024 <= int(written[1]) <= int(written[2]) <= 65535:
                raise PydanticCustomError(
                    COMPLAINT, "give two ports from 1024 to 65535, the lower one first: '28100-28599'"
                )
        return ports

    @property
    def unicast_range(self) -> range:
        """The ports of `unicast_ports`."""
        if self.unicast_ports is None:
            return range(0)
        first, last = map(int, self.unicast_ports.split("-"))
        return range(first, last + 1)

    def read_password(self) -> str:
        """Return the event socket's password, read from its file where it has one.

        Raises:
            ConfigError: there is none, or its file cannot be read.
        """
        return _secret("freeswitch.password", "event socket's password", self.password, self.password_file)


def _secret(key: str, what: str, given: SecretStr | None, file: Path | None) -> str:
    if given is not None:
        return given.get_secret_value()
    if file is None:
        raise ConfigError(f"{key} is missing: give the {what} there or in {key}_file.")
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{key}_file: {file} cannot be read ({reason(error)}): "
            "give the agent's user the right to read it."
        ) from error


class ModelConfig(_Section):
    """The forest."""

    model_config = ConfigDict(protected_namespaces=())
    path: Path = Field(default_factory=lambda: share_dir() / "models" / "student.joblib")
    candidate_path: Path | None = None
    """A second forest that judges in shadow beside the first; None: there is none."""


class HearingConfig(_Section):
    """How audio is read."""

    tick_ms: Annotated[int, Field(ge=10, le=1000)] = 100
    max_calls_per_batch: Annotated[int, Field(ge=1, le=4096)] = 64
    backlog_seconds: Annotated[float, Field(ge=1.0, le=60.0)] = 8.0
    """Audio kept for a call that falls behind; the oldest beyond it is dropped."""


class SettlingConfig(_Section):
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


class AttemptsConfig(_Section):
    """One budget of calls per number, whatever the reasons."""

    max: PositiveInt = 7
    period_hours: PositiveFloat = 168.0
    file: Path = Path("/var/lib/earlymedia/attempts.sqlite3")


class JournalConfig(_Section):
    """One JSON line a call."""

    path: Path = Path("/var/log/earlymedia/calls.jsonl")
    rotate_megabytes: PositiveFloat = 100.0
    keep_files: PositiveInt = 10
    key_file: Path = Path("/var/lib/earlymedia/number.key")
    """Key that numbers are hashed with; made on the first run."""


class HarvestConfig(_Section):
    """Where the early media of trunks with `keep_audio` is kept, how much of it and for how long."""

    folder: Path = Path("/var/lib/earlymedia/harvest")
    max_megabytes: PositiveFloat = 1000.0
    max_age_days: PositiveFloat = 30.0


class AnnouncementsConfig(_Section):
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


class MetricsConfig(_Section):
    """Prometheus text over HTTP."""

    enabled: bool = True
    host: OneLine = "127.0.0.1"
    port: Port = 9464


class LogConfig(_Section):
    """What the service says about itself."""

    format: Literal["json", "console"] = "json"
    level: Literal["debug", "info", "warning", "error"] = "info"


class Config(_Section):
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
