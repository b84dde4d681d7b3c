"""`config.yaml`: what it may say, and what an admin is told when it says something else."""

import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from agent.config import Config, ConfigError, Mode, load, parse, share_dir
from agent.verdict.outcome import Outcome
from agent.verdict.policy import Redial
from agent.verdict.settling import Settling

REPOSITORY = Path(__file__).parent.parent


def complaint(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse(text, "config.yaml")
    return str(caught.value)


def test_nothing_needs_to_be_said() -> None:
    config = parse("", "config.yaml")
    assert config == Config()
    assert config.mode is Mode.SHADOW
    assert config.settling.settling == Settling()


def test_the_shipped_file_is_valid_and_says_what_the_defaults_are() -> None:
    config = load(REPOSITORY / "config.yaml")
    assert [trunk.match for trunk in config.trunks] == ["PJSIP/carrier-*"]
    assert config.mode is Mode.SHADOW
    assert config.settling == Config().settling


def test_the_shipped_file_shows_every_setting_with_its_default() -> None:
    shown = _uncommented((REPOSITORY / "config.yaml").read_text(encoding="utf-8"))
    raw = yaml.safe_load(shown)
    raw["asterisk"].pop("secret")  # it stands there as the other way to give it
    raw["freeswitch"].pop("password")
    config = Config.model_validate(raw)
    assert _keys_of(Config) <= _paths(raw) | {"asterisk.secret", "freeswitch.password"}
    for section in ("hearing", "settling", "attempts", "journal", "harvest", "metrics", "log"):
        assert getattr(config, section) == getattr(Config(), section), section


def test_a_leg_belongs_to_the_first_trunk_that_its_channel_fits() -> None:
    config = parse('trunks: [{match: "PJSIP/a-*", name: first}, {match: "PJSIP/*"}]', "config.yaml")
    first = config.trunk_of("PJSIP/a-00000001")
    assert first is not None
    assert first.title == "first"
    other = config.trunk_of("PJSIP/b-00000001")
    assert other is not None
    assert other.match == "PJSIP/*"
    assert config.trunk_of("Local/1@x-0001;1") is None


@pytest.mark.parametrize(
    ("match", "title"),
    [
        ("PJSIP/carrier-*", "PJSIP/carrier"),
        ("sofia/gateway/*", "sofia/gateway"),
        ("sofia/a", "sofia/a"),
        ("*", "*"),
    ],
)
def test_a_trunk_without_a_name_is_called_by_its_pattern(match: str, title: str) -> None:
    (trunk,) = parse(f'trunks: [{{match: "{match}"}}]', "config.yaml").trunks
    assert trunk.title == title


def test_a_trunk_has_its_own_policy_over_the_sites() -> None:
    config = parse(
        """
        trunks:
          - match: "PJSIP/a-*"
            cut: [announcement]
            policy: {outcomes: {announcement: {sip_code: 404}}}
          - match: "PJSIP/b-*"
        policy:
          preset: thesis
          outcomes: {announcement: {redial: no}}
        """,
        "config.yaml",
    )
    own, other = (config.policy_of(trunk) for trunk in config.trunks)
    assert (own.decide(Outcome.ANNOUNCEMENT).sip_code, own.decide(Outcome.ANNOUNCEMENT).q850_cause) == (
        404,
        1,
    )
    assert own.decide(Outcome.ANNOUNCEMENT).redial is Redial.NO
    assert own.cut == {Outcome.ANNOUNCEMENT}
    assert other.decide(Outcome.ANNOUNCEMENT).sip_code == 403
    assert other.cut == frozenset()
    assert config.policy_of(None).decide(Outcome.RINGING).sip_code == 180


@pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if not outcome.may_cut])
def test_a_call_is_never_cut_for_what_may_still_change(outcome: Outcome) -> None:
    said = complaint(f'trunks: [{{match: "PJSIP/a-*", cut: [{outcome}]}}]')
    assert said == f"config.yaml: trunks.0.cut: a call is never ended for '{outcome}', take it out."


def test_a_cut_needs_a_cause() -> None:
    said = complaint("trunks: [{match: a, cut: [busy], policy: {outcomes: {busy: {sip_code: null}}}}]")
    assert said == "config.yaml: trunks.0.cut: 'busy' has no q850_cause to cut with, give it one."


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("trunk: []", "config.yaml: trunk: there is no such key, take it out or mend its name."),
        ("trunks: [{}]", "config.yaml: trunks.0.match: this key is missing, add it."),
        ("asterisk: {secret: 1234}", "config.yaml: asterisk.secret: it should be text, put it in quotes."),
        (
            "asterisk: {secret: a, secret_file: b}",
            "config.yaml: asterisk: give either secret or secret_file, not both.",
        ),
        (
            "freeswitch: {password: a, password_file: b}",
            "config.yaml: freeswitch: give either password or password_file, not both.",
        ),
        (
            "freeswitch: {unicast_ports: 28599-28100}",
            "config.yaml: freeswitch.unicast_ports: give two ports from 1024 to 65535, the lower one first: "
            "'28100-28599'.",
        ),
        (
            "freeswitch: {unicast_ports: 28100}",
            "config.yaml: freeswitch.unicast_ports: it should be text, put it in quotes.",
        ),
        ("freeswitch: {unicast_ports: 28100-99999}", None),
        ("freeswitch: {unicast_ports: '28100'}", None),
        ("trunks: x", "config.yaml: trunks: it should be a list, begin each entry with '- ' or write [...]."),
        (
            "trunks: [{match: ''}]",
            "config.yaml: trunks.0.match: it is empty, write something or take the key out.",
        ),
        (
            'trunks: [{match: "a\\nb"}]',
            "config.yaml: trunks.0.match: it should be one line, take the line break out.",
        ),
        (
            "trunks: [{match: a, keep_audio: maybe}]",
            "config.yaml: trunks.0.keep_audio: it should be true or false, change it.",
        ),
        ("asterisk: 5", "config.yaml: asterisk: it should hold keys, write them below it as 'key: value'."),
        ("asterisk: {port: AMI}", "config.yaml: asterisk.port: it should be a whole number, change it."),
        ("model: {path: 7}", "config.yaml: model.path: it should be text, put it in quotes."),
        (
            "settling: {announcement_seconds: 1.5}",
            "config.yaml: settling.announcement_seconds: it should be a whole number, change it.",
        ),
        (
            "settling: {abstain_below: much}",
            "config.yaml: settling.abstain_below: it should be a number, change it.",
        ),
        (
            "asterisk: {port: 70000}",
            "config.yaml: asterisk.port: it should be less than or equal to 65535, change it.",
        ),
        ("mode: on", "config.yaml: mode: it should be 'shadow' or 'active', change it."),
        (
            "trunks: [{match: x, country: XX}]",
            "config.yaml: trunks.0.country: no tones of a country 'XX' are known, "
            "write its ISO 3166-1 code or take it out.",
        ),
        (
            "settling: {abstain_below: .nan}",
            "config.yaml: settling.abstain_below: it should be a finite number, change it.",
        ),
        (
            "{mode: loud, pbx: cisco}",
            "config.yaml: pbx: it should be 'asterisk' or 'freeswitch', change it (1 more of the kind).",
        ),
        ("- a\n- b", "config.yaml holds no settings: write them as 'key: value' lines, see config.yaml."),
        ("log: {}\nlog: {}", "config.yaml, line 2: 'log' is given twice: mend the YAML there."),
        ("log:\n  level: [", None),
        ("log: {level: !!python/object:os.system x}", None),
        ("mode: \x00", None),
    ],
)
def test_a_mistake_is_told_in_one_sentence(text: str, said: str | None) -> None:
    assert complaint(text) == (said or complaint(text))
    assert complaint(text).startswith("config.yaml")
    assert complaint(text).endswith(".")
    assert "\n" not in complaint(text)


def test_a_mistake_in_the_yaml_names_its_line() -> None:
    assert complaint("mode: shadow\nlog: {level: info\nmetrics: {}").startswith("config.yaml, line 3: ")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"missing\.yaml cannot be read \(No such file or directory\)"):
        load(tmp_path / "missing.yaml")


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match=r"binary\.yaml cannot be read"):
        load(tmp_path / "binary.yaml")


def test_a_secret_never_shows() -> None:
    config = parse("asterisk: {secret: hush-hush, audiosocket: {token: 0123456789abcdef}}", "config.yaml")
    assert config.asterisk.read_secret() == "hush-hush"
    for shown in (repr(config), str(config), config.model_dump_json()):
        assert "hush-hush" not in shown
        assert "0123456789abcdef" not in shown


def test_a_secret_does_not_show_in_an_error_either() -> None:
    assert "hush-hush" not in complaint("asterisk: {secret: hush-hush, secret_file: x}")
    assert "hush-hush" not in complaint("asterisk: {secret: [hush-hush]}")


def test_a_secret_may_stand_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "ami.secret").write_text("hush-hush\n")
    config = parse(f"asterisk: {{secret_file: {tmp_path}/ami.secret}}", "config.yaml")
    assert config.asterisk.read_secret() == "hush-hush"


def test_a_missing_secret_is_told() -> None:
    with pytest.raises(ConfigError, match=r"asterisk\.secret is missing"):
        Config().asterisk.read_secret()
    with pytest.raises(ConfigError, match=r"asterisk\.secret_file: /nowhere cannot be read"):
        parse("asterisk: {secret_file: /nowhere}", "config.yaml").asterisk.read_secret()


def test_a_configuration_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Config().mode = Mode.ACTIVE


def test_a_checkout_brings_its_own_files() -> None:
    assert share_dir() == REPOSITORY
    assert Config().model.path == REPOSITORY / "models" / "student.joblib"


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
keys = st.sampled_from([*Config.model_fields, "match", "port", "cut", "outcomes", "announcement", "redial"])
trees = st.recursive(
    scalars, lambda node: st.lists(node, max_size=3) | st.dictionaries(keys, node, max_size=4), max_leaves=15
)


@given(st.text(max_size=200))
def test_any_text_is_a_configuration_or_one_sentence(text: str) -> None:
    _configuration_or_sentence(text)


@given(st.dictionaries(keys, trees, max_size=4))
def test_any_tree_is_a_configuration_or_one_sentence(tree: dict[str, object]) -> None:
    _configuration_or_sentence(yaml.safe_dump(tree))


@given(
    announcement_seconds=st.integers(1, 60),
    confidence=st.floats(0.0, 1.0),
    code=st.integers(100, 699),
    redial=st.sampled_from(Redial),
)
def test_what_is_written_is_what_is_read(
    announcement_seconds: int, confidence: float, code: int, redial: Redial
) -> None:
    config = parse(
        yaml.safe_dump(
            {
                "settling": {
                    "announcement_seconds": announcement_seconds,
                    "announcement_confidence": confidence,
                },
                "policy": {"outcomes": {"busy": {"sip_code": code, "redial": str(redial)}}},
            }
        ),
        "config.yaml",
    )
    assert config.settling.settling.announcement_seconds == announcement_seconds
    assert config.settling.settling.announcement_confidence == confidence
    decision = config.policy_of(None).decide(Outcome.BUSY)
    assert (decision.sip_code, decision.redial) == (code, redial)


def _configuration_or_sentence(text: str) -> None:
    try:
        said = ""
        parse(text, "config.yaml")
    except ConfigError as error:
        said = str(error)
    assert said == "" or (said.startswith("config.yaml") and said.endswith(".") and "\n" not in said)


def _uncommented(text: str) -> str:
    """Take the `#` from every line that shows a setting, and trailing remarks from all."""
    lines = [re.sub(r"^( *)# ( *[\w-]+:( |$))", r"\1\2", line) for line in text.splitlines()]
    return "\n".join(re.sub(r" +#.*$", "", line) for line in lines if not line.lstrip().startswith("#"))


def _keys_of(model: type[BaseModel], prefix: str = "") -> set[str]:
    found: set[str] = set()
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            found |= _keys_of(inner, f"{prefix}{name}.")
        else:
            found.add(prefix + name)
    return found


def _paths(tree: dict[str, object], prefix: str = "") -> set[str]:
    found: set[str] = set()
    for name, value in tree.items():
        found.add(prefix + name)
        if isinstance(value, dict):
            found |= _paths(value, f"{prefix}{name}.")
    return found
