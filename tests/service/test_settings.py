"""What a configuration means for the service."""

from pathlib import Path

import pytest

from agent.announcements.announcement import Announcement
from agent.config import Config, ConfigError, parse
from agent.pbx.asterisk.adapter import AsteriskAdapter
from agent.pbx.asterisk.spy import TapChoice
from agent.pbx.freeswitch.adapter import FreeSwitchAdapter
from agent.pbx.freeswitch.recorder import TapChoice as RecordingChoice
from agent.service.calls import Calls
from agent.service.settings import asterisk_settings, freeswitch_settings, pbx_of, rules_of
from agent.verdict.outcome import Outcome
from tests.service.test_calls import Books, Paper

CONFIG = """
mode: active
trunks:
  - match: "PJSIP/carrier-*"
    country: DE
    policy: {outcomes: {announcement: {sip_code: 404, q850_cause: 1, redial: "no"}}}
    cut: [announcement]
  - match: "PJSIP/*"
policy: {preset: thesis}
asterisk:
  secret: "s3cret"
  tap: eagi
  audiosocket: {token: "t0ken"}
"""


def test_each_trunk_has_its_own_policy() -> None:
    rules = rules_of(parse(CONFIG, "config.yaml"))
    assert rules.writes
    carrier = rules.policy_of("PJSIP/carrier-00000001")
    other = rules.policy_of("PJSIP/other-00000001")
    nobodys = rules.policy_of("SIP/unknown-1")
    assert carrier.decide(Outcome.ANNOUNCEMENT).sip_code == 404
    assert carrier.cut == {Outcome.ANNOUNCEMENT}
    assert other.decide(Outcome.ANNOUNCEMENT).sip_code == 403
    assert nobodys.decide(Outcome.RINGING).sip_code == 180
    assert rules.policy_of("PJSIP/carrier-00000001") is carrier


def test_a_trunk_s_country_decides_which_tones_it_plays() -> None:
    country_of = rules_of(parse(CONFIG, "config.yaml")).country_of
    assert country_of("PJSIP/carrier-00000001") == "DE"
    assert country_of("PJSIP/other-00000001") is None
    assert country_of("SIP/unknown-1") is None


def test_a_trunk_is_called_as_in_the_journal_and_announcements_come_from_the_library() -> None:
    vacant = Announcement(name="vacant")
    rules = rules_of(parse(CONFIG, "config.yaml"), {"vacant": vacant}.get)
    assert rules.trunk_of("PJSIP/carrier-00000001") == "PJSIP/carrier"
    assert rules.trunk_of("SIP/unknown-1") is None
    assert rules.announcement_of("vacant") is vacant
    assert rules.announcement_of("removed") is None


def test_shadow_mode_is_what_one_gets_without_asking() -> None:
    assert not rules_of(parse("trunks: []", "config.yaml")).writes


def test_the_adapter_gets_what_the_file_says() -> None:
    settings = asterisk_settings(parse(CONFIG, "config.yaml"))
    assert settings.trunks == ("PJSIP/carrier-*", "PJSIP/*")
    assert settings.tap is TapChoice.EAGI
    assert (settings.ami.secret, settings.token) == ("s3cret", "t0ken")
    assert "s3cret" not in repr(settings)


def test_asterisk_may_be_elsewhere_where_the_admin_says_so() -> None:
    text = "asterisk: {secret: s, audiosocket: {host: 0.0.0.0, allow_remote: true}}"
    assert asterisk_settings(parse(text, "config.yaml")).audiosocket.allow_remote
    assert not asterisk_settings(parse(CONFIG, "config.yaml")).audiosocket.allow_remote


def test_the_secret_may_lie_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "ami.secret").write_text("from a file\n")
    config = parse(f"asterisk: {{secret_file: {tmp_path}/ami.secret}}", "config.yaml")
    assert asterisk_settings(config).ami.secret == "from a file"


def test_without_a_secret_the_agent_says_so() -> None:
    with pytest.raises(ConfigError, match=r"asterisk\.secret is missing"):
        asterisk_settings(parse("trunks: []", "config.yaml"))


FREESWITCH = """
pbx: freeswitch
trunks: [{match: sofia/gateway/carrier}]
asterisk: {secret: not-asked-for}
freeswitch:
  password: "pa55word"
  tap: linear
  tap_folder: /dev/shm/taps
  record_limit_seconds: 60
  unicast_ports: 28100-28599
"""


def test_the_freeswitch_adapter_gets_what_the_file_says() -> None:
    settings = freeswitch_settings(parse(FREESWITCH, "config.yaml"))
    assert settings.trunks == ("sofia/gateway/carrier",)
    assert settings.event_socket.password == "pa55word"
    assert "pa55word" not in repr(settings)
    assert settings.recorder.choice is RecordingChoice.LINEAR
    assert settings.unicast_ports == range(28100, 28600)
    assert (settings.recorder.folder, settings.recorder.limit_s) == (Path("/dev/shm/taps"), 60)


def test_parked_legs_are_recorded_unless_ports_are_reserved() -> None:
    assert not freeswitch_settings(parse("freeswitch: {password: a}", "config.yaml")).unicast_ports


def test_the_password_of_the_event_socket_may_lie_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("from a file\n")
    config = parse(f"freeswitch: {{password_file: {tmp_path}/password}}", "config.yaml")
    assert freeswitch_settings(config).event_socket.password == "from a file"
    (tmp_path / "password").unlink()
    with pytest.raises(ConfigError, match=r"freeswitch\.password_file: .* cannot be read"):
        freeswitch_settings(config)


def test_the_file_names_the_pbx() -> None:
    listener = Calls(rules_of(Config()), Books(Paper()))
    assert isinstance(pbx_of(parse(FREESWITCH, "config.yaml"), listener), FreeSwitchAdapter)
    assert isinstance(pbx_of(parse(CONFIG, "config.yaml"), listener), AsteriskAdapter)


def test_a_tap_folder_that_freeswitch_would_misread_is_refused() -> None:
    config = parse(FREESWITCH.replace("/dev/shm/taps", "/dev/shm/taps.d"), "config.yaml")
    with pytest.raises(ValueError, match=r"tap_folder: /dev/shm/taps\.d cannot be used"):
        pbx_of(config, Calls(rules_of(config), Books(Paper())))
