"""Run every check and show what was found: as a table, or as JSON."""

import json
import sys
from dataclasses import asdict, replace

from rich.console import Console
from rich.text import Text

from agent.check.asterisk import check_asterisk
from agent.check.finding import Finding, Gravity, fine, problem
from agent.check.freeswitch import check_freeswitch
from agent.config import Config, ConfigError, Mode
from agent.hearing.forest import Forest, ModelError
from agent.service.settings import asterisk_settings, freeswitch_settings

MARK = {
    Gravity.FINE: Text("  ok  ", "green"),
    Gravity.NOTE: Text(" note ", "yellow"),
    Gravity.PROBLEM: Text(" FAIL ", "bold red"),
}


async def check_and_show(config: Config, as_json: bool, admin: tuple[str, str] = ("", "")) -> int:
    """Check and show; return the exit code: 0, or 1 where something must be mended.

    `admin` is user and secret of a second AMI account, empty where none is given.
    """
    findings = _local(config)
    try:
        findings += await _of_pbx(config, admin)
    except ConfigError as error:
        findings.append(problem("configuration", str(error), "put the password there"))
    if as_json:
        sys.stdout.write(json.dumps([asdict(finding) for finding in findings]) + "\n")
    else:
        _print(findings)
    return int(any(finding.gravity is Gravity.PROBLEM for finding in findings))


async def _of_pbx(config: Config, admin: tuple[str, str]) -> list[Finding]:
    if config.pbx == "freeswitch":
        return await check_freeswitch(freeswitch_settings(config))
    settings = asterisk_settings(config)
    second = replace(settings.ami, username=admin[0], secret=admin[1]) if admin[0] else None
    return await check_asterisk(settings, second)


def _local(config: Config) -> list[Finding]:
    findings = []
    try:
        forest = Forest.load(config.model.path)
    except ModelError as error:
        findings.append(problem("model", str(error), "install the package again, or set model.path"))
    else:
        findings.append(fine("model", f"{config.model.path}: {forest.trees.count} trees"))
    findings.append(
        fine(
            "mode",
            "active: verdicts are handed back"
            if config.mode is Mode.ACTIVE
            else "shadow: nothing is written to any call; set mode: active to hand verdicts back",
        )
    )
    return findings


def _print(findings: list[Finding]) -> None:
    console = Console(highlight=False)
    for finding in findings:
        console.print(MARK[finding.gravity], Text(f"{finding.subject}: {finding.found}"), soft_wrap=True)
        if finding.mend:
            console.print(Text(f"        mend: {finding.mend}", "cyan"), soft_wrap=True)
    problems = sum(finding.gravity is Gravity.PROBLEM for finding in findings)
    console.print(
        Text(f"{problems} to mend before calls can be heard", "bold red")
        if problems
        else Text("ready to listen", "bold green")
    )
