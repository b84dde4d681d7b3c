"""The demo as a user runs it: a real Asterisk, a real agent, no terminal."""

import asyncio
import os
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


async def test_the_demo_ends_by_itself_and_says_what_was_heard(chroot: Path) -> None:
    code, printed = await demo(chroot)
    assert code == 0, printed
    rows = {call.plays: next(r for r in printed.splitlines() if r.startswith(call.plays + "  "))
            for call in demo_calls(chroot)}  # fmt: skip
    assert "contradicts" in rows["ringing (North America)"]
    for announced in ("announcement, English", "announcement, Spanish", "rings twice, then an announcement"):
        assert " announcement " in rows[announced].removeprefix(announced)
        assert " s  " in rows[announced]  # final before the carrier spoke
    assert "no_audio" in rows["183, but no audio at all"]
    assert "answered" in rows["rings, then an answer"]


async def test_a_folder_without_asterisk_is_said_in_one_sentence(tmp_path: Path) -> None:
    code, printed = await demo(tmp_path)
    assert code == 2
    assert printed == f"earlymedia: {tmp_path} holds no Asterisk: run ./scripts/setup\n"


def test_the_demo_dials_in_every_way(chroot: Path) -> None:
    calls = demo_calls(chroot)
    assert {call.dialled for call in calls} == set(Dialled)
    assert len(calls) >= 12
    assert len({call.number for call in calls}) == len(calls)
