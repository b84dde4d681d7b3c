"""Taps that read a file descriptor: what a pipe and a growing file have in common."""

import os
from collections.abc import Callable

from agent.hearing.sound import Encoding
from agent.pbx.port import TapKind

READ_BYTES = 64 * 1024
"""Most that one read takes: 4 s of slin8, as much as a pipe holds. A longer backlog takes more
ticks; a larger buffer would be mapped and unmapped by every read, which doubles its cost."""


class DescriptorTap:
    """Owns a descriptor until it is closed; with `read` added it satisfies `agent.pbx.port.Tap`."""

    __slots__ = ("_encoding", "_fd", "_kind", "_on_closed")

    def __init__(
        self,
        fd: int,
        kind: TapKind,
        encoding: Encoding = Encoding.SLIN8,
        on_closed: Callable[[], None] | None = None,
    ) -> None:
        """Own a descriptor whose reads never wait; `on_closed` is called once, when it is let go."""
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
        """The descriptor is closed."""
        return self._fd < 0

    def close(self) -> None:
        """Close the descriptor; harmless to call twice."""
        if self.ended:
            return
        fd, self._fd = self._fd, -1
        os.close(fd)
        on_closed, self._on_closed = self._on_closed, None  # an ended call keeps its tap, not who brought it
        if on_closed is not None:
            on_closed()
