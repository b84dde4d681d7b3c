"""Accepting connections on a listening socket, without streams and without falling over."""

import asyncio
import errno
import os
import socket
from collections.abc import Callable
from contextlib import suppress

import structlog

log = structlog.get_logger(__name__)

BACKLOG = 512
_AT_ONCE = 64
"""So many are accepted before the loop turns to others."""
_PAUSE_S = 1.0
_EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


class Acceptor:
    """Hands every connection of a listening socket to a callback, as a non-blocking socket.

    Where descriptors run out, whoever connects is turned away at once, for a dialplan may wait for the end
    of its connection: one descriptor is kept for that. Where even that fails, or memory runs out, it pauses
    for a second instead of spinning: the listening socket stays readable all the while.
    """

    def __init__(self, listening: socket.socket, accepted: Callable[[socket.socket], None]) -> None:
        """Own a bound, listening socket; `accepted` owns what it is given."""
        listening.setblocking(False)
        self._listening = listening
        self._address = _name(listening)
        self._accepted = accepted
        self._loop = asyncio.get_running_loop()
        self._pause: asyncio.TimerHandle | None = None
        self._spare: socket.socket | None = None
        self._failing = False
        self._turned_away = 0
        """Since one was accepted."""
        self._watch()

    def close(self) -> None:
        """Stop accepting; whoever still waits in the kernel's queue is refused."""
        if self._pause is not None:
            self._pause.cancel()
        self._loop.remove_reader(self._listening)
        self._listening.close()
        if self._spare is not None:
            self._spare.close()

    def _watch(self) -> None:
        self._pause = None
        with suppress(OSError):
            self._spare = self._spare or self._listening.dup()
        self._loop.add_reader(self._listening, self._accept)

    def _accept(self) -> None:
        for _ in range(_AT_ONCE):
            try:
                connection, _ = self._listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                self._cannot_accept(error)
                return
            if self._failing:
                log.info("connections are accepted again", at=self._address, turned_away=self._turned_away)
                self._failing, self._turned_away = False, 0
            connection.setblocking(False)
            self._accepted(connection)
            if self._listening.fileno() < 0:
                return

    def _cannot_accept(self, error: OSError) -> None:
        if not self._failing:
            log.error("cannot accept connections", at=self._address, error=os.strerror(error.errno or 0))
            self._failing = True
        if error.errno == errno.EMFILE and self._turn_away():
            return
        if error.errno in _EXHAUSTED:
            self._loop.remove_reader(self._listening)
            self._pause = self._loop.call_later(_PAUSE_S, self._watch)

    def _turn_away(self) -> bool:
        """End the connection that waits, with the descriptor that was kept for it; False if that fails."""
        if self._spare is None:
            return False
        self._spare.close()
        self._spare = None
        try:
            self._listening.accept()[0].close()
            self._turned_away += 1
            self._spare = self._listening.dup()
        except OSError:
            return False
        return True


def _name(listening: socket.socket) -> str:
    """Return `host:port`, or the path of a Unix socket."""
    address = listening.getsockname()
    return address if isinstance(address, str) else f"{address[0]}:{address[1]}"
