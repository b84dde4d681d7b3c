"""The context of the spy, where Asterisk has no AudioSocket."""

import asyncio
import os
import socket

import pytest

from agent.demo.asterisk import LabAsterisk
from agent.demo.call import Scenario
from agent.demo.carrier import Carrier
from agent.demo.dialer import Dialer
from agent.pbx.asterisk.spy import SPY_OPTIONS
from tests.dialplan.played_agent import (
    COUNTED,
    accept,
    receive,
    recv_fds,
)

pytestmark = pytest.mark.pbx


async def spied_on(dialer: Dialer) -> str:
    """Dial a leg and, once its early media comes, send a spy as the agent does; return the leg's Uniqueid."""
    leg = await dialer.originate("PJSIP/700@carrier", "answered")
    progress = await dialer.event("DialState", lambda e: e.get("DialStatus") == "PROGRESS")
    await dialer.action(
        "Originate",
        {"CDR_PROP(disable)": "1"},
        Channel="Local/tap@earlymedia-spy/n",
        Application="ChanSpy",
        Data=f"{progress.get('DestChannel')},{SPY_OPTIONS}",
        ChannelId=f"emtap-{leg}",
        OtherChannelId=f"emtap2-{leg}",
        Async="true",
    )
    return leg


async def test_the_spy_brings_early_media_and_leaves_no_record(
    agent: socket.socket, lab: LabAsterisk, carrier: Carrier, dialer: Dialer
) -> None:
    carrier.scenarios["700"] = Scenario(audio=COUNTED, loop=True, seconds=3.0, final=486)
    leg = await spied_on(dialer)
    with await accept(agent) as connection:
        data, fds, _, _ = await asyncio.to_thread(recv_fds, connection)
        environment = data
        while b"\n\n" not in environment:
            environment += await receive(connection)
        assert data.startswith(b"EAGI\0tap\n")
        assert f"agi_uniqueid: emtap2-{leg}\n".encode() in environment
        await asyncio.sleep(1.0)
        assert len(os.read(fds[0], 65536)) > 320 * 35
        os.close(fds[0])
        await dialer.event("Hangup", lambda e: e.get("Uniqueid") == leg, timeout_seconds=15)
    await dialer.event("Hangup", lambda e: e.get("Uniqueid") == f"emtap2-{leg}")
    await asyncio.sleep(0.2)
    records = {record.uniqueid for record in lab.call_records()}
    assert leg in records
    assert not records & {f"emtap-{leg}", f"emtap2-{leg}"}


async def test_a_spy_without_an_agent_goes_away(lab: LabAsterisk, carrier: Carrier, dialer: Dialer) -> None:
    carrier.scenarios["700"] = Scenario(audio=COUNTED, loop=True, seconds=1.5, final=486)
    leg = await spied_on(dialer)
    gone = await dialer.event("Hangup", lambda e: e.get("Uniqueid") == f"emtap2-{leg}")
    call = await carrier.ended("700")
    assert call.final_sent is not None
    assert gone.at < call.final_sent
    assert (call.final_status, call.cancelled) == (486, None)
