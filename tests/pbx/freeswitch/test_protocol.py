"""What FreeSWITCH sends is understood however it is cut, and what we send cannot forge anything."""

import json
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agent.pbx.freeswitch.legs import LegBook, LegSignalled
from agent.pbx.freeswitch.protocol import (
    MAX_BODY_BYTES,
    MAX_HEADER_BYTES,
    AuthRequest,
    Disconnected,
    Event,
    Message,
    MessageReader,
    ProtocolError,
    Rejected,
    Reply,
    assignments,
    command,
    event_of_json,
)
from agent.pbx.leg_events import LegBegan, LegEnded
from agent.pbx.port import CarrierFinal, Signal
from tests.pbx.freeswitch.scripted_event_socket import separated


def read(*pieces: bytes) -> tuple[list[Message], str]:
    """Return all messages of a stream, and why it broke off."""
    reader, messages = MessageReader(), []
    try:
        for piece in pieces:
            reader.receive(piece)
            while (message := reader.next_message()) is not None:
                messages.append(message)
    except ProtocolError as error:
        return messages, str(error)
    return messages, ""


def message(kind: str, body: bytes = b"", extra: str = "") -> bytes:
    return f"Content-Type: {kind}\n{extra}Content-Length: {len(body)}\n\n".encode() + body


CONVERSATION = (
    b"Content-Type: auth/request\n\n"
    b"Content-Type: command/reply\nReply-Text: +OK accepted\n\n"
    + message("api/response", b"-ERR No such channel!\n")
    + message("text/event-json", b'{"Event-Name":"CHANNEL_ANSWER","Hangup-Cause":"A","Hangup-Cause":"B"}')
    + message("text/event-plain", b"Event-Name: CUSTOM\nWhat: 50%25%0Aoff\nContent-Length: 3\n\nabc")
    + message("log/data", b"2026 [INFO] nobody asked\n")
    + message("text/disconnect-notice", b"Disconnected, goodbye.\nSee you at ClueCon!\n")
)


def test_every_kind_of_message_is_told_apart() -> None:
    messages, fault = read(CONVERSATION)
    assert fault == ""
    assert messages == [
        AuthRequest(),
        Reply("+OK accepted"),
        Reply("-ERR No such channel!"),
        Event({"Event-Name": "CHANNEL_ANSWER", "Hangup-Cause": "A"}),
        Event({"Event-Name": "CUSTOM", "What": "50%\noff", "Content-Length": "3"}, "abc"),
        Disconnected("Disconnected, goodbye. See you at ClueCon!"),
    ]
    assert [m.ok for m in messages if isinstance(m, Reply)] == [True, False]
    assert read(message("text/rude-rejection", b"Access Denied, go away.\n"))[0] == [
        Rejected("Access Denied, go away.")
    ]


KINDS = ("auth/request", "command/reply", "api/response", "text/event-json", "text/event-plain", "x")
LINES = st.one_of(
    st.sampled_from(KINDS).map("Content-Type: {}".format),
    st.sampled_from(["2", "9", "-1", "99999999999"]).map("Content-Length: {}".format),
    st.sampled_from(["Reply-Text: +OK", ": ", "\r", ""]),
)
STREAMS = st.lists(st.lists(LINES, max_size=4).map(lambda lines: "\n".join([*lines, "", ""])), max_size=5)
BODIES = st.sampled_from(["{}", "[]", '{"a":1}', "A: %41\n\n", "\ud800".encode("utf-8", "replace").decode()])


@given(
    st.lists(STREAMS.map("".join) | BODIES, max_size=6).map(lambda parts: "".join(parts).encode())
    | st.binary(max_size=300)
    | st.just(CONVERSATION),
    st.data(),
)
def test_any_bytes_say_the_same_however_they_are_cut(stream: bytes, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    pieces = [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert read(*pieces) == read(stream)


@given(st.text() | st.recursive(st.none() | st.floats() | st.text(), st.lists).map(json.dumps))
@example("[" * 100_000)
@example('{"a":' + "[" * 100_000)
@example('{"a":' + "9" * 5000 + "}")
def test_no_json_raises_anything_but_a_protocol_error(text: str) -> None:
    body = text.encode(errors="replace")
    messages, fault = read(message("text/event-json", body))
    assert bool(messages) != bool(fault)


def test_an_array_reads_as_in_the_plain_format() -> None:
    assert event_of_json('{"x":["a","b"],"n":null,"_body":"text"}') == Event(
        {"x": "ARRAY::a|:b", "n": "", "_body": "text"}, "text"
    )


@pytest.mark.parametrize(
    ("stream", "fault"),
    [
        (b"HTTP/1.1 400 Bad Request\n\n", "what answers there is no event socket"),
        (b"x" * (MAX_HEADER_BYTES + 2), f"it sent headers of more than {MAX_HEADER_BYTES} bytes"),
        (
            f"Content-Type: api/response\nContent-Length: {MAX_BODY_BYTES + 1}\n\n".encode(),
            f"it announced '{MAX_BODY_BYTES + 1}' bytes of body, {MAX_BODY_BYTES} at most are read",
        ),
        (
            "Content-Type: api/response\nContent-Length: ١\n\n".encode(),
            f"it announced '١' bytes of body, {MAX_BODY_BYTES} at most are read",
        ),
        (message("text/event-json", b"[]"), "it sent an event that is no JSON object"),
        (message("text/event-json", b"\xff"), "it sent an event that is no JSON"),
    ],
)
def test_what_is_no_event_socket_is_said_in_one_clause(stream: bytes, fault: str) -> None:
    assert read(b"Content-Type: auth/request\n\n" + stream) == ([AuthRequest()], fault)


def test_after_a_fault_nothing_is_kept_and_nothing_is_believed() -> None:
    reader = MessageReader()
    reader.receive(b"garbage\n\n")
    for _ in range(2):
        with pytest.raises(ProtocolError, match="no event socket"):
            reader.next_message()
        reader.receive(b"Content-Type: auth/request\n\n")


def test_a_command_is_a_line_and_its_headers() -> None:
    assert command("api uptime") == b"api uptime\n\n"
    assert command("sendevent CUSTOM", {"Event-Subclass": "a::b", "X": "é"}) == (
        "sendevent CUSTOM\nEvent-Subclass: a::b\nX: é\n\n".encode()
    )


@given(
    st.text(min_size=1, max_size=30),
    st.dictionaries(st.text(max_size=8), st.text(max_size=12), max_size=3),
)
@example("api uuid_setvar 1 x a\n\napi fsctl shutdown", {})
@example("sendevent CUSTOM", {"X": "a\nUnique-ID: b"})
@example("sendevent CUSTOM", {"X\nY": "a"})
@example("sendevent CUSTOM", {"X": "\ud800"})
def test_no_value_forges_a_line(line: str, headers: dict[str, str]) -> None:
    try:
        sent = command(line, headers)
    except ValueError:
        return
    assert sent.endswith(b"\n\n")
    assert sent.count(b"\n") == 2 + len(headers)
    assert b"\r" not in sent
    assert b"\0" not in sent


def test_a_refusal_never_shows_what_was_to_be_sent() -> None:
    with pytest.raises(ValueError) as caught:
        command("auth secret\npart")
    assert "secret" not in str(caught.value)


@given(st.dictionaries(st.from_regex(r"[A-Z_]{1,9}", fullmatch=True), st.text(st.characters(codec="ascii"))))
@example({"A": "x;B=y", "C": "it's", "D": "a\\;b", "E": " a b ", "F": ""})
def test_variables_arrive_as_they_were_meant(values: dict[str, str]) -> None:
    values = {name: "".join(c for c in value if c not in "\r\n\0") for name, value in values.items()}
    arrived = [assignment.partition("=") for assignment in separated(assignments(values))]
    assert {name: value for name, _, value in arrived} == values


def test_a_name_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot be the name of a channel variable"):
        assignments({"A=1;B": "x"})


RECORDED = Path(__file__).parent


def test_what_a_real_freeswitch_said_of_a_call() -> None:
    """A bridged call through a gateway on 1.10.12: a 180, a 183, a 486; then it was stopped."""
    recorded = (RECORDED / "recorded_json.esl").read_bytes()
    assert recorded.count(b'"Hangup-Cause"') == 2
    messages, fault = read(recorded)
    assert fault == ""
    greeting, *replies = messages[:5]
    assert greeting == AuthRequest()
    assert [reply.ok for reply in replies if isinstance(reply, Reply)] == [True, True, True, False]
    assert messages[-1] == Disconnected("The system is being shut down.")
    book = LegBook(["sofia/gateway/carrier"])
    told = [found for event in messages[5:-1] if isinstance(event, Event) for found in book.take(event)]
    began, rang, played, ended = told
    assert isinstance(began, LegBegan)
    assert (began.leg.trunk, began.leg.number) == ("sofia/gateway/carrier", "0301234567")
    assert began.leg.dialer is not None
    assert (began.leg.dialer.name, began.leg.dialer.id) == ("sofia/lab", began.leg.linked_id)
    assert [rang, played] == [
        LegSignalled(began.leg, Signal.RINGING),
        LegSignalled(began.leg, Signal.PROGRESS),
    ]
    assert ended == LegEnded(began.leg, CarrierFinal(486, 17))


def test_both_formats_say_the_same() -> None:
    plain, json_ = (
        next(
            m
            for m in read((RECORDED / name).read_bytes())[0]
            if getattr(m, "name", "") == "CHANNEL_HANGUP_COMPLETE"
        )
        for name in ("recorded_plain.esl", "recorded_json.esl")
    )
    assert isinstance(plain, Event)
    assert isinstance(json_, Event)
    assert len(plain.headers) > 200
    assert plain == json_


@given(st.data())
@settings(max_examples=30)
def test_a_recording_that_is_bent_anywhere_breaks_off_at_worst(data: st.DataObject) -> None:
    recorded = bytearray((RECORDED / "recorded_json.esl").read_bytes())
    for _ in range(data.draw(st.integers(1, 5))):
        recorded[data.draw(st.integers(0, len(recorded) - 1))] = data.draw(st.integers(0, 255))
    messages, _ = read(bytes(recorded))
    book = LegBook(["*"])
    for message in messages:
        if isinstance(message, Event):
            book.take(message)
