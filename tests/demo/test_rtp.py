import asyncio
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from agent.demo.g711 import ULAW_TO_ALAW
from agent.demo.rtp import HEADER, HEADER_BYTES, Pump, Stream, open_socket
from agent.demo.sip import Media, Payload


@dataclass(frozen=True, slots=True)
class Packet:
    marker: bool
    payload: int
    sequence: int
    timestamp: int
    source: int
    audio: bytes


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.setblocking(False)
        yield listener


@pytest.fixture
def sender(listener: socket.socket) -> Iterator[socket.socket]:
    with open_socket("127.0.0.1", Media("127.0.0.1", listener.getsockname()[1], (0,))) as sender:
        yield sender


def packets(listener: socket.socket) -> list[Packet]:
    received: list[Packet] = []
    while True:
        try:
            data = listener.recv(2000)
        except BlockingIOError:
            return received
        flags, kind, sequence, timestamp, source = HEADER.unpack_from(data)
        assert flags == 0x80
        received.append(
            Packet(bool(kind & 0x80), kind & 0x7F, sequence, timestamp, source, data[HEADER_BYTES:])
        )


def test_packets_of_a_stream_follow_each_other(listener: socket.socket, sender: socket.socket) -> None:
    stream = Stream(sender, Payload.PCMU, bytes(range(200)), loop=False)
    stream._sequence, stream._timestamp = 0xFFFF, 0xFFFFFFFF
    for _ in range(3):
        stream.send(now=12.5)
    first, second, third = packets(listener)
    assert [p.marker for p in (first, second, third)] == [True, False, False]
    assert [p.sequence for p in (first, second, third)] == [0xFFFF, 0, 1]
    assert [p.timestamp for p in (first, second, third)] == [0xFFFFFFFF, 159, 319]
    assert len({p.source for p in (first, second, third)}) == 1
    assert first.audio + second.audio + third.audio == bytes(range(200)) + b"\xff" * 280
    assert (stream.packets, stream.first_sent) == (3, 12.5)


def test_alaw_is_translated_on_the_way_out(listener: socket.socket, sender: socket.socket) -> None:
    Stream(sender, Payload.PCMA, bytes(range(160)), loop=False).send(now=0.0)
    [packet] = packets(listener)
    assert (packet.payload, packet.audio) == (8, bytes(range(160)).translate(ULAW_TO_ALAW))


def test_other_audio_begins_at_its_start(listener: socket.socket, sender: socket.socket) -> None:
    stream = Stream(sender, Payload.PCMU, b"\x01" * 1000, loop=False)
    stream.send(now=0.0)
    stream.play(b"\x02" * 7, loop=True)
    stream.send(now=0.0)
    assert [packet.audio for packet in packets(listener)] == [b"\x01" * 160, b"\x02" * 160]


def test_a_listener_that_is_gone_is_no_error(listener: socket.socket, sender: socket.socket) -> None:
    stream = Stream(sender, Payload.PCMU, b"", loop=False)
    listener.close()
    for _ in range(5):
        stream.send(now=0.0)
    assert stream.packets == 5


def test_packets_may_be_held_up_and_come_at_once(listener: socket.socket, sender: socket.socket) -> None:
    stream = Stream(sender, Payload.PCMU, b"", loop=False, packets_at_once=3)
    came = []
    for now in range(7):
        stream.send_due(float(now))
        came.append(len(packets(listener)))
    assert came == [0, 0, 3, 0, 0, 3, 0]


async def test_the_pump_makes_up_for_a_loop_that_was_held(
    listener: socket.socket, sender: socket.socket
) -> None:
    pump = Pump()
    pump.streams.add(Stream(sender, Payload.PCMU, b"", loop=False))
    running = asyncio.create_task(pump.run())
    await asyncio.sleep(0.1)
    time.sleep(0.3)
    await asyncio.sleep(0.1)
    running.cancel()
    assert len(packets(listener)) == pytest.approx(26, abs=4)
    assert pump.latest_seconds > 0.2
