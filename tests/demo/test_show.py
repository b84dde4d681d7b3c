"""The demo as a user runs it: a real Asterisk, a real agent, no terminal."""

import asyncio
import os
import re
import sys
from pathlib import Path

import pytest

from agent.demo.scenarios import Dialled, demo_calls

pytestmark = pytest.mark.pbx


async def demo(chroot: Path) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "agent.cli", "demo", "--asterisk", str(chroot)),
        env={**os.environ, "COLUMNS": "240"},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    printed, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, printed.decode()


VERDICTS = {
    "ringing (Europe), nobody answers": "ringing",
    "ringing (North America)": "ringing",
    "ringing (United Kingdom)": "ringing",
    "busy tone (Germany)": "busy",
    "busy tone (North America)": "busy",
    "rings, then congestion (North America)": "congestion",
    "vacant code, then an announcement": "sit_vacant",
    "announcement, English": "announcement",
    "announcement, Spanish": "announcement",
    "rings, then an announcement it was taught": "announcement:not-in-service",
    "rings twice, then an announcement": "announcement",
    "silence, then an announcement, Spanish": "announcement",
    "a song instead of ringing, then an answer": "answered",
    "a song, nobody answers": "music",
    "silence": "silence",
    "183, but no audio at all": "no_audio",
    "180 only": "unknown",
    "rings, then an answer": "answered",
}
EARLY = ("busy", "sit_vacant", "announcement:not-in-service")
"""Final while the call is unanswered. Countries contradict each other about that congestion tone."""


async def test_the_demo_ends_by_itself_and_says_what_was_heard(chroot: Path) -> None:
    code, printed = await demo(chroot)
    assert code == 0, printed
    lines = printed.splitlines()
    rows = {plays: next(line for line in lines if line.startswith(plays + "  ")) for plays in VERDICTS}
    for plays, outcome in VERDICTS.items():
        told = rows[plays].removeprefix(plays)
        assert re.search(rf" {outcome} [01]\.[0-9]{{2}} ", told), told
        if outcome != "announcement":  # how soon it is final is settling's matter, and the forest's
            assert bool(re.search(r" [0-9]+\.[0-9] s  ", told)) is (outcome in EARLY), told
    assert "contradicts" in rows["ringing (North America)"]
    assert "404, cause 1; redial no" in rows["rings, then an announcement it was taught"]


async def test_a_folder_without_asterisk_is_said_in_one_sentence(tmp_path: Path) -> None:
    code, printed = await demo(tmp_path)
    assert code == 2
    assert printed == f"earlymedia: {tmp_path} holds no Asterisk: run ./scripts/setup\n"


def test_the_demo_dials_in_every_way(chroot: Path) -> None:
    calls = demo_calls(chroot)
    assert {call.dialled for call in calls} == set(Dialled)
    assert {call.plays for call in calls} == set(VERDICTS)
    assert len({call.number for call in calls}) == len(calls)
