"""Writes the audio of many calls on the dot: one process, one loop, nothing but system calls in it."""

import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import md5
from multiprocessing.connection import Connection
from pathlib import Path
from uuid import UUID

import numpy as np

from agent.demo.audio import RINGING_EUROPE
from agent.hearing.pcm import Decoder
from agent.hearing.sound import Encoding
from agent.hearing.spectrogram import LOOKAHEAD
from agent.pbx.asterisk.audiosocket import Kind, hello

FRAME_MS = 20
"""Asterisk's own frames, of which a burst holds several."""
BEGIN_SECONDS = 5
"""All calls begin within this time, one after the other."""
_BYTES_A_MS = 16


class Way(StrEnum):
    """How audio reaches the agent."""

    AUDIOSOCKET = "audiosocket"
    EAGI = "eagi"


@dataclass(frozen=True, slots=True)
class Job:
    """How many calls, and how they come."""

    way: Way
    calls: int
    packet_ms: int
    seconds: int
    """While all calls are up."""
    first: int = 0
    """Number of the first call."""

    @property
    def numbers(self) -> range:
        """Numbers of the calls, in the order in which they begin."""
        return range(self.first, self.first + self.calls)


@dataclass(slots=True)
class Sent:
    """What was written, by call."""

    seconds: dict[int, float] = field(default_factory=dict)
    second_complete: dict[int, float] = field(default_factory=dict)
    """When what completes the first second (and what is heard ahead of it) had been written, monotonic."""
    refused: float = 0.0
    """Seconds of audio that could not be written at once."""
    late: float = 0.0
    """Seconds behind the clock, at most."""


def send(job: Job, target: Path | int, lead: Connection) -> None:
    """Open all calls, tell when all are up, write, tell what was written, and close them when told to."""
    packets = _packets(job)
    writers: list[Callable[[bytes], int]] = []
    held: list[socket.socket | int] = []
    slots_to_begin = BEGIN_SECONDS * 1000 // job.packet_ms
    begins = [call * slots_to_begin // job.calls for call in range(job.calls)]
    completes = -(-(1000 * _BYTES_A_MS + 2 * LOOKAHEAD) // (_BYTES_A_MS * job.packet_ms)) - 1
    sent = Sent()
    written, up = [0] * job.calls, 0
    began = time.monotonic()
    for slot in range(slots_to_begin + 1000 * job.seconds // job.packet_ms):
        due = began + slot * job.packet_ms / 1000
        now = time.monotonic()
        if now < due:
            time.sleep(due - now)
        else:
            sent.late = max(sent.late, now - due)
        while up < job.calls and begins[up] <= slot:
            writers.append(_open(job.way, job.numbers[up], target, held))
            up += 1
            if up == job.calls:
                lead.send("up")
        for call in range(up):
            packet = packets[slot - begins[call]]
            try:
                whole = writers[call](packet) == len(packet)
            except BlockingIOError:
                whole = False
            written[call] += whole
            sent.refused += 0.0 if whole else job.packet_ms / 1000
            if slot - begins[call] == completes:
                sent.second_complete[job.numbers[call]] = time.monotonic()
    sent.seconds = {
        number: packets_ * job.packet_ms / 1000 for number, packets_ in zip(job.numbers, written, strict=True)
    }
    time.sleep(0.5)  # the agent reads ten times a second; what it has not read is lost with the connection
    lead.send(sent)
    lead.recv()


def _packets(job: Job) -> list[bytes]:
    seconds = BEGIN_SECONDS + job.seconds
    samples = Decoder(Encoding.ULAW).decode(RINGING_EUROPE.ulaw(seconds + 1))
    pcm = np.round(samples * 32767).astype("<i2").tobytes()
    header = bytes([Kind.SLIN8]) + (FRAME_MS * _BYTES_A_MS).to_bytes(2) if job.way is Way.AUDIOSOCKET else b""
    size = FRAME_MS * _BYTES_A_MS
    frames = [header + pcm[at : at + size] for at in range(0, len(pcm) - size, size)]
    each = job.packet_ms // FRAME_MS
    return [b"".join(frames[at : at + each]) for at in range(0, len(frames), each)]


def _open(way: Way, call: int, target: Path | int, held: list[socket.socket | int]) -> Callable[[bytes], int]:
    """Return what writes a call's audio without waiting."""
    if way is Way.AUDIOSOCKET:
        stream = socket.create_connection(("127.0.0.1", int(str(target))))
        stream.sendall(hello(UUID(md5(f"17.{call}".encode(), usedforsecurity=False).hexdigest())))
        stream.setblocking(False)
        held.append(stream)
        return stream.send
    shim = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    shim.connect(str(target))
    shim.recv(1)
    read_end, write_end = os.pipe()
    socket.send_fds(shim, [f"EAGI\0{call}\n".encode()], [read_end])
    os.close(read_end)
    shim.sendall(f"agi_channel: PJSIP/carrier-{call:08x}\nagi_uniqueid: 17.{call}\n\n".encode())
    os.set_blocking(write_end, False)
    held += [shim, write_end]
    return lambda data: os.write(write_end, data)
