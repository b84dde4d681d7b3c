"""The agent's side of the fuse: who is to be let go if this process stalls."""

import asyncio
import socket
import subprocess
import sys
from contextlib import suppress
from weakref import WeakSet

import structlog

from agent.pbx.asterisk import fuse_process
from agent.pbx.asterisk.fuse_process import BEAT, HOLD, LISTEN, RELEASE, STALL_SECONDS

log = structlog.get_logger(__name__)

BEAT_S = 0.5
_PATIENCE_S = 1.0
"""A fuse that is gone is replaced after this time."""


class Fuse:
    """Connections that a process of its own ends when the event loop stands still for two seconds.

    Whoever is held must be shut down, not just closed: the other process has its descriptor too, and drops it
    when it sees the end.
    """

    def __init__(self, listening: socket.socket) -> None:
        """Start the process; while this one stalls, whoever connects to `listening` is turned away."""
        self._listening = listening
        self._held: WeakSet[socket.socket] = WeakSet()
        self._loop = asyncio.get_running_loop()
        self._next: asyncio.TimerHandle | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None
        self._insert()

    @property
    def pid(self) -> int | None:
        """Process id of the fuse, None while there is none."""
        return self._process.pid if self._process is not None else None

    def hold(self, connection: socket.socket) -> None:
        """End this connection if we stall."""
        self._held.add(connection)
        self._say(HOLD, connection)

    def release(self, connection: socket.socket) -> None:
        """Hold it no more, though it lives on."""
        if connection in self._held:
            self._held.discard(connection)
            self._say(RELEASE, connection)

    def close(self) -> None:
        """End the process; the connections stay as they are."""
        if self._next is not None:
            self._next.cancel()
            self._next = None
        if self._channel is not None:
            self._channel.close()
            self._channel = None
        if self._process is not None:
            self._process.kill()  # it holds nothing of its own
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_PATIENCE_S)
            self._process = None

    def _insert(self) -> None:
        """Start a process and tell it everything."""
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._channel.setblocking(False)
        with theirs:
            try:
                # A session of its own: Ctrl-Z at the agent's terminal must not stop it too.
                self._process = subprocess.Popen(  # noqa: S603, every word of it is ours
                    (sys.executable, "-ISE", fuse_process.__file__),
                    stdin=theirs.fileno(),
                    start_new_session=True,
                )
            except OSError as error:
                self._lost(f"it cannot be started ({error.strerror})")
                return
        self._beaten = self._loop.time()
        self._say(LISTEN, self._listening)
        for connection in tuple(self._held):
            if connection.fileno() >= 0:
                self._say(HOLD, connection)
        self._beat()

    def _beat(self) -> None:
        if self._channel is None:  # lost while it was told everything
            return
        now = self._loop.time()
        if now - self._beaten > STALL_SECONDS:
            log.warning("the agent stood still: calls were let go", seconds=round(now - self._beaten, 1))
        self._beaten = now
        self._next = self._loop.call_later(BEAT_S, self._beat)
        self._say(BEAT)

    def _say(self, word: bytes, about: socket.socket | None = None) -> None:
        if self._channel is None:
            return
        number = (about.fileno() if about is not None else 0).to_bytes(4)
        brought = [about.fileno()] if about is not None and word in (LISTEN, HOLD) else []
        try:
            socket.send_fds(self._channel, [word + number], brought)
        except BlockingIOError:  # it stands still itself, with a hundred messages unread
            self._lost("it does not listen")
        except OSError as error:
            self._lost(error.strerror or str(error))

    def _lost(self, reason: str) -> None:
        log.warning("the fuse of AudioSocket is gone: it is replaced", reason=reason)
        self.close()
        self._next = self._loop.call_later(_PATIENCE_S, self._insert)
