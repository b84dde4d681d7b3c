"""The tap that reads a file while FreeSWITCH still writes it."""

import os
from collections.abc import Callable

from agent.hearing.sound import Encoding
from agent.pbx.port import TapKind

FILLING = b"\xff" * 80
"""10 ms of what FreeSWITCH fills a native recording with while no RTP comes: silence in mu-law ..."""
ALAW_SILENCE = b"\xd5" * 80
"""... but a constant of 2.6 % in A-law, whose silence this is (ITU-T G.711)."""
READ_BYTES = 64 * 1024
"""Most that one read takes: 4 s of linear samples; a longer backlog takes more ticks."""


class FileTap:
    """A growing file on tmpfs, read from its beginning; satisfies `agent.pbx.port.Tap`.

    Between ticks the file keeps the bytes. Its end is no end of the leg: more may come, so only `close` ends
    it.
    """

    __slots__ = ("_encoding", "_fd", "_kind", "_on_closed")

    def __init__(
        self, fd: int, kind: TapKind, encoding: Encoding, on_closed: Callable[[], None] | None = None
    ) -> None:
        """Own a descriptor of the file; `on_closed` is called once, when it is let go."""
        self._fd = fd
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
        """We let go."""
        return self._fd < 0

    def read(self) -> bytes:
        """Return the audio that was written since the last read; never block or raise."""
        if self.ended:
            return b""
        try:
            data = os.read(self._fd, READ_BYTES)
        except OSError:
            self.close()
            return b""
        return data.replace(FILLING, ALAW_SILENCE) if self._encoding is Encoding.ALAW else data

    def close(self) -> None:
        """Let go of the file, and with it of its memory; harmless to call twice."""
        if self.ended:
            return
        fd, self._fd = self._fd, -1
        os.close(fd)
        if self._on_closed is not None:
            self._on_closed()
