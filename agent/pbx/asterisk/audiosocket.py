"""AudioSocket, Asterisk's framing of a channel's audio over TCP: bytes in, audio out.

A message is one byte of kind, two bytes of length (big-endian) and the payload. The first
message names the stream with a UUID, then audio follows, one message a frame. The kinds are
those of Asterisk's `res_audiosocket` (its documentation page *AudioSocket*); the kinds of
audio beyond 8 kHz came with Asterisk 22.7.
"""

from enum import IntEnum
from uuid import UUID

import numpy as np

from agent.hearing.sound import Encoding


class Kind(IntEnum):
    """What a message carries, its first byte."""

    HANGUP = 0x00
    UUID = 0x01
    DTMF = 0x03
    SLIN8 = 0x10
    SLIN12 = 0x11
    SLIN16 = 0x12
    SLIN24 = 0x13
    SLIN32 = 0x14
    SLIN44 = 0x15
    SLIN48 = 0x16
    SLIN96 = 0x17
    SLIN192 = 0x18
    ERROR = 0xFF


HEADER_BYTES = 3
HELLO_BYTES = HEADER_BYTES + 16
"""Size of the first message, the one that names the stream."""

_HELLO_HEADER = bytes((Kind.UUID, 0, 16))
_AUDIO_KIND = {Encoding.SLIN8: Kind.SLIN8, Encoding.SLIN16: Kind.SLIN16}
_MAX_FRAME_S = 1


class ProtocolError(ValueError):
    """The peer does not speak the protocol; the text says in one sentence what it did instead."""


def parse_hello(data: bytes) -> UUID | None:
    """Return the UUID of a stream's first message.

    `data` is the stream's beginning, at most `HELLO_BYTES`; None while more of it is needed.
    Raises `ProtocolError` as soon as the bytes cannot become such a message.
    """
    if not _HELLO_HEADER.startswith(data[:HEADER_BYTES]):
        raise ProtocolError(
            f"An AudioSocket stream must begin with a UUID message (01 00 10), "
            f"this one begins with {data[:HEADER_BYTES].hex(' ')}."
        )
    return UUID(bytes=data[HEADER_BYTES:HELLO_BYTES]) if len(data) >= HELLO_BYTES else None


def hello(stream: UUID) -> bytes:
    """Return the first message of a stream, as Asterisk sends it."""
    return _HELLO_HEADER + stream.bytes


class Deframer:
    """Strips the framing off one stream, wherever its bytes were cut.

    `feed` never raises: audio that came before a fault is audio still. After a hang-up, an
    error message or a fault the stream has `ended` and whatever follows is dropped.
    """

    __slots__ = ("_kind", "_max_payload", "_rest", "ended", "fault")

    def __init__(self, encoding: Encoding = Encoding.SLIN8) -> None:
        """Expect audio of one encoding, `SLIN8` or `SLIN16`; raises ValueError for any other."""
        if encoding not in _AUDIO_KIND:
            raise ValueError(f"AudioSocket carries slin8 or slin16, not {encoding}; dial it with c(slin).")
        self._kind = _AUDIO_KIND[encoding]
        self._max_payload = _MAX_FRAME_S * encoding.bytes_per_second
        self._rest = b""
        self.ended = False
        self.fault = ""
        """What was wrong with the stream, in one sentence; empty while nothing was."""

    def feed(self, data: bytes) -> bytes:
        """Return the audio of all messages that `data` completes, without their headers."""
        if self.ended:
            return b""
        data = self._rest + data
        audio, at = self._frames_of_one_size(data)
        pieces = [audio]
        while not self.ended and len(data) - at >= HEADER_BYTES:
            size = int.from_bytes(data[at + 1 : at + HEADER_BYTES])
            self._check(data[at], size)
            if self.ended or len(data) - at < HEADER_BYTES + size:
                break
            if data[at] == self._kind:
                pieces.append(data[at + HEADER_BYTES : at + HEADER_BYTES + size])
            at += HEADER_BYTES + size
        self._rest = b"" if self.ended else data[at:]
        return b"".join(pieces)

    def _frames_of_one_size(self, data: bytes) -> tuple[bytes, int]:
        """Strip the whole messages of `data` as one array, if all of them have the first one's header."""
        if len(data) < HEADER_BYTES or data[0] != self._kind:
            return b"", 0
        size = int.from_bytes(data[1:HEADER_BYTES])
        if not self._fits(size):
            return b"", 0
        stride = HEADER_BYTES + size
        count = len(data) // stride
        end = count * stride
        # Slices of bytes: with so few frames at a time an array's comparison takes longer.
        if any(data[place:end:stride] != count * data[place : place + 1] for place in range(HEADER_BYTES)):
            return b"", 0
        frames = np.frombuffer(data, np.uint8, end).reshape(count, stride)
        return frames[:, HEADER_BYTES:].tobytes(), end

    def _fits(self, size: int) -> bool:
        return size % 2 == 0 and size <= self._max_payload

    def _check(self, kind: int, size: int) -> None:
        """End the stream at the header of a message that ends it or cannot be."""
        if kind == self._kind:
            if not self._fits(size):
                self._end(
                    f"An AudioSocket audio message of {size} bytes is not whole 16-bit samples "
                    f"or longer than {_MAX_FRAME_S} s."
                )
        elif kind == Kind.HANGUP:
            self._end()
        elif kind == Kind.ERROR:
            self._end("Asterisk reported an AudioSocket error.")
        elif kind == Kind.DTMF:
            if size != 1:
                self._end(f"An AudioSocket DTMF message holds 1 byte, this one {size}.")
        elif kind == Kind.UUID:
            self._end("A second UUID came within one AudioSocket stream.")
        elif kind in Kind.__members__.values():
            self._end(
                f"The AudioSocket stream carries {Kind(kind).name.lower()} where "
                f"{self._kind.name.lower()} was agreed; dial it with c({_DIALLED[self._kind]})."
            )
        else:
            self._end(f"0x{kind:02x} is no kind of AudioSocket message.")

    def _end(self, fault: str = "") -> None:
        self.ended = True
        self.fault = fault


_DIALLED = {Kind.SLIN8: "slin", Kind.SLIN16: "slin16"}
