"""Each fault is made on a real FreeSWITCH, and the finding must name it and the line that mends it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from agent.check.finding import Finding, Gravity
from agent.check.freeswitch import check_freeswitch
from agent.check.show import check_and_show
from agent.config import Config
from agent.demo.freeswitch import LabFreeSwitch
from agent.pbx.freeswitch.adapter import FreeSwitchSettings
from agent.pbx.freeswitch.client import EventSocketSettings
from agent.pbx.freeswitch.recorder import RecorderSettings

pytestmark = pytest.mark.pbx


def settings_for(lab: LabFreeSwitch) -> FreeSwitchSettings:
    return FreeSwitchSettings(
        trunks=("sofia/gateway/carrier", "sofia/gateway/carrier-*"),
        event_socket=EventSocketSettings(port=lab.ports.event_socket, password=lab.password),
        recorder=RecorderSettings(folder=lab.tap_folder),
    )


def worst(findings: list[Finding]) -> dict[str, str]:
    """What must be mended: subject and the line that mends it."""
    return {f.subject: f.mend for f in findings if f.gravity is Gravity.PROBLEM}


def notes(findings: list[Finding]) -> dict[str, str]:
    return {f.subject: f.found for f in findings if f.gravity is Gravity.NOTE}


async def test_a_freeswitch_with_our_snippets_is_ready(freeswitch: LabFreeSwitch) -> None:
    findings = await check_freeswitch(settings_for(freeswitch))
    assert worst(findings) == {}
    assert {f.subject for f in findings if f.gravity is Gravity.FINE} >= {"event socket", "tap", "trunks"}
    assert "1." in next(f.found for f in findings if f.subject == "FreeSWITCH")
    assert list(freeswitch.tap_folder.iterdir()) == []
    async with asyncio.timeout(5):
        while await freeswitch.channels():
            await asyncio.sleep(0.05)


async def test_an_extension_that_ignores_early_media_is_named(freeswitch: LabFreeSwitch) -> None:
    findings = await check_freeswitch(settings_for(freeswitch))
    (found,) = [f for f in findings if f.subject == "dialplan"]
    assert "extension 'ignored' of context 'inbound' says ignore_early_media=true" in found.found
    assert found.mend == "there: ignore_early_media=consume"


async def test_a_global_that_ignores_early_media_must_be_mended(freeswitch: LabFreeSwitch) -> None:
    await freeswitch.command("global_setvar ignore_early_media=true")
    try:
        findings = await check_freeswitch(settings_for(freeswitch))
    finally:
        await freeswitch.command("global_setvar ignore_early_media=")
    assert worst(findings) == {"globals": "vars.xml: ignore_early_media=consume"}


async def test_a_wrong_password_is_said_as_such(freeswitch: LabFreeSwitch) -> None:
    settings = settings_for(freeswitch)
    wrong = replace(settings, event_socket=replace(settings.event_socket, password="wrong"))
    findings = await check_freeswitch(wrong)
    assert "refuses the password" in findings[0].found
    assert "compare password" in worst(findings)["event socket"]


async def test_a_closed_port_is_said_as_such(freeswitch: LabFreeSwitch) -> None:
    settings = settings_for(freeswitch)
    nobody = replace(settings, event_socket=replace(settings.event_socket, port=1))
    assert "load mod_event_socket" in worst(await check_freeswitch(nobody))["event socket"]


async def test_an_address_that_the_access_list_denies_is_said_as_such() -> None:
    async with denying() as port:
        findings = await check_freeswitch(FreeSwitchSettings((), EventSocketSettings(port=port)))
    assert "apply-inbound-acl" in worst(findings)["event socket"]


async def test_a_folder_that_is_not_there_must_be_mended(freeswitch: LabFreeSwitch, tmp_path: Path) -> None:
    settings = replace(settings_for(freeswitch), recorder=RecorderSettings(folder=tmp_path / "taps"))
    assert "systemd-tmpfiles --create" in worst(await check_freeswitch(settings))["tap folder"]


async def test_a_folder_on_a_disk_and_its_mode_are_noticed(freeswitch: LabFreeSwitch, tmp_path: Path) -> None:
    settings = replace(settings_for(freeswitch), recorder=RecorderSettings(folder=tmp_path))
    findings = await check_freeswitch(settings)
    assert worst(findings) == {}
    assert "is on a disk" in notes(findings)["tap folder"]


async def test_a_misspelt_gateway_is_noticed(freeswitch: LabFreeSwitch) -> None:
    settings = replace(settings_for(freeswitch), trunks=("sofia/gateway/carier",))
    assert "no gateway carier" in notes(await check_freeswitch(settings))["trunks"]


async def test_no_trunk_at_all_must_be_mended(freeswitch: LabFreeSwitch) -> None:
    assert "trunks" in worst(await check_freeswitch(replace(settings_for(freeswitch), trunks=())))


async def test_the_command_checks_the_pbx_that_is_configured(
    freeswitch: LabFreeSwitch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await check_and_show(Config.model_validate(freeswitch.agent_config), as_json=True) == 0
    subjects = [finding["subject"] for finding in json.loads(capsys.readouterr().out.splitlines()[-1])]
    assert {"model", "FreeSWITCH", "tap"} <= set(subjects)


@asynccontextmanager
async def denying() -> AsyncIterator[int]:
    """Do as an event socket does to an address that its access list denies."""

    async def turn_away(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said = b"Access Denied, go away.\n"
        writer.write(b"Content-Type: text/rude-rejection\nContent-Length: %d\n\n%s" % (len(said), said))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(turn_away, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
