"""RTP (RFC 3550) for many calls at once: one pump sends every stream's packet of each 20 ms."""

import asyncio
import contextlib
import random
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from agent.demo.g711 import ULAW_SILENCE, ULAW_TO_ALAW
from agent.demo.sip import Media, Payload

PACKET_SECONDS = 0.02
PACKET_BYTES = 160
HEADER = struct.Struct("!BBHII")
HEADER_BYTES = HEADER.size

_SILENCE = bytes([ULAW_SILENCE])


@dataclass(slots=True, eq=False)
class Stream:
    """What one call sends: G.711 to one address."""

    sock: socket.socket = field(repr=False)
    """Bound, and connected to where the stream goes."""
    payload: Payload
    audio: bytes = field(repr=False)
    """G.711 mu-law, whatever the payload: it is translated on the way out."""
    loop: bool
    """Start again at the end; else silence follows."""
    packets_each_20_ms: int = 1
    packets_at_once: int = 1
    """So many are held back until the last of them is due."""
    stops_after_seconds: float | None = None
    """Seconds after the first packet; None: it never stops by itself."""
    first_sent: float | None = None
    """Monotonic time of the first packet."""
    packets: int = 0
    _held: int = 0
    _position: int = 0
    _sequence: int = field(default_factory=lambda: random.getrandbits(16))
    _timestamp: int = field(default_factory=lambda: random.getrandbits(31))
    _source: int = field(default_factory=lambda: random.getrandbits(32))

    def play(self, audio: bytes, *, loop: bool) -> None:
        """Go on with other audio, from its start."""
        self.audio, self.loop, self._position = audio, loop, 0

    def stopped(self, now: float) -> bool:
        """Say whether it has sent for as long as it shall."""
        if self.stops_after_seconds is None or self.first_sent is None:
            return False
        return now - self.first_sent >= self.stops_after_seconds

    def send_due(self, now: float) -> None:
        """Send what one round of 20 ms calls for."""
        if self.stopped(now):
            return
        self._held += self.packets_each_20_ms
        if self._held >= self.packets_at_once:
            for _ in range(self._held):
                self.send(now)
            self._held = 0

    def send(self, now: float) -> None:
        """Send the next packet; a listener that is gone is none of a carrier's business."""
        marker = 0x80 if self.first_sent is None else 0
        header = HEADER.pack(0x80, self.payload | marker, self._sequence, self._timestamp, self._source)
        with contextlib.suppress(OSError):
            self.sock.send(header + self._next())
        if self.first_sent is None:
            self.first_sent = now
        self.packets += 1
        self._sequence = self._sequence + 1 & 0xFFFF
        self._timestamp = self._timestamp + PACKET_BYTES & 0xFFFFFFFF

    def _next(self) -> bytes:
        chunk = self.audio[self._position : self._position + PACKET_BYTES]
        self._position += PACKET_BYTES
        while self.loop and self.audio and len(chunk) < PACKET_BYTES:
            self._position = PACKET_BYTES - len(chunk)
            chunk += self.audio[: self._position]
        chunk = chunk.ljust(PACKET_BYTES, _SILENCE)
        return chunk if self.payload is Payload.PCMU else chunk.translate(ULAW_TO_ALAW)


class Pump:
    """Sends the packets of all its streams, every 20 ms, for as long as `run` is awaited."""

    def __init__(self) -> None:
        self.streams: set[Stream] = set()
        self.latest_seconds = 0.0
        """The worst that a round was late: how far the times of packets can be trusted."""

    async def run(self) -> None:
        """Send until cancelled. A late round is made up for, so that streams keep their pace."""
        due = time.monotonic()
        while True:
            now = time.monotonic()
            self.latest_seconds = max(self.latest_seconds, now - due)
            for stream in tuple(self.streams):
                stream.send_due(now)
            due += PACKET_SECONDS
            await asyncio.sleep(max(0.0, due - time.monotonic()))


def open_socket(host: str, towards: Media | None = None) -> socket.socket:
    """Bind a UDP socket to a free port of `host`, connected to where RTP goes if that is known."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setblocking(False)
    sock.bind((host, 0))
    if towards is not None:
        sock.connect((towards.host, towards.port))
    return sock


class Datagrams(asyncio.DatagramProtocol):
    """Hands every datagram, with its sender's address, to a function."""

    def __init__(self, receive: Callable[[bytes, tuple[str, int]], None]) -> None:
        self._receive = receive

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Pass a datagram on."""
        self._receive(data, addr)
