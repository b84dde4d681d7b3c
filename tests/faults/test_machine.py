"""Whatever runs short on the agent's machine while fifty calls are up: none changes, no verdict is wrong."""

import asyncio
import resource
import shlex
from pathlib import Path

import pytest

from tests.faults.fleet import (
    FIFTY,
    Experience,
    agent_under_fault,
    assert_unhurt,
    assert_verdicts_right,
    experiences,
    hears_the_next_call,
    launch,
    listened,
)
from tests.faults.scarcity import descriptors, fill, limit
from tests.lab_fixtures import Site

pytestmark = [pytest.mark.pbx, pytest.mark.asyncio(loop_scope="session")]


async def test_stopped_for_ten_seconds(site: Site, without_agent: list[Experience]) -> None:
    """Of all that is up, some calls end meanwhile; the others are heard on."""
    async with agent_under_fault(site) as agent:
        fleet = await launch(site, 3)
        lasting = await launch(site, 3, longer=10.0)
        await listened(agent, [*fleet, *lasting])
        agent.freeze()
        await asyncio.sleep(10.0)
        agent.thaw()
        stalled = await agent.logged("the agent stood still: calls were let go")
        assert stalled["seconds"] > 9.0
        assert_unhurt(await experiences(site, [*fleet, *lasting]), without_agent)
        await hears_the_next_call(site)
        await assert_verdicts_right(site, [*fleet, *lasting])
        for call in lasting:
            assert site.verdicts(await site.leg(call.number))
    await site.nobody_left()


async def test_out_of_descriptors(site: Site, without_agent: list[Experience]) -> None:
    async with agent_under_fault(site) as agent:
        heard = await launch(site, 3)
        await listened(agent, heard)
        before = limit(agent, resource.RLIMIT_NOFILE, descriptors(agent))
        unheard = await launch(site, 3)
        await agent.logged("cannot accept connections")
        await asyncio.sleep(3.0)
        limit(agent, resource.RLIMIT_NOFILE, before)
        assert_unhurt(await experiences(site, [*heard, *unheard]), without_agent)
        await hears_the_next_call(site)
        full = {line["at"] for line in agent.events("cannot accept connections")}
        assert_unhurt(await experiences(site, await launch(site)), without_agent)  # somebody comes to each
        assert full == {line["at"] for line in agent.events("connections are accepted again")}
        await assert_verdicts_right(site, [*heard, *unheard])
    await site.nobody_left()


async def test_out_of_memory(site: Site, without_agent: list[Experience]) -> None:
    async with agent_under_fault(site) as agent:
        before = limit(agent, resource.RLIMIT_AS, 1 << 20)  # no more than it already has
        fleet = await launch(site, FIFTY)
        await asyncio.sleep(6.0)
        assert any(line["level"] == "error" for line in agent.log())
        if agent.running:
            limit(agent, resource.RLIMIT_AS, before)
        else:  # the interpreter gave up: the service is started anew, as after a kill for its memory
            await agent.start()
        assert_unhurt(await experiences(site, fleet), without_agent)
        await hears_the_next_call(site)
        await assert_verdicts_right(site, fleet)
    await site.nobody_left()


async def test_disk_full(site: Site, without_agent: list[Experience]) -> None:
    """On a disk of its own, with journal, attempts, announcements and early media on it."""
    agent = agent_under_fault(site)
    disk = agent.home / "disk"
    disk.mkdir()
    mount = f'mount -t tmpfs -o size=4m earlymedia {shlex.quote(str(disk))} && exec "$@"'
    agent.within = ("unshare", "--map-root-user", "--mount", "sh", "-c", mount, "sh")
    for section, key in (("attempts", "file"), ("journal", "path"), ("announcements", "file")):
        agent.config[section][key] = str(disk / Path(agent.config[section][key]).name)
    agent.config["harvest"] = {"folder": str(disk / "harvest")}
    agent.config["trunks"][0]["keep_audio"] = True
    async with agent:
        fleet = await launch(site, 3)
        await listened(agent, fleet)
        ballast = Path(f"/proc/{agent.pid}/root{disk}/ballast")
        fill(ballast)
        fleet += await launch(site, 3)
        assert_unhurt(await experiences(site, fleet), without_agent)
        for told in (
            "journal cannot be written, calls go on without it",
            "attempts cannot be counted, none counts as spent",
            "early media cannot be kept, calls go on without it",
        ):
            await agent.logged(told)
        ballast.unlink()
        await hears_the_next_call(site)
        await agent.logged("journal is written again")
        await assert_verdicts_right(site, fleet)
    await site.nobody_left()


async def test_the_clock_jumps_by_an_hour(site: Site, without_agent: list[Experience]) -> None:
    agent = agent_under_fault(site)
    offset = agent.home / "offset"
    offset.write_text("+0")
    agent.within = (
        "env",
        f"LD_PRELOAD={libfaketime()}",
        f"FAKETIME_TIMESTAMP_FILE={offset}",
        "FAKETIME_CACHE_DURATION=1",
        "FAKETIME_DONT_FAKE_MONOTONIC=1",
        "FAKETIME_FORCE_MONOTONIC_FIX=0",  # for an old C library, and it holds up threads
    )
    async with agent:
        fleet = await launch(site, FIFTY)
        await listened(agent, fleet)
        for hours, jump in ((1, 3600), (-1, -7200)):
            offset.write_text(f"{hours:+}h")
            told = await agent.logged("the clock was set", nth=hours < 0)
            assert told["by_seconds"] == pytest.approx(jump, abs=60)
        assert_unhurt(await experiences(site, fleet), without_agent)
        await hears_the_next_call(site)
        await assert_verdicts_right(site, fleet)
        for call in fleet:
            assert site.verdicts(await site.leg(call.number))
    await site.nobody_left()


def libfaketime() -> Path:
    """Return the library that gives a process a clock of its own; `scripts/setup` installs it."""
    for library in Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"):
        return library
    pytest.fail("faketime is not installed: run ./scripts/setup", pytrace=False)
