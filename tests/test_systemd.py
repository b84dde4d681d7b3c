"""The unit fits the configuration that ships with it, and gives away nothing that it need not."""

from pathlib import Path

import pytest

from agent.config import Config

SYSTEMD = Path(__file__).parent.parent / "systemd"


def settings(file: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in (SYSTEMD / file).read_text(encoding="utf-8").splitlines():
        if "=" in line and not line.startswith("#"):
            key, value = line.split("=", 1)
            found.setdefault(key, []).append(value)
    return found


UNIT = settings("earlymedia-agent.service")
DROP_IN = settings("earlymedia-agent.service.d/asterisk-group.conf")


def test_the_service_tells_systemd_how_it_fares() -> None:
    assert UNIT["Type"] == ["notify"]
    assert float(UNIT["WatchdogSec"][0]) >= 5
    assert UNIT["ExecReload"] == ["/bin/kill -HUP $MAINPID"]
    assert UNIT["RestartPreventExitStatus"] == ["2"]


def test_the_defaults_lie_in_folders_that_the_unit_makes() -> None:
    config = Config()
    assert config.asterisk.socket_path.parent == Path("/run") / UNIT["RuntimeDirectory"][0]
    state = (config.attempts.file, config.journal.key_file, config.harvest.folder, config.announcements.file)
    for file in state:
        assert file.parent == Path("/var/lib") / UNIT["StateDirectory"][0]
    assert config.journal.path.parent == Path("/var/log") / UNIT["LogsDirectory"][0]


def test_the_command_is_the_agents_own_and_reads_the_documented_file() -> None:
    assert UNIT["ExecStart"] == ["/opt/earlymedia/bin/earlymedia run --config /etc/earlymedia/config.yaml"]


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("User", "earlymedia"),
        ("MemoryDenyWriteExecute", "yes"),
        ("NoNewPrivileges", "yes"),
        ("ProtectSystem", "strict"),
        ("CapabilityBoundingSet", ""),
        ("LimitNOFILE", "65536"),
        ("RuntimeDirectoryMode", "0750"),
        ("LogsDirectoryMode", "0750"),
    ],
)
def test_hardening(setting: str, value: str) -> None:
    assert UNIT[setting] == [value]


@pytest.mark.parametrize("setting", ["MemoryMax", "MemoryHigh", "TasksMax"])
def test_limits(setting: str) -> None:
    assert setting in UNIT


def test_the_unit_starts_where_the_pbx_group_is_missing() -> None:
    assert "SupplementaryGroups" not in UNIT
    assert DROP_IN["SupplementaryGroups"] == ["asterisk"]


def test_the_socket_can_be_given_to_the_pbx_group() -> None:
    assert UNIT["SystemCallFilter"][-1] == "@chown"
    assert "PrivateUsers" not in UNIT
    assert DROP_IN["ExecStartPre"] == ["/bin/chgrp asterisk /run/earlymedia"]


def test_a_pbx_that_stops_does_not_take_the_agent_along() -> None:
    assert not {"Requires", "BindsTo", "PartOf", "Requisite"} & UNIT.keys()
