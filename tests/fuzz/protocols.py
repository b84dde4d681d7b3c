"""Bytes that come over a socket: each stream says the same however it is cut, and forges nothing."""

import asyncio
import atexit
from collections import Counter
from dataclasses import dataclass

from agent.hearing.sound import Encoding
from agent.pbx.asterisk import agi
from agent.pbx.asterisk import legs as asterisk_legs
from agent.pbx.asterisk.agi import AgiError, AgiEvent, AgiSession
from agent.pbx.asterisk.ami_connection import AmiConnection
from agent.pbx.asterisk.ami_message import AmiError, AmiEvent, AmiReply, encode
from agent.pbx.asterisk.audiosocket import HELLO_BYTES, Deframer, ProtocolError, parse_hello
from agent.pbx.freeswitch import legs as freeswitch_legs
from agent.pbx.freeswitch import protocol
from tests.fuzz.checks import LONGEST_SENTENCE, one_sentence, pieces


def audiosocket(data: bytes) -> None:
    """A stream that came to the AudioSocket port."""
    try:
        parse_hello(data[:HELLO_BYTES])
    except ProtocolError as error:
        one_sentence(str(error))
    for encoding in (Encoding.SLIN8, Encoding.SLIN16):
        whole, cut = Deframer(encoding), Deframer(encoding)
        audio = whole.feed(data)
        assert len(audio) <= len(data)
        assert audio == b"".join(cut.feed(piece) for piece in pieces(data))
        assert (whole.ended, whole.fault) == (cut.ended, cut.fault)
        assert whole.ended or not whole.fault
        if whole.fault:
            one_sentence(whole.fault)
        if whole.ended:
            assert not whole.feed(data)


def agi_conversation(data: bytes) -> None:
    """What a shim relays from Asterisk, and what we would have it say."""
    assert _agi_events([data]) == _agi_events(pieces(data))
    try:
        said = agi.command(*data.decode(errors="surrogateescape").split("\x00"))
    except AgiError as error:
        one_sentence(str(error))
    else:
        assert said.count(b"\n") == 1
        assert said.endswith(b"\n")
        assert len(said) <= agi.MAX_COMMAND_BYTES + 1


def ami(data: bytes) -> None:
    """What came from the manager interface: numbers and names in it are a caller's or a carrier's own."""
    whole = _LOOP.run_until_complete(_ami_conversation([data]))
    assert whole == _LOOP.run_until_complete(_ami_conversation(pieces(data)))
    book = asterisk_legs.LegBook(("*",))
    for event in whole.events:
        book.take(event.name, event.headers)
        asterisk_legs.sip_code_of(event.headers.get("Value", ""))
    _ami_action(data)


def event_socket(data: bytes) -> None:
    """What came from FreeSWITCH's event socket."""
    whole = _event_socket_messages([data])
    assert whole == _event_socket_messages(pieces(data))
    book = freeswitch_legs.LegBook(("*",))
    for message in whole[0]:
        if isinstance(message, protocol.Event):
            book.take(message)
            freeswitch_legs.hindrance(message.headers)
    try:
        said = protocol.command(*_text_and_headers(data))
    except ValueError as error:
        one_sentence(str(error)[:LONGEST_SENTENCE])  # it shows what we meant to say, however long
    else:
        assert said.endswith(b"\n\n")
        assert said.count(b"\n") == 2 + len(_text_and_headers(data)[1])


@dataclass(frozen=True, slots=True)
class AmiHeard:
    """What an AMI connection made of a stream."""

    events: tuple[AmiEvent, ...]
    replies: tuple[AmiReply | str | None, ...]
    rejected: Counter[str]
    lost: str


class _Wire(asyncio.Transport):
    """Takes all, answers nothing."""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Forget it."""

    def abort(self) -> None:
        """Nothing is open."""


async def _ami_conversation(stream: list[bytes]) -> AmiHeard:
    rejected: Counter[str] = Counter()
    events: list[AmiEvent] = []
    connection = AmiConnection("t", 10, rejected)
    connection.connection_made(_Wire())
    connection.deliver_to(events.append)
    replies = [connection.request("Status", {}), connection.request("Originate", {"Channel": "PJSIP/1@c"})]
    connection.post("Setvar", {"Variable": "A", "Value": "b"})
    replies.append(connection.request("Getvar", {"Variable": "A"}))
    for piece in stream:
        connection.data_received(piece)
    await asyncio.sleep(0)
    return AmiHeard(
        tuple(events),
        tuple(map(_outcome, replies)),
        rejected,
        connection.lost.result() if connection.lost.done() else "",
    )


def _outcome(reply: asyncio.Future[AmiReply]) -> AmiReply | str | None:
    if not reply.done():
        return None
    error = reply.exception()
    if error is None:
        return reply.result()
    assert isinstance(error, AmiError), error
    return str(error)


def _ami_action(data: bytes) -> None:
    text, headers = _text_and_headers(data)
    try:
        said = encode(text or "Setvar", "t-9", headers)
    except ValueError as error:
        one_sentence(str(error)[:LONGEST_SENTENCE])  # it shows what we meant to say, however long
    else:
        assert said.endswith(b"\r\n\r\n")
        assert said.count(b"\n") == said.count(b"\r\n") == said.count(b"\r")
        assert said.count(b"\r\n\r\n") == 1


def _text_and_headers(data: bytes) -> tuple[str, dict[str, str]]:
    text, *rest = data.decode(errors="surrogateescape").split("\x01")
    pairs = (part.partition("\x02") for part in rest)
    return text, {name: value for name, _, value in pairs}


def _event_socket_messages(stream: list[bytes]) -> tuple[list[protocol.Message], str]:
    reader = protocol.MessageReader()
    messages: list[protocol.Message] = []
    try:
        for piece in stream:
            reader.receive(piece)
            while (message := reader.next_message()) is not None:
                messages.append(message)
    except protocol.ProtocolError as error:
        one_sentence(str(error))
        return messages, str(error)
    return messages, ""


def _agi_events(stream: list[bytes]) -> tuple[list[AgiEvent], str]:
    session = AgiSession()
    events: list[AgiEvent] = []
    try:
        for piece in stream:
            events.extend(session.feed(piece))
    except AgiError as error:
        one_sentence(str(error))
        return events, "refused"
    return events, ""


_LOOP = asyncio.new_event_loop()
atexit.register(_LOOP.close)
