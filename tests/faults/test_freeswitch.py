"""Whatever becomes of FreeSWITCH's event socket while fifty calls are up: none ends, no verdict is wrong.

The FreeSWITCH is a script that does what the real one was seen to do; the agent is a process of its own.
"""

import asyncio
import itertools
import os
import resource
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agent.demo.agent import LabAgent
from agent.demo.audio import RINGING_NORTH_AMERICA
from agent.verdict import fields
from tests.faults.kills import RESTART_SECONDS
from tests.faults.manager_proxy import ManagerProxy
from tests.faults.scarcity import descriptors, limit
from tests.lab_fixtures import until
from tests.pbx.freeswitch.scripted_event_socket import PASSWORD, Channel, ScriptedFreeSwitch

Fault = Callable[[ManagerProxy, LabAgent], Coroutine[Any, Any, None]]

CALLS, ANSWERED = 50, 10
CHUNK_SECONDS = 0.1
FLOOD_A_SECOND, FLOOD_SECONDS = 20_000, 4


@dataclass(frozen=True, slots=True)
class ScriptedLab:
    """What an agent has to know of a scripted FreeSWITCH behind a proxy."""

    home: Path
    port: int
    listening_event: str = "connected to FreeSWITCH"

    @property
    def agent_config(self) -> dict[str, Any]:
        return {
            "pbx": "freeswitch",
            "trunks": [{"match": "sofia/gateway/carrier*", "name": "carrier"}],
            "freeswitch": {
                "port": self.port,
                "password": PASSWORD,
                "tap_folder": str(self.home / "taps"),
            },
        }


async def cut(proxy: ManagerProxy, agent: LabAgent) -> None:
    proxy.cut()
    await agent.logged("no connection to FreeSWITCH")


async def half_open(proxy: ManagerProxy, agent: LabAgent) -> None:
    proxy.dead = True
    await agent.logged("no connection to FreeSWITCH", timeout_seconds=20)
    proxy.dead = False


async def slow(proxy: ManagerProxy, agent: LabAgent) -> None:
    proxy.delay_s = 1.0  # each way
    await asyncio.sleep(6.0)
    proxy.delay_s = 0.0
    assert not agent.events("no connection to FreeSWITCH")


async def garbage(proxy: ManagerProxy, agent: LabAgent) -> None:
    await proxy.say(os.urandom(2000) + b"\n\nContent-Length: -1\n\n")
    await agent.logged("no connection to FreeSWITCH")


async def flood(proxy: ManagerProxy, agent: LabAgent) -> None:
    body = b'{"Event-Name":"CHANNEL_PROGRESS","Unique-ID":"other","Call-Direction":"inbound"}'
    event = b"Content-Length: %d\nContent-Type: text/event-json\n\n%s" % (len(body), body)
    for _ in range(10 * FLOOD_SECONDS):
        await asyncio.gather(proxy.say(FLOOD_A_SECOND // 10 * event), asyncio.sleep(0.1))


async def killed(_: ManagerProxy, agent: LabAgent) -> None:
    heard = len(agent.events("listening"))
    await agent.kill()
    await asyncio.sleep(RESTART_SECONDS)
    await agent.start()
    await until(lambda: len(agent.events("listening")) >= heard + CALLS)  # all are taken up again


async def stopped_for_ten_seconds(_: ManagerProxy, agent: LabAgent) -> None:
    agent.freeze()
    await asyncio.sleep(10.0)
    agent.thaw()


async def out_of_descriptors(_: ManagerProxy, agent: LabAgent) -> None:
    before = limit(agent, resource.RLIMIT_NOFILE, descriptors(agent))
    await asyncio.sleep(3.0)
    limit(agent, resource.RLIMIT_NOFILE, before)


@pytest.mark.parametrize(
    "fault", [cut, half_open, slow, garbage, flood, killed, stopped_for_ten_seconds, out_of_descriptors]
)
async def test_fifty_calls_do_not_notice(fault: Fault, tmp_path: Path) -> None:
    freeswitch = ScriptedFreeSwitch()
    await freeswitch.start()
    async with (
        ManagerProxy(freeswitch.port) as proxy,
        LabAgent(ScriptedLab(tmp_path, proxy.port)) as agent,
        ringing(freeswitch),
    ):
        legs = [call(freeswitch, f"leg-{number}") for number in range(CALLS)]
        await until(lambda: len(agent.events("listening")) == CALLS)
        await asyncio.sleep(2.0)
        faulty = asyncio.create_task(fault(proxy, agent))
        await asyncio.sleep(0.5)
        meanwhile = call(freeswitch, "meanwhile")
        await faulty
        late = call(freeswitch, "late")
        await until(lambda: bool(late.recordings), timeout_seconds=10)
        for leg in legs[:ANSWERED]:
            freeswitch.answer(leg)
        await until(lambda: all(outcome(freeswitch, leg) == "answered" for leg in legs[:ANSWERED]))
        await until(lambda: all(outcome(freeswitch, leg) == "ringing" for leg in legs[ANSWERED:]))
        if fault is not out_of_descriptors:  # whose tap cannot be opened goes on unheard
            await until(lambda: outcome(freeswitch, meanwhile) == "ringing")
        assert not freeswitch.named("api uuid_kill")
        assert set(freeswitch.channels) >= {leg.uuid for leg in legs}
        for leg in legs:
            freeswitch.end(leg, "USER_BUSY", sip=486)
        await until(lambda: len(verdicts(freeswitch)) == CALLS)
        assert sorted(verdicts(freeswitch)) == ["answered"] * ANSWERED + ["ringing"] * (CALLS - ANSWERED)
    await freeswitch.stop()


def call(freeswitch: ScriptedFreeSwitch, uuid: str) -> Channel:
    """Begin a call that has early media."""
    leg = freeswitch.dial(uuid)
    freeswitch.early_media(leg)
    return leg


@asynccontextmanager
async def ringing(freeswitch: ScriptedFreeSwitch) -> AsyncIterator[None]:
    """Let every far end ring."""
    playing = asyncio.create_task(_ring(freeswitch))
    try:
        yield
    finally:
        playing.cancel()
        await asyncio.gather(playing, return_exceptions=True)


async def _ring(freeswitch: ScriptedFreeSwitch) -> None:
    audio, size = RINGING_NORTH_AMERICA.ulaw(6.0), round(8000 * CHUNK_SECONDS)
    for start in itertools.cycle(range(0, len(audio), size)):
        for leg in tuple(freeswitch.channels.values()):
            freeswitch.speak(leg, audio[start : start + size])
        await asyncio.sleep(CHUNK_SECONDS)


def outcome(freeswitch: ScriptedFreeSwitch, leg: Channel) -> str:
    return leg.variables.get(fields.OUTCOME, "")


def verdicts(freeswitch: ScriptedFreeSwitch) -> list[str]:
    """Return the outcomes of the verdict events so far."""
    lines = [line for told in freeswitch.named("sendevent") for line in told.split("\n")]
    return [line.removeprefix(f"{fields.OUTCOME}: ") for line in lines if line.startswith(fields.OUTCOME)]
