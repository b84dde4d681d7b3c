"""Pattern A, with no agent, one that never accepts, or one that a test plays itself."""

import asyncio
import hashlib
import os
import socket
import time
import uuid
from pathlib import Path

import pytest

from agent.demo.asterisk import LabAsterisk
from agent.demo.call import Provisional, Scenario
from agent.demo.carrier import Carrier
from agent.demo.dialer import Dialer
from tests.dialplan.played_agent import (
    COUNTED,
    accept,
    applications,
    originate_pattern_a,
    read,
    read_line,
    receive,
    recv_fds,
    told,
)

pytestmark = pytest.mark.pbx


@pytest.mark.parametrize("context", ["earlymedia-originate", "earlymedia-originate-audiosocket"])
async def test_originate_without_an_agent_waits_for_the_true_answer(
    carrier: Carrier, dialer: Dialer, context: str
) -> None:
    carrier.scenarios["700"] = Scenario(audio=COUNTED, seconds=1.5, final=200, answered_seconds=1.0)
    uniqueid = await originate_pattern_a(dialer, "700", context=context)
    report = await dialer.report("answered", uniqueid=uniqueid)
    answered = carrier.calls_to("700")[0].final_sent
    assert answered is not None
    assert 0 < report.at - answered < 0.5
    assert told(report) == {"EARLYMEDIA_STATUS": "unavailable"}
    # The ring time-out no longer holds, the dialer's own h runs, and the carrier ends the call.
    await dialer.report("h", uniqueid=uniqueid)
    call = await carrier.ended("700")
    assert (call.cancelled, call.bye_received) == (None, None)


@pytest.mark.parametrize("context", ["earlymedia-originate", "earlymedia-originate-audiosocket"])
async def test_originate_that_is_answered_at_once(carrier: Carrier, dialer: Dialer, context: str) -> None:
    carrier.scenarios["700"] = Scenario(Provisional.TRYING, seconds=0.3, final=200, answered_seconds=0.5)
    uniqueid = await originate_pattern_a(dialer, "700", context=context)
    report = await dialer.report("answered", uniqueid=uniqueid)
    answered = carrier.calls_to("700")[0].final_sent
    assert answered is not None
    assert report.at - answered < 0.15


@pytest.mark.parametrize("context", ["earlymedia-originate", "earlymedia-originate-audiosocket"])
async def test_originate_that_is_refused_runs_the_dialers_h(
    carrier: Carrier, dialer: Dialer, context: str
) -> None:
    carrier.scenarios["700"] = Scenario(audio=COUNTED, seconds=1.0, final=486)
    uniqueid = await originate_pattern_a(dialer, "700", context=context)
    report = await dialer.report("h", uniqueid=uniqueid)
    assert (report.get("HangupCause"), report.get("TechCause")) == ("17", "SIP 486 Busy Here")
    assert not list(dialer.named("LabReport", lambda e: e.get("Where") == "answered"))
    call = await carrier.ended("700")
    assert (call.cancelled, call.final_status) == (None, 486)


async def test_originate_without_a_next_context_hangs_up_at_the_answer_and_says_why(
    lab: LabAsterisk, carrier: Carrier, dialer: Dialer
) -> None:
    carrier.scenarios["700"] = Scenario(audio=COUNTED, seconds=0.3, final=200, answered_seconds=None)
    await originate_pattern_a(dialer, "700", EARLYMEDIA_NEXT_CONTEXT="")
    call = await carrier.ended("700")
    assert call.final_sent is not None
    assert call.bye_received is not None
    assert call.bye_received - call.final_sent < 0.5
    assert "EARLYMEDIA_NEXT_CONTEXT is not set" in lab.log()


async def test_originate_rings_out_with_cause_19(carrier: Carrier, dialer: Dialer) -> None:
    carrier.scenarios["700"] = Scenario(audio=COUNTED, loop=True, final=None)
    uniqueid = await originate_pattern_a(dialer, "700", EARLYMEDIA_RING_SECONDS="1")
    call = await carrier.ended("700")
    assert call.cancelled is not None
    assert call.cancelled - call.invited == pytest.approx(1.0, abs=0.4)
    assert call.cancel_reason == "Q.850;cause=19"
    await dialer.report("h", uniqueid=uniqueid)
    assert applications(dialer).isdisjoint({"AGI", "EAGI"})


async def test_originate_with_an_agent_that_never_accepts(
    agent: socket.socket, carrier: Carrier, dialer: Dialer
) -> None:
    carrier.scenarios["700"] = Scenario(audio=COUNTED, seconds=0.5, final=200, answered_seconds=2.0)
    uniqueid = await originate_pattern_a(dialer, "700")
    report = await dialer.report("answered", uniqueid=uniqueid)
    invited = carrier.calls_to("700")[0].invited
    # The handshake's fuse is 1.5 s.
    assert report.at - invited < 2.0


async def test_originate_refused_while_the_agent_does_not_accept(
    agent: socket.socket, carrier: Carrier, dialer: Dialer
) -> None:
    carrier.scenarios["700"] = Scenario(audio=COUNTED, seconds=0.5, final=404)
    uniqueid = await originate_pattern_a(dialer, "700")
    report = await dialer.report("h", uniqueid=uniqueid)
    final_sent = (await carrier.ended("700")).final_sent
    assert final_sent is not None
    assert report.at - final_sent < 0.4


async def test_originate_brings_every_sample_to_the_agent(
    agent: socket.socket, carrier: Carrier, dialer: Dialer
) -> None:
    carrier.scenarios["700"] = Scenario(audio=COUNTED, seconds=2.2, final=486)
    began = time.monotonic()
    placing = originate_pattern_a(dialer, "700")
    with await accept(agent) as connection:
        attached = time.monotonic()
        data, fds, _, _ = await asyncio.to_thread(recv_fds, connection)
        assert data.startswith(b"EAGI\x00700")
        [audio] = fds
        heard = b""
        environment = data.partition(b"\n")[2]
        while b"\n\n" not in environment:
            environment += await receive(connection)
        assert f"agi_uniqueid: {await placing}\n".encode() in environment
        os.set_blocking(audio, False)
        while (line := read_line(connection)) is None:
            heard += read(audio)
            await asyncio.sleep(0.05)
        assert line == b"HANGUP\n"
        heard += read(audio)
        connection.send(b'SET VARIABLE EARLYMEDIA_OUTCOME "busy"\n')
        assert (await receive(connection)).startswith(b"200 result=1")
        os.close(audio)
    report = await dialer.report("h")
    assert told(report)["EARLYMEDIA_OUTCOME"] == "busy"
    # Sent as mu-law, heard as 16-bit: each packet becomes 320 bytes of one value, in order, none missing.
    packets = [heard[i : i + 320] for i in range(0, len(heard), 320)]
    assert len(packets) >= 100
    assert all(packet == packet[:2] * 160 for packet in packets[:100])
    assert len({packet[:2] for packet in packets[:100]}) == 100
    assert attached - began < 1.0


async def test_originate_starts_no_second_process_for_a_last_word_that_is_there(
    agent: socket.socket, carrier: Carrier, dialer: Dialer
) -> None:
    carrier.scenarios["700"] = Scenario(audio=COUNTED, seconds=1.0, final=486)
    last_word = {"EARLYMEDIA_CAUSE": "17", "EARLYMEDIA_AGREEMENT": "agrees", "EARLYMEDIA_STATUS": "final"}
    uniqueid = await originate_pattern_a(dialer, "700")
    with await accept(agent) as connection:
        _, [audio], _, _ = await asyncio.to_thread(recv_fds, connection)
        while not (await receive(connection)).endswith(b"HANGUP\n"):
            pass
        for name, value in last_word.items():
            connection.send(f'SET VARIABLE {name} "{value}"\n'.encode())
            assert (await receive(connection)).startswith(b"200 result=1")
        os.close(audio)
    assert told(await dialer.report("h", uniqueid=uniqueid)) == last_word
    assert "AGI" not in applications(dialer)


@pytest.mark.audiosocket
async def test_audiosocket_tells_the_agent_which_channel_it_is(
    chroot: Path, lab: LabAsterisk, carrier: Carrier, dialer: Dialer
) -> None:
    carrier.scenarios["700"] = Scenario(audio=COUNTED, seconds=1.0, final=486)
    await dialer.action("Setvar", Variable="EARLYMEDIA_TOKEN", Value="s3cret")
    received = asyncio.get_running_loop().create_future()
    lab.agent_socket.touch()  # the snippet looks whether an agent is there

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.set_result(await reader.readexactly(19 + 323))
        await reader.read()
        writer.close()

    async with await asyncio.start_server(take, "127.0.0.1", lab.ports.audiosocket):
        uniqueid = await originate_pattern_a(dialer, "700", context="earlymedia-originate-audiosocket")
        data = await asyncio.wait_for(received, 5)
        await dialer.report("h", uniqueid=uniqueid)
    lab.agent_socket.unlink()
    await dialer.action("Setvar", Variable="EARLYMEDIA_TOKEN", Value="")
    assert data[:3] == b"\x01\x00\x10"
    assert data[3:19] == hashlib.md5(b"s3cret" + uniqueid.encode()).digest()
    assert data[19:22] == b"\x10\x01\x40"
    assert uuid.UUID(bytes=data[3:19])


async def test_without_the_module_the_audiosocket_context_still_rings(
    lab_without_audiosocket: LabAsterisk,
) -> None:
    lab = lab_without_audiosocket
    async with Carrier(port=lab.ports.carrier) as carrier, lab.dialer() as dialer:
        carrier.scenarios["700"] = Scenario(audio=COUNTED, seconds=0.5, final=200, answered_seconds=0.5)
        uniqueid = await originate_pattern_a(dialer, "700", context="earlymedia-originate-audiosocket")
        assert told(await dialer.report("answered", uniqueid=uniqueid)) == {
            "EARLYMEDIA_STATUS": "unavailable"
        }
        await carrier.ended("700")
