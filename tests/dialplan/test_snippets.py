"""The shipped snippets on a real Asterisk, with no agent, a stalled one, or one that a test plays itself."""

import asyncio
import hashlib
import os
import socket
import time
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent.demo.asterisk import LabAsterisk
from agent.demo.call import Provisional, Scenario
from agent.demo.carrier import Carrier
from agent.demo.dialer import Dialer
from agent.demo.happenings import Happening
from tests.conftest import Call

pytestmark = pytest.mark.pbx

COUNTED = b"".join(bytes([n]) * 160 for n in range(100))
"""Two seconds in which every packet can be told from every other."""


@pytest.fixture
async def agent(lab: LabAsterisk) -> AsyncIterator[socket.socket]:
    """The agent's socket, listening: who accepts on it plays the agent; until then it is stalled."""
    lab.agent_socket.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(lab.agent_socket))
        listener.listen(50)
        listener.setblocking(False)
        yield listener
    lab.agent_socket.unlink()


async def accept(listener: socket.socket) -> socket.socket:
    connection, _ = await asyncio.wait_for(asyncio.get_running_loop().sock_accept(listener), 5)
    connection.setblocking(False)
    await asyncio.get_running_loop().sock_sendall(connection, b"+")
    return connection


async def receive(connection: socket.socket) -> bytes:
    return await asyncio.wait_for(asyncio.get_running_loop().sock_recv(connection, 4096), 5)


async def answer_syncs(listener: socket.socket, answer: bytes, questions: list[bytes]) -> None:
    while True:
        with await accept(listener) as connection:
            questions.append(await receive(connection))
            await asyncio.get_running_loop().sock_sendall(connection, answer)


def originate_pattern_a(dialer: Dialer, number: str, **variables: str) -> "asyncio.Future[str]":
    context = variables.pop("context", "earlymedia-originate")
    return asyncio.ensure_future(
        dialer.originate(
            f"PJSIP/{number}@carrier",
            context,
            early_media=True,
            variables={"EARLYMEDIA_NUMBER": number, "EARLYMEDIA_NEXT_CONTEXT": "answered", **variables},
        )
    )


def applications(dialer: Dialer) -> set[str]:
    """Every application that the dialplan has run."""
    run = {event.get("Application") for event in dialer.named("Newexten")}
    assert run
    return run


def told(report: Happening) -> dict[str, str]:
    return {key: value for key, value in report.headers if key.startswith("EARLYMEDIA_") and value}


# Around a Dial() of one's own


@pytest.mark.parametrize(("extension", "final"), [("1700", 486), ("2700", 503), ("7700", 404), ("5700", 480)])
async def test_without_an_agent_a_dialled_call_ends_as_ever(
    carrier: Carrier, call: Call, dialer: Dialer, extension: str, final: int
) -> None:
    carrier.scenarios["700"] = Scenario(audio=COUNTED, seconds=1.0, final=final)
    caller = await call(extension)
    assert await caller.final() == final
    report = await dialer.report("after-dial")
    assert told(report) == ({} if extension == "5700" else {"EARLYMEDIA_STATUS": "unavailable"})
    assert told(await dialer.report("h")) == told(report)
    assert applications(dialer).isdisjoint({"AGI", "EAGI"})


async def test_without_an_agent_the_refusal_is_not_delayed(carrier: Carrier, call: Call) -> None:
    carrier.scenarios["700"] = Scenario(seconds=0.3, final=486)
    caller = await call("1700")
    await caller.final()
    final_sent = (await carrier.ended("700")).final_sent
    assert final_sent is not None
    assert caller.responses[-1].at - final_sent < 0.25


async def test_a_stalled_agent_holds_the_caller_a_tenth_of_a_second(
    agent: socket.socket, carrier: Carrier, call: Call, dialer: Dialer
) -> None:
    carrier.scenarios["700"] = Scenario(seconds=0.3, final=486)
    caller = await call("1700")
    assert await caller.final() == 486
    final_sent = (await carrier.ended("700")).final_sent
    assert final_sent is not None
    assert caller.responses[-1].at - final_sent < 0.35
    assert told(await dialer.report("h")) == {"EARLYMEDIA_STATUS": "unavailable"}


async def test_the_last_word_of_the_agent_is_read_and_its_cause_returned(
    agent: socket.socket, carrier: Carrier, call: Call, dialer: Dialer
) -> None:
    carrier.scenarios["700"] = Scenario(seconds=0.3, final=480)
    questions: list[bytes] = []
    answer = b"EARLYMEDIA_OUTCOME=number_unobtainable\nEARLYMEDIA_CAUSE=1\nEARLYMEDIA_STATUS=final\n"
    answering = asyncio.create_task(answer_syncs(agent, answer, questions))
    caller = await call("1700")
    assert await caller.final() == 404
    report = await dialer.report("after-dial")
    assert questions[0] == b"SYNC\0" + report.get("Uniqueid").encode() + b"\n"
    assert (report.get("HangupCause"), report.get("LabCause")) == ("19", "1")
    assert told(report)["EARLYMEDIA_OUTCOME"] == "number_unobtainable"
    answering.cancel()


@pytest.mark.parametrize(
    "answer",
    [
        b"EARLYMEDIA_CAUSE=1\nEARLYMEDIA_STATUS=listening\n",
        b"EARLYMEDIA_CAUSE=\nEARLYMEDIA_STATUS=final\n",
        b"EARLYMEDIA_STATUS=unavailable\n",
    ],
)
async def test_what_is_not_final_or_has_no_cause_decides_nothing(
    agent: socket.socket, carrier: Carrier, call: Call, answer: bytes
) -> None:
    carrier.scenarios["700"] = Scenario(seconds=0.3, final=480)
    answering = asyncio.create_task(answer_syncs(agent, answer, []))
    caller = await call("1700")
    assert await caller.final() == 480
    answering.cancel()


async def test_a_call_that_was_answered_keeps_its_own_cause(
    agent: socket.socket, carrier: Carrier, call: Call, dialer: Dialer
) -> None:
    carrier.scenarios["700"] = Scenario(seconds=0.2, final=200, answered_seconds=0.3)
    answer = b"EARLYMEDIA_CAUSE=1\nEARLYMEDIA_STATUS=final\n"
    answering = asyncio.create_task(answer_syncs(agent, answer, []))
    await call("8700")
    report = await dialer.report("after-dial")
    assert (report.get("DialStatus"), report.get("LabCause")) == ("ANSWER", "16")
    answering.cancel()


async def test_values_with_quotes_arrive_as_they_are(
    agent: socket.socket, carrier: Carrier, dialer: Dialer
) -> None:
    carrier.scenarios["700"] = Scenario(Provisional.TRYING, seconds=0.1, final=200, answered_seconds=None)
    outcome = r'announcement:the "new" \ number, 5; é ${X} $[1+1]'
    answering = asyncio.create_task(answer_syncs(agent, f"EARLYMEDIA_OUTCOME={outcome}\n".encode(), []))
    await dialer.originate("PJSIP/700@carrier", "bare", exten="sync")
    channel = (await dialer.event("LabSynced")).get("Channel")
    got = await dialer.action("Getvar", Channel=channel, Variable="EARLYMEDIA_OUTCOME")
    assert got.get("Value") == outcome
    answering.cancel()


async def test_a_caller_that_gives_up_is_asked_about_in_h(
    agent: socket.socket, carrier: Carrier, call: Call, dialer: Dialer
) -> None:
    carrier.scenarios["700"] = Scenario(audio=COUNTED, loop=True, final=None)
    questions: list[bytes] = []
    answering = asyncio.create_task(answer_syncs(agent, b"EARLYMEDIA_STATUS=final\n", questions))
    caller = await call("1700")
    await caller.status(183)
    await asyncio.sleep(0.3)
    caller.cancel()
    report = await dialer.report("h")
    assert told(report) == {"EARLYMEDIA_STATUS": "final"}
    assert questions == [b"SYNC\0" + report.get("Uniqueid").encode() + b"\n"]
    assert (await carrier.ended("700")).cancelled is not None
    answering.cancel()


async def test_a_second_attempt_forgets_the_first(
    agent: socket.socket, carrier: Carrier, call: Call, dialer: Dialer
) -> None:
    carrier.scenarios["700"] = Scenario(seconds=0.3, final=503)

    async def first_only() -> None:
        with await accept(agent) as connection:
            await receive(connection)
            connection.send(b"EARLYMEDIA_OUTCOME=congestion\nEARLYMEDIA_CAUSE=34\nEARLYMEDIA_STATUS=final\n")

    answering = asyncio.create_task(first_only())
    await call("4700")
    assert told(await dialer.report("first-attempt"))["EARLYMEDIA_OUTCOME"] == "congestion"
    assert told(await dialer.report("after-dial")) == {"EARLYMEDIA_STATUS": "unavailable"}
    await answering
    assert len(carrier.calls_to("700")) == 2


# Pattern A


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


def recv_fds(connection: socket.socket) -> tuple[bytes, list[int], int, object]:
    connection.settimeout(5)
    try:
        return socket.recv_fds(connection, 4096, 4)
    finally:
        connection.setblocking(False)


def read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except BlockingIOError:
        return b""


def read_line(connection: socket.socket) -> bytes | None:
    try:
        return connection.recv(100)
    except BlockingIOError:
        return None


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


# The spy, where there is no AudioSocket


async def test_the_spy_brings_early_media_and_leaves_no_record(
    agent: socket.socket, lab: LabAsterisk, carrier: Carrier, dialer: Dialer
) -> None:
    carrier.scenarios["700"] = Scenario(audio=COUNTED, loop=True, seconds=3.0, final=486)
    leg = await dialer.originate("PJSIP/700@carrier", "answered")
    await dialer.event("DialState", lambda e: e.get("DialStatus") == "PROGRESS")
    channel = (await dialer.event("DialState")).get("DestChannel")
    await dialer.action(
        "Originate",
        {"CDR_PROP(disable)": "1"},
        Channel="Local/tap@earlymedia-spy/n",
        Application="ChanSpy",
        Data=f"{channel},qoES",
        ChannelId=f"emtap-{leg}",
        OtherChannelId=f"emtap2-{leg}",
        Async="true",
    )
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
    leg = await dialer.originate("PJSIP/700@carrier", "answered")
    channel = (await dialer.event("DialState", lambda e: e.get("DialStatus") == "PROGRESS")).get(
        "DestChannel"
    )
    await dialer.action(
        "Originate",
        Channel="Local/tap@earlymedia-spy/n",
        Application="ChanSpy",
        Data=f"{channel},qoES",
        ChannelId=f"emtap-{leg}",
        OtherChannelId=f"emtap2-{leg}",
        Async="true",
    )
    gone = await dialer.event("Hangup", lambda e: e.get("Uniqueid") == f"emtap2-{leg}")
    call = await carrier.ended("700")
    assert call.final_sent is not None
    assert gone.at < call.final_sent
    assert (call.final_status, call.cancelled) == (486, None)
