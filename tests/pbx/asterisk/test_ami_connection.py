"""What Asterisk sends is understood however it is cut, and no bytes of its can raise."""

import asyncio
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.pbx.asterisk.ami_connection import AmiConnection
from agent.pbx.asterisk.ami_message import AmiEvent, AmiUnavailableError

BANNER = b"Asterisk Call Manager/11.0.0\r\n"


class Wire(asyncio.Transport):
    """Keeps what was written; the ActionID of each action can be read from it."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.aborted = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    def abort(self) -> None:
        self.aborted = True


def conversation(chunks: list[bytes]) -> tuple[list[tuple[str, str]], str, bool]:
    """Events told, the fate of Originate t-1 (Setvar t-2 was posted beside it), and whether it hung up."""

    async def converse() -> tuple[list[tuple[str, str]], str, bool]:
        wire = Wire()
        connection = AmiConnection("t", 10, Counter())
        connection.connection_made(wire)
        events: list[AmiEvent] = []
        connection.deliver_to(events.append)
        reply = connection.request("Originate", {"Channel": "x"})
        connection.post("Setvar", {"Variable": "X"})
        await asyncio.sleep(0)
        for chunk in chunks:
            connection.data_received(chunk)
        outcome = repr(reply.exception() or reply.result()) if reply.done() else "waits"
        connection.connection_lost(None)
        await asyncio.sleep(0)
        return [(event.name, repr(event.headers)) for event in events], outcome, wire.aborted

    return asyncio.run(converse())


KEYS = [
    "ActionID",
    "Event",
    "Response",
    "ActionID",
    "Message",
    "EventList",
    "SubEvent",
    "Result",
    "event",
    "content",
    "X",
    "",
]
VALUES = [
    "Success",
    "Error",
    "Follows",
    "Originate successfully queued",
    "start",
    "Complete",
    "OriginateResponse",
    "t-1",
    "t-2",
]
LINES = st.builds("{}: {}".format, st.sampled_from(KEYS), st.sampled_from(VALUES) | st.text(max_size=8))
MESSAGES = st.lists(LINES | st.text(max_size=10), max_size=6).map(lambda lines: "\r\n".join([*lines, "", ""]))
STREAMS = st.lists(MESSAGES, max_size=8).map(lambda messages: "".join(messages).encode(errors="replace"))


@given(STREAMS | st.binary(max_size=300), st.data())
def test_any_bytes_tell_the_same_however_they_are_cut(stream: bytes, data: st.DataObject) -> None:
    stream = BANNER + stream
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    pieces = [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert conversation([piece for piece in pieces if piece]) == conversation([stream])


@given(st.binary(min_size=1, max_size=60))
def test_what_does_not_begin_as_asterisk_does_is_left(stream: bytes) -> None:
    _, _, aborted = conversation([stream])
    assert aborted != (BANNER.startswith(stream) or stream.startswith(BANNER[:22]))


@given(st.lists(LINES, max_size=6))
def test_a_good_answer_says_the_same_whoever_reads_it(lines: list[str]) -> None:
    """Getvar's is read as it is, that of any other action by panoramisk."""

    async def answered(action: str) -> str:
        connection = AmiConnection("t", 10, Counter())
        connection.connection_made(Wire())
        reply = connection.request(action, {})
        answer = "\r\n".join(["Response: Success", "ActionID: t-1", *lines, "", ""])
        connection.data_received(BANNER + answer.encode(errors="replace"))
        await asyncio.sleep(0)
        return repr(reply.exception() or reply.result()) if reply.done() else "waits"

    assert asyncio.run(answered("Getvar")) == asyncio.run(answered("CoreStatus"))


@given(st.lists(LINES, max_size=6))
def test_an_event_says_the_same_whoever_reads_it(lines: list[str]) -> None:
    """One that belongs to no answer is read as it is; an empty line before it leaves it to panoramisk."""
    event = "\r\n".join(["Event: Newstate", *lines, "", ""]).encode(errors="replace")
    as_it_is, _, _ = conversation([BANNER + event])
    by_panoramisk, _, _ = conversation([BANNER + b"\r\n" + event])
    assert as_it_is == by_panoramisk
    assert [name for name, _ in as_it_is] == ["Newstate"] or any(
        line[:5].lower() == "event" for line in lines
    )


async def test_after_the_loss_nothing_is_sent() -> None:
    wire = Wire()
    connection = AmiConnection("t", 10, Counter())
    connection.connection_made(wire)
    connection.post("Hangup", {"Channel": "PJSIP/c-1"})
    connection.connection_lost(ConnectionResetError("reset"))
    await asyncio.sleep(0)
    assert wire.written == b""
    assert await connection.lost == "reset"
    with pytest.raises(AmiUnavailableError, match="is lost"):
        connection.post("Hangup", {"Channel": "PJSIP/c-1"})


async def test_what_is_said_in_one_pass_travels_together() -> None:
    wire = Wire()
    connection = AmiConnection("t", 10, Counter())
    connection.connection_made(wire)
    connection.post("Setvar", {"Variable": "A", "Value": "1"})
    connection.post("Setvar", {"Variable": "B", "Value": "2"})
    assert wire.written == b""
    await asyncio.sleep(0)
    assert wire.written == (
        b"Action: Setvar\r\nActionID: t-1\r\nVariable: A\r\nValue: 1\r\n\r\n"
        b"Action: Setvar\r\nActionID: t-2\r\nVariable: B\r\nValue: 2\r\n\r\n"
    )


def test_an_originate_is_settled_by_its_response() -> None:
    queued = b"Response: Success\r\nActionID: t-1\r\nMessage: Originate successfully queued\r\n\r\n"
    response = b"Event: OriginateResponse\r\nActionID: t-1\r\nResponse: Failure\r\n\r\n"
    assert conversation([BANNER + queued])[1] == "waits"
    events, outcome, _ = conversation([BANNER + queued + response])
    assert [name for name, _ in events] == ["OriginateResponse"]
    assert outcome.startswith("AmiReply(success=False")
