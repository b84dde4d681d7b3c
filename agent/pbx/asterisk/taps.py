"""Taps: where a leg's audio waits in the kernel until the service's tick reads it.

Neither tap has a callback: 20 ms of audio is no event. Between ticks the kernel keeps the
bytes, in a bounded buffer; a read is one system call.
"""

import os
import socket
from collections.abc import Callable
from contextlib import suppress

from agent.hearing.sound import Encoding
from agent.pbx.asterisk.audiosocket import Deframer
from agent.pbx.descriptor_tap import READ_BYTES, DescriptorTap
from agent.pbx.port import TapKind


def hang_up(connection: socket.socket) -> None:
    """Close a connection for good, whoever else has a descriptor of it (see `agent.pbx.asterisk.fuse`)."""
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()


class AudioSocketTap:
    """One AudioSocket connection past its UUID; satisfies `agent.pbx.port.Tap`."""

    __slots__ = ("_deframer", "_encoding", "_kind", "_on_closed", "_socket")

    def __init__(
        self,
        connection: socket.socket,
        kind: TapKind,
        encoding: Encoding = Encoding.SLIN8,
        on_closed: Callable[["AudioSocketTap"], None] | None = None,
    ) -> None:
        """Own a non-blocking connected socket; `on_closed` is called once, when it is let go."""
        self._deframer = Deframer(encoding)
        self._socket = connection
        self._kind = kind
        self._encoding = encoding
        self._on_closed = on_closed

    @property
    def kind(self) -> TapKind:
        """How the audio comes."""
        return self._kind

    @property
    def encoding(self) -> Encoding:
        """How the bytes are to be read."""
        return self._encoding

    @property
    def ended(self) -> bool:
        """Asterisk closed the connection, broke the protocol, or we let go."""
        return self._socket.fileno() < 0

    @property
    def fault(self) -> str:
        """What was wrong with the stream, in one sentence; empty where nothing was."""
        return self._deframer.fault

    def read(self) -> bytes:
        """Return the audio that has come since the last read; never block or raise."""
        if self.ended:
            return b""
        try:
            data = self._socket.recv(READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return b""
        except OSError:
            data = b""
        audio = self._deframer.feed(data)
        if not data or self._deframer.ended:
            self.close()
        return audio

    def close(self) -> None:
        """Close the connection; Asterisk ends the helper channel, or the application, at once."""
        if self.ended:
            return
        hang_up(self._socket)
        if self._on_closed is not None:
            self._on_closed(self)


class EagiTap(DescriptorTap):
    """The pipe that Asterisk fills with a channel's audio, file descriptor 3 of an EAGI script.

    Asterisk keeps its end open for as long as the script lives, so the pipe seldom ends by
    itself; the session that brought it closes it. Satisfies `agent.pbx.port.Tap`.
    """

    __slots__ = ()

    def read(self) -> bytes:
        """Return the audio that has come since the last read; never block or raise."""
        if self.ended:
            return b""
        try:
            data = os.read(self._fd, READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return b""
        except OSError:
            data = b""
        if not data:
            self.close()
        return data
