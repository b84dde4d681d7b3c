"""Whatever becomes of the manager interface while fifty calls are up: none changes, no verdict is wrong."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable

import pytest

from agent.demo.agent import LabAgent
from agent.pbx.asterisk.ami_message import MAX_MESSAGE_BYTES
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
from tests.faults.manager_proxy import ManagerProxy
from tests.lab_fixtures import Site

pytestmark = [pytest.mark.pbx, pytest.mark.asyncio(loop_scope="session")]

Fault = Callable[[ManagerProxy, LabAgent], Awaitable[None]]
FLOOD_A_SECOND = 20_000
FLOOD_SECONDS = 4


async def cut_and_then_an_endless_message(proxy: ManagerProxy, agent: LabAgent) -> None:
    proxy.cut()
    told = await _told(agent)  # the end of the stream, or a reset where something was on its way
    assert "Asterisk closed the connection" in told or "Connection reset" in told
    await agent.logged("connected to Asterisk", nth=1, timeout_seconds=30)
    # Far more than may come, or Asterisk's next event might end it with what was read last.
    await proxy.say(b"Event: " + 4 * MAX_MESSAGE_BYTES * b"x")
    assert f"more than {MAX_MESSAGE_BYTES} bytes" in await _told(agent, nth=1)


async def half_open(proxy: ManagerProxy, agent: LabAgent) -> None:
    """For so long that every call is answered or refused meanwhile, and some have ended unseen."""
    proxy.dead = True
    await asyncio.sleep(8.5)
    assert "did not answer" in await _told(agent)
    proxy.dead = False


async def garbage_on_a_slow_line(proxy: ManagerProxy, agent: LabAgent) -> None:
    proxy.delay_s = 1.0  # each way
    for _ in range(50):
        await proxy.say(os.urandom(200) + b"\r\n\r\nEvent\r\n\r\nResponse: Success\r\nActionID: \xff\r\n\r\n")
        await asyncio.sleep(0.1)
    proxy.delay_s = 0.0
    assert not agent.events("no AMI connection")


async def flood(proxy: ManagerProxy, agent: LabAgent) -> None:
    event = (
        b"Event: VarSet\r\nChannel: PJSIP/other-00000001\r\nVariable: x\r\nValue: y\r\nUniqueid: 1.1\r\n\r\n"
    )
    due = time.monotonic()
    for _ in range(10 * FLOOD_SECONDS):
        await proxy.say(FLOOD_A_SECOND // 10 * event)
        due += 0.1
        await asyncio.sleep(due - time.monotonic())
    await agent.logged("Asterisk sends a flood of events: see eventfilter= in manager.conf")


@pytest.mark.parametrize("fault", [cut_and_then_an_endless_message, half_open, garbage_on_a_slow_line, flood])
async def test_fifty_calls_do_not_notice(fault: Fault, site: Site, without_agent: list[Experience]) -> None:
    async with (
        ManagerProxy(site.lab.ports.ami) as proxy,
        agent_under_fault(site, asterisk={"port": proxy.port}) as agent,
    ):
        fleet = await launch(site, FIFTY)
        await listened(agent, fleet)
        await fault(proxy, agent)
        assert_unhurt(await experiences(site, fleet), without_agent)
        await hears_the_next_call(site)
        await assert_verdicts_right(site, fleet)
    await site.nobody_left()


async def _told(agent: LabAgent, nth: int = 0) -> str:
    problem: str = (await agent.logged("no AMI connection", nth=nth, timeout_seconds=30))["problem"]
    return problem
