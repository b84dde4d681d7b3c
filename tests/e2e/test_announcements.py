"""Announcements that the agent was taught, on live calls, while it runs."""

import asyncio
import json
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from agent.demo.agent import LabAgent
from agent.demo.audio import prompt, silence
from agent.demo.call import Scenario
from agent.hearing.sound import Sound
from agent.verdict import fields
from tests.e2e.scenarios import Way
from tests.lab_fixtures import PATIENCE_SECONDS, Placed, Site, agent_beside, journalled, until

pytestmark = [pytest.mark.pbx, pytest.mark.asyncio(loop_scope="session")]

READ = "announcements are read"
FAULT = "announcements cannot be read or gathered, calls go on with what was known"
TOLD = (fields.OUTCOME, fields.CLASS, fields.SIP_CODE, fields.CAUSE, fields.REDIAL, fields.REDIAL_AFTER)
VACANT = ("announcement:vacant", "speech", "404", "1", "no", "")
ANY = ("announcement", "speech", "480", "31", "later", "3600")


async def announcements(agent: LabAgent, *words: str | Path) -> str:
    """Let an admin type this, on the agent's configuration; return what it prints."""
    config = ("--config", str(agent.home / "config.yaml"))
    command = (sys.executable, "-m", "agent.cli", "announcements", *map(str, words), *config)
    told = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=60)
    assert told.returncode == 0, told.stderr
    return str(told.stdout)


async def learned(agent: LabAgent, *words: str | Path) -> None:
    """Change the library, and wait until the agent goes by it."""
    reads = len(agent.events(READ))
    await announcements(agent, *words)
    await agent.logged(READ, nth=reads)


def vacant(site: Site) -> bytes:
    return prompt(site.lab.chroot, "en", "cannot-complete-as-dialed", "check-number-dial-again")


def plays(audio: bytes, code: int) -> Scenario:
    """A carrier that lets one wait a little, says something and ends the call with a code."""
    whole = silence(1.3) + audio + silence(0.7)
    return Scenario(audio=whole, seconds=len(whole) / 8000, final=code)


async def told(site: Site, agent: LabAgent, placed: Placed) -> tuple[str, ...]:
    """End a call; what the dialer is told of it, which journal and dialplan agree with."""
    await site.ended(placed)
    leg = await site.leg(placed.number)
    event = await site.only_verdict(leg)
    assert (await journalled(agent, leg))["outcome"] == event.get(fields.OUTCOME)
    if not placed.way.brings_own_tap and placed.way is not Way.DIAL_UNAWARE:
        assert (await site.report("after-dial", leg)).get(fields.OUTCOME) == event.get(fields.OUTCOME)
    return tuple(event.get(name) for name in TOLD)


async def test_taught_and_forgotten_while_the_agent_runs(site: Site, tmp_path: Path) -> None:
    (recording := tmp_path / "vacant.ulaw").write_bytes(vacant(site))
    ways = (Way.DIAL, Way.LOCAL, Way.OWN_EAGI, Way.OWN_AUDIOSOCKET, Way.DIAL_ALAW)
    async with agent_beside(site.lab) as agent:
        before = await site.place(Way.DIAL, plays(vacant(site), 480))
        assert await told(site, agent, before) == ANY

        rule = ("--name", "vacant", "--cause", "1", "--redial", "no")
        await learned(agent, "add", recording, *rule)
        calls = [await site.place(way, plays(vacant(site), 480)) for way in ways]
        other = await site.place(Way.DIAL, plays(site.sounds[Sound.SPEECH], 480))
        for placed in calls:
            assert await told(site, agent, placed) == VACANT
        assert await told(site, agent, other) == ANY

        await learned(agent, "remove", "vacant")
        after = await site.place(Way.DIAL, plays(vacant(site), 480))
        assert await told(site, agent, after) == ANY
        assert not agent.events(FAULT)


async def test_a_call_that_lives_already_gains_the_name_in_time(site: Site, tmp_path: Path) -> None:
    (recording := tmp_path / "vacant.ulaw").write_bytes(vacant(site))
    async with agent_beside(site.lab) as agent:
        said = silence(0.5) + vacant(site)
        long = Scenario(audio=said, loop=True, seconds=18, final=404)
        placed = await site.place(Way.LOCAL, long)
        leg = await site.leg(placed.number)
        await site.variable(leg.dialer_id, fields.OUTCOME, "announcement")
        await learned(agent, "add", recording, "--name", "vacant", "--cause", "1", "--redial", "no")
        call = await site.carrier.call_to(placed.number)
        await site.variable(leg.dialer_id, fields.OUTCOME, "announcement:vacant")
        assert call.final_sent is None
        assert await told(site, agent, placed) == VACANT


async def test_a_trunk_that_cuts_announcements_cuts_with_the_cause_that_was_taught(
    site: Site, tmp_path: Path
) -> None:
    (recording := tmp_path / "vacant.ulaw").write_bytes(vacant(site))
    trunks = [{"match": "PJSIP/carrier*-*", "name": "carrier", "cut": ["announcement"]}]
    async with agent_beside(site.lab, trunks=trunks) as agent:
        await learned(agent, "add", recording, "--name", "vacant", "--cause", "1", "--redial", "no")
        long = Scenario(audio=silence(1.3) + vacant(site), loop=True, seconds=20, final=200)
        placed = await site.place(Way.OWN_EAGI, long)
        assert await told(site, agent, placed) == VACANT
        call = await site.carrier.call_to(placed.number)
        assert call.cancel_reason == "Q.850;cause=1"


async def test_an_announcement_of_one_trunk_is_none_on_another(site: Site, tmp_path: Path) -> None:
    (recording := tmp_path / "vacant.ulaw").write_bytes(vacant(site))
    trunks = [{"match": "PJSIP/carrier-alaw-*", "name": "a"}, {"match": "PJSIP/carrier*-*", "name": "b"}]
    async with agent_beside(site.lab, trunks=trunks) as agent:
        rule = ("--name", "vacant", "--cause", "1", "--redial", "no")
        await learned(agent, "add", recording, *rule, "--trunk", "a")
        on_a = await site.place(Way.DIAL_ALAW, plays(vacant(site), 480))
        on_b = await site.place(Way.DIAL, plays(vacant(site), 480))
        assert await told(site, agent, on_a) == VACANT
        assert await told(site, agent, on_b) == ANY


async def test_what_is_heard_every_day_gets_its_meaning_by_one_command(site: Site) -> None:
    gathers = {"candidate_after_calls": 3, "excerpt_seconds": 10.0}
    async with agent_beside(site.lab, announcements=gathers) as agent:

        async def candidates() -> list[Mapping[str, Any]]:
            found: list[Mapping[str, Any]] = json.loads(await announcements(agent, "candidates", "--json"))
            return found

        ringing = Scenario(audio=site.sounds[Sound.RINGING], seconds=6, final=486)
        answers = Scenario(audio=vacant(site), loop=True, seconds=6, final=200)
        others = [await site.place(Way.DIAL, ringing), await site.place(Way.OWN_EAGI, answers)]
        first = [await site.place(way, plays(vacant(site), 480)) for way in (Way.DIAL, Way.OWN_EAGI)]
        for placed in others + first:
            assert (await told(site, agent, placed) == ANY) is (placed in first)
        assert await candidates() == []
        assert await told(site, agent, await site.place(Way.LOCAL, plays(vacant(site), 404))) == ANY
        async with asyncio.timeout(PATIENCE_SECONDS):  # gathering takes its time, beside the calls
            while not (found := await candidates()):
                await asyncio.sleep(0.2)
        (candidate,) = found
        assert (candidate["calls"], candidate["excerpt"]) == (3, True)
        assert candidate["sightings"] == [
            {"trunk": "carrier", "sip_code": 480, "calls": 2},
            {"trunk": "carrier", "sip_code": 404, "calls": 1},
        ]
        meaning = ("--cause", "20", "--redial", "later", "--redial-after-seconds", "900")
        await learned(agent, "name", str(candidate["candidate"]), "switched-off", *meaning)
        assert await candidates() == []
        last = await site.place(Way.DIAL, plays(vacant(site), 603))
        off = ("announcement:switched-off", "speech", "480", "20", "later", "900")
        assert await told(site, agent, last) == off
        assert not agent.events(FAULT)


async def test_a_library_that_breaks_costs_a_warning_and_no_call(site: Site) -> None:
    async with agent_beside(site.lab) as agent:
        await agent.logged(READ)
        with closing(sqlite3.connect(agent.config["announcements"]["file"])) as library:
            library.executescript("DROP TABLE change; DROP TABLE unknown;")
        await agent.logged(FAULT)
        calls = [await site.place(way, plays(vacant(site), 480)) for way in (Way.DIAL, Way.OWN_AUDIOSOCKET)]
        for placed in calls:
            assert await told(site, agent, placed) == ANY
        await until(lambda: len(agent.events(FAULT)) == 1)
        assert agent.running
