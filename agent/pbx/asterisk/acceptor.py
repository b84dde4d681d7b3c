"""Accepting connections on a listening socket, without streams and without falling over."""

import asyncio
import errno
import socket
from collections.abc import Callable

import structlog

log = structlog.get_logger(__name__)

BACKLOG = 512
_PAUSE_S = 1.0
_EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


class Acceptor:
    """Hands every connection of a listening socket to a callback, as a non-blocking socket.

    Where descriptors or memory run out it pauses for a second instead of spinning: the kernel's
    queue keeps the connections, and the listening socket stays readable all the while.
    """

    def __init__(self, listening: socket.socket, accepted: Callable[[socket.socket], None]) -> None:
        """Own a bound, listening socket; `accepted` owns what it is given."""
        listening.setblocking(False)
        self._listening = listening
        self._accepted = accepted
        self._loop = asyncio.get_running_loop()
        self._pause: asyncio.TimerHandle | None = None
        self._watch()

    def close(self) -> None:
        """Stop accepting; whoever still waits in the kernel's queue is refused."""
        if self._pause is not None:
            self._pause.cancel()
        self._loop.remove_reader(self._listening)
        self._listening.close()

    def _watch(self) -> None:
        self._pause = None
        self._loop.add_reader(self._listening, self._accept)

    def _accept(self) -> None:
        for _ in range(BACKLOG):
            try:
                connection, _ = self._listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                log.error("cannot accept connections", error=str(error))
                if error.errno in _EXHAUSTED:
                    self._loop.remove_reader(self._listening)
                    self._pause = self._loop.call_later(_PAUSE_S, self._watch)
                return
            connection.setblocking(False)
            self._accepted(connection)
            if self._listening.fileno() < 0:
                return
