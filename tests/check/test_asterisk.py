"""Each fault is made on a real Asterisk, and the finding must name it and the line that mends it."""

from dataclasses import replace
from pathlib import Path

import pytest

from agent.check.asterisk import check_asterisk
from agent.check.finding import Finding, Gravity
from agent.demo.asterisk import LabAsterisk
from agent.pbx.asterisk.adapter import AsteriskSettings
from agent.pbx.asterisk.ami import AmiSettings
from agent.pbx.asterisk.audiosocket_server import AudioSocketSettings
from agent.pbx.asterisk.shim_server import ShimSettings
from agent.pbx.asterisk.spy import TapChoice

pytestmark = pytest.mark.pbx


def settings_for(lab: LabAsterisk) -> AsteriskSettings:
    return AsteriskSettings(
        trunks=("PJSIP/carrier-*",),
        ami=AmiSettings(port=lab.ports.ami, secret=lab.agent_secret),
        audiosocket=AudioSocketSettings(port=lab.ports.audiosocket),
        shims=ShimSettings(lab.agent_socket, group=""),
    )


def worst(findings: list[Finding]) -> dict[str, str]:
    """What must be mended: subject and the line that mends it."""
    return {f.subject: f.mend for f in findings if f.gravity is Gravity.PROBLEM}


def notes(findings: list[Finding]) -> dict[str, str]:
    return {f.subject: f.found for f in findings if f.gravity is Gravity.NOTE}


async def test_an_asterisk_with_our_snippets_is_ready(lab: LabAsterisk) -> None:
    findings = await check_asterisk(settings_for(lab))
    assert worst(findings) == {}
    assert notes(findings) == {}
    assert "22." in next(f.found for f in findings if f.subject == "Asterisk")


async def test_a_wrong_secret_is_said_as_such(lab: LabAsterisk) -> None:
    settings = settings_for(lab)
    wrong = replace(settings, ami=replace(settings.ami, secret="wrong"))
    assert "same secret" in worst(await check_asterisk(wrong))["manager interface"]


async def test_a_closed_port_is_said_as_such(lab: LabAsterisk) -> None:
    settings = settings_for(lab)
    nobody = replace(settings, ami=replace(settings.ami, port=1))
    assert "enabled = yes" in worst(await check_asterisk(nobody))["manager interface"]


async def test_a_missing_context_leaves_no_eagi(lab: LabAsterisk) -> None:
    settings = replace(settings_for(lab), tap=TapChoice.EAGI, spy_context="not-included")
    assert worst(await check_asterisk(settings))["tap"] == "include extensions_earlymedia.conf"


async def test_a_misspelt_trunk_is_noticed(lab: LabAsterisk) -> None:
    settings = replace(settings_for(lab), trunks=("PJSIP/carier-*",))
    assert "no PJSIP endpoint carier" in notes(await check_asterisk(settings))["trunks"]


async def test_no_trunk_at_all_must_be_mended(lab: LabAsterisk) -> None:
    assert "trunks" in worst(await check_asterisk(replace(settings_for(lab), trunks=())))


async def test_without_audiosocket_eagi_is_enough(lab_without_audiosocket: LabAsterisk) -> None:
    findings = await check_asterisk(settings_for(lab_without_audiosocket))
    assert worst(findings) == {}
    assert "without AudioSocket every call costs a process" in {f.found for f in findings}


async def test_a_second_account_sees_the_modules(
    lab_without_audiosocket: LabAsterisk, tmp_path: Path
) -> None:
    lab = lab_without_audiosocket
    admin = AmiSettings(port=lab.ports.ami, username="dialer", secret=lab.dialer_secret)
    findings = await check_asterisk(settings_for(lab), admin)
    assert {f.mend for f in findings if f.subject == "modules"} == {
        "",
        "module load app_audiosocket.so",
        "module load chan_audiosocket.so",
    }
