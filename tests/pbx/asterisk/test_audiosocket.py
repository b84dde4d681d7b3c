"""AudioSocket framing: audio survives any cut, faults end the stream in one sentence."""

import re
import time
import tracemalloc
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.hearing.sound import Encoding
from agent.pbx.asterisk.audiosocket import HELLO_BYTES, Deframer, Kind, ProtocolError, hello, parse_hello

STREAM = UUID("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")


def message(kind: int, payload: bytes = b"") -> bytes:
    return bytes((kind,)) + len(payload).to_bytes(2) + payload


def frame(number: int, size: int = 320) -> bytes:
    """One frame of audio whose samples tell which frame it is."""
    return message(Kind.SLIN8, bytes((number % 251,)) * size)


def heard(stream: bytes, cuts: list[int]) -> tuple[bytes, bool, str]:
    deframer = Deframer()
    audio = b""
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        audio += deframer.feed(stream[start:end])
    return audio, deframer.ended, deframer.fault


def test_the_first_message_names_the_stream() -> None:
    assert parse_hello(hello(STREAM)) == STREAM


def test_a_part_of_the_first_message_asks_for_more() -> None:
    assert all(parse_hello(hello(STREAM)[:cut]) is None for cut in range(HELLO_BYTES))


@pytest.mark.parametrize("start", [b"\x10", b"\x01\x01", b"\x01\x00\x0f", b"GET / HTTP/1.0", b"\x00\x00\x00"])
def test_a_stranger_is_known_by_its_first_bytes(start: bytes) -> None:
    with pytest.raises(
        ProtocolError, match=r"must begin with a UUID message \(01 00 10\), this one begins with"
    ):
        parse_hello(start)


@given(st.binary(max_size=HELLO_BYTES))
def test_any_first_bytes_are_a_name_or_refused_or_too_few(data: bytes) -> None:
    try:
        stream = parse_hello(data)
    except ProtocolError:
        assert not hello(STREAM).startswith(data[:3])
    else:
        assert (stream is None) == (len(data) < HELLO_BYTES)


def test_a_run_of_equal_frames_is_stripped() -> None:
    stream = b"".join(frame(n) for n in range(200))
    audio = Deframer().feed(stream)
    assert audio == b"".join(frame(n)[3:] for n in range(200))
    assert len(audio) == 64_000


def test_every_cut_in_two_gives_the_same_audio() -> None:
    stream = (
        b"".join(frame(n) for n in range(3)) + message(Kind.DTMF, b"5") + frame(3, 240) + message(Kind.HANGUP)
    )
    whole = heard(stream, [])
    assert whole == (b"".join(frame(n)[3:] for n in range(3)) + frame(3, 240)[3:], True, "")
    assert all(heard(stream, [cut]) == whole for cut in range(len(stream) + 1))


MESSAGES = st.one_of(
    st.integers(0, 400).map(lambda samples: frame(samples, samples * 2)),
    st.sampled_from([frame(7)] * 3 + [message(Kind.DTMF, b"#")]),
    st.builds(message, st.integers(0, 255), st.binary(max_size=20)),
)


@given(st.lists(MESSAGES, max_size=30).map(b"".join), st.data())
def test_any_cuts_give_the_same_audio_end_and_fault(stream: bytes, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    assert heard(stream, cuts) == heard(stream, [])


@given(st.binary(max_size=5000), st.lists(st.integers(0, 5000), max_size=5))
def test_garbage_ends_or_waits_but_never_raises(stream: bytes, cuts: list[int]) -> None:
    audio, ended, fault = heard(stream, sorted(min(cut, len(stream)) for cut in cuts))
    assert len(audio) <= len(stream)
    assert ended or not fault


@pytest.mark.parametrize(
    ("bad", "fault"),
    [
        (message(Kind.SLIN8, b"123"), "3 bytes is not whole 16-bit samples"),
        (message(Kind.SLIN8, bytes(16_002)), "16002 bytes is not whole 16-bit samples or longer than 1 s"),
        (message(Kind.SLIN16, bytes(640)), r"carries slin16 where slin8 was agreed; dial it with c\(slin\)"),
        (message(Kind.SLIN192, bytes(640)), "carries slin192"),
        (message(Kind.UUID, STREAM.bytes), "A second UUID"),
        (message(Kind.DTMF, b"12"), "holds 1 byte, this one 2"),
        (message(Kind.ERROR, b"\x04"), "Asterisk reported an AudioSocket error"),
        (message(0x42), "0x42 is no kind of AudioSocket message"),
    ],
)
def test_a_fault_ends_the_stream_and_keeps_the_audio_before_it(bad: bytes, fault: str) -> None:
    deframer = Deframer()
    assert deframer.feed(frame(1) + bad + frame(2)) == frame(1)[3:]
    assert deframer.ended
    assert re.search(fault, deframer.fault)
    assert deframer.feed(frame(3)) == b""


def test_a_hangup_ends_the_stream_without_a_fault() -> None:
    deframer = Deframer()
    assert deframer.feed(frame(1) + message(Kind.HANGUP) + frame(2)) == frame(1)[3:]
    assert deframer.ended
    assert not deframer.fault


def test_sixteen_kilohertz_is_heard_where_it_was_agreed() -> None:
    deframer = Deframer(Encoding.SLIN16)
    assert deframer.feed(message(Kind.SLIN16, bytes(640)) * 2) == bytes(1280)
    assert not deframer.ended


def test_companded_audio_is_not_offered() -> None:
    with pytest.raises(ValueError, match=r"slin8 or slin16, not ulaw; dial it with c\(slin\)"):
        Deframer(Encoding.ULAW)


def test_memory_stays_flat_however_long_the_stream() -> None:
    deframer = Deframer()
    chunk = frame(1)[:-1]
    tracemalloc.start()
    try:
        for _ in range(2000):
            deframer.feed(chunk)
            deframer.feed(frame(1)[-1:])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 64 * 1024


def test_frames_that_alternate_do_not_take_quadratic_time() -> None:
    """A run is looked for once a read; looking again after every odd frame would take a minute here."""
    pairs = 50_000
    stream = (frame(1, 0) + frame(1, 2)) * pairs
    start = time.process_time()
    assert len(Deframer().feed(stream)) == 2 * pairs
    assert time.process_time() - start < 3
