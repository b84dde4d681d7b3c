"""The agent's side of the fuse: who is to be let go if this process stalls."""

import asyncio
import os
import signal
import socket
import sys
from collections import deque
from contextlib import suppress
from pathlib import Path
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
    when it sees the end. It outlives this one by a moment, for those who are on the way to the port.
    """

    def __init__(self, listening: socket.socket, sign_of_life: Path | None = None) -> None:
        """Start the process; while this one stalls, whoever connects to `listening` is turned away.

        `sign_of_life` is a listening socket of this process in the file system, removed if it is killed.
        """
        self._listening = listening
        self._sign_of_life = sign_of_life
        self._held: WeakSet[socket.socket] = WeakSet()
        self._loop = asyncio.get_running_loop()
        self._next: asyncio.TimerHandle | None = None
        self._pid: int | None = None
        """Of the last process, until it is buried."""
        self._channel: socket.socket | None = None
        self._unsaid: deque[tuple[bytes, socket.socket | None]] = deque()
        """What a channel that is full could not take yet: it holds some 270 messages."""
        self._insert()

    @property
    def pid(self) -> int | None:
        """Process id of the fuse, None while there is none."""
        return self._pid if self._channel is not None else None

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
        """Leave the process to itself: it ends in two seconds. The connections stay as they are."""
        if self._next is not None:
            self._next.cancel()
            self._next = None
        if self._channel is not None:
            self._loop.remove_writer(self._channel)
            self._channel.close()
            self._channel = None
        self._unsaid.clear()

    def _insert(self) -> None:
        """Start a process and tell it everything."""
        self._bury()
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._channel.setblocking(False)
        with theirs:
            try:
                self._pid = _spawn(theirs, self._sign_of_life)
            except OSError as error:
                self._lost(f"it cannot be started ({error.strerror})")
                return
        self._beaten = self._listened = self._loop.time()
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
        if self._unsaid and now - self._listened > STALL_SECONDS:  # it stands still itself
            self._lost("it does not listen")
        else:
            self._say(BEAT)

    def _say(self, word: bytes, about: socket.socket | None = None) -> None:
        if self._channel is None:
            return
        self._unsaid.append((word, about))
        if len(self._unsaid) == 1:
            self._flush()

    def _flush(self) -> None:
        """Say what is unsaid, as far as it goes without waiting, and the rest when it is listened to."""
        while self._unsaid and self._channel is not None:
            try:
                _send(self._channel, *self._unsaid[0])
            except BlockingIOError:
                self._loop.add_writer(self._channel, self._flush)
                return
            except OSError as error:
                self._lost(error.strerror or str(error))
                return
            self._listened = self._loop.time()
            self._unsaid.popleft()
        if self._channel is not None:
            self._loop.remove_writer(self._channel)

    def _lost(self, reason: str) -> None:
        log.warning("the fuse of AudioSocket is gone: it is replaced", reason=reason)
        if self._pid is not None:
            with suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)  # it holds nothing of its own
        self.close()
        self._next = self._loop.call_later(_PATIENCE_S, self._insert)

    def _bury(self) -> None:
        if self._pid is not None:
            with suppress(ChildProcessError):
                os.waitpid(self._pid, os.WNOHANG)
            self._pid = None


def _spawn(theirs: socket.socket, sign_of_life: Path | None) -> int:
    """Start the process at the other end of our channel and return its id; raises OSError.

    No `subprocess`: that wants a process ended before its own, and this one stays behind.
    """
    return os.posix_spawn(
        sys.executable,
        (sys.executable, "-ISE", fuse_process.__file__, *([str(sign_of_life)] if sign_of_life else [])),
        os.environ,
        file_actions=[
            (os.POSIX_SPAWN_DUP2, theirs.fileno(), 0),
            # Who reads what we say to our end must not wait for its.
            (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
        ],
        setsid=True,  # Ctrl-Z at the agent's terminal must not stop it too
    )


def _send(channel: socket.socket, word: bytes, about: socket.socket | None) -> None:
    number = about.fileno() if about is not None else 0
    if number < 0:  # closed since
        return
    brought = [number] if word in (LISTEN, HOLD) else []
    socket.send_fds(channel, [word + number.to_bytes(4)], brought)
