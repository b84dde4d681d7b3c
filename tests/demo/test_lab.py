import re
import socket
from pathlib import Path

import pytest

from agent.demo.asterisk import LabAsterisk
from agent.demo.lab import (
    AUDIOSOCKET_MODULES,
    SHIMS,
    SNIPPETS,
    LabError,
    LabPorts,
    chroot_from_environment,
    shipped_dialplan,
    write_lab,
)

VALUES = {
    name: f"<{name}>"
    for name in (
        *("HOME", "MODULES", "SIP_PORT", "CARRIER_PORT", "AMI_PORT", "AMI_TLS_PORT", "AUDIOSOCKET_PORT"),
        *("RTP_FIRST", "RTP_LAST", "DIALER_SECRET", "TOKEN"),
    )
}
MODULES = AUDIOSOCKET_MODULES | {"res_agi.so", "chan_pjsip.so"}


def write(home: Path, modules: frozenset[str] = MODULES) -> None:
    write_lab(home, VALUES, modules=modules, agent_secret="s3cret", dialplan=shipped_dialplan())


def test_every_place_in_the_templates_is_filled(tmp_path: Path) -> None:
    write(tmp_path)
    text = "".join(path.read_text() for path in (tmp_path / "conf").iterdir())
    assert not re.search(r"@[A-Z_]+@", text)
    assert all(value in text for value in VALUES.values())


def test_only_modules_that_are_there_are_loaded(tmp_path: Path) -> None:
    write(tmp_path, MODULES - AUDIOSOCKET_MODULES)
    lines = (tmp_path / "conf/modules.conf").read_text().splitlines()
    assert [line for line in lines if line.startswith("load=")] == ["load=res_agi.so", "load=chan_pjsip.so"]


def test_snippets_and_shims_are_those_that_we_ship(tmp_path: Path) -> None:
    write(tmp_path)
    for name in SHIMS:
        shim = tmp_path / "agi-bin" / name
        assert shim.read_bytes() == (shipped_dialplan() / name).read_bytes()
        assert shim.stat().st_mode & 0o111 == 0o111
    for name in SNIPPETS:
        shipped = (shipped_dialplan() / name).read_text()
        assert (tmp_path / "conf" / name).read_text() == shipped.replace("CHOOSE-A-SECRET", "s3cret")


def test_nothing_of_an_earlier_lab_is_left(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "logs/full").write_text("old")
    (tmp_path / "run/agent.sock").touch()
    write(tmp_path)
    assert not (tmp_path / "logs/full").exists()
    assert not (tmp_path / "run/agent.sock").exists()


def test_a_port_that_is_taken_is_named() -> None:
    ports = LabPorts.free()
    with socket.socket() as somebody:
        somebody.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        somebody.bind(("127.0.0.1", ports.ami))
        somebody.listen()
        with pytest.raises(LabError, match=f"port {ports.ami} of 127.0.0.1 is taken"):
            ports.require_free()
        assert LabPorts.free().ami != ports.ami


def test_ports_of_two_labs_do_not_overlap() -> None:
    first = LabPorts.free()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as somebody:
        somebody.bind(("127.0.0.1", first.sip))
        second = LabPorts.free()
    names = ("sip", "carrier", "ami", "ami_tls", "audiosocket")
    assert not {getattr(first, name) for name in names} & {getattr(second, name) for name in names}
    assert abs(first.rtp_first - second.rtp_first) >= 2000


def test_without_a_chroot_the_way_to_one_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("EARLYMEDIA_ASTERISK", raising=False)
    with pytest.raises(LabError, match=r"EARLYMEDIA_ASTERISK is not set: run \./scripts/test"):
        chroot_from_environment()
    monkeypatch.setenv("EARLYMEDIA_ASTERISK", str(tmp_path))
    assert chroot_from_environment() == tmp_path
    with pytest.raises(LabError, match=r"holds no Asterisk: run \./scripts/setup"):
        LabAsterisk(tmp_path)


def test_a_chroot_too_deep_for_a_socket_is_refused(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 100)
    (deep / "usr/sbin").mkdir(parents=True)
    (deep / "usr/sbin/asterisk").touch()
    with pytest.raises(LabError, match="set EARLYMEDIA_LAB to a shorter path"):
        LabAsterisk(deep)
