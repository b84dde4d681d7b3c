"""The process beside the agent that ends held AudioSocket connections when the agent stalls or is gone.

Asterisk's `AudioSocket()` keeps the dialplan for as long as its connection is open, and a stalled process
closes nothing. This one holds a second descriptor of each such connection and of the listening socket. While
the agent's messages come it does nothing. After `STALL_SECONDS` without one it shuts the connections down,
and turns away whoever still connects, until the agent speaks again.

When the agent is gone, stopped or killed, it outlives it by `OUTLIVE_SECONDS`: whoever was on the way to the
port must be turned away and not refused, for Asterisk 22 closes the descriptor of a refused connection twice,
and the second time it may be another call's. The first argument names the agent's socket for the shims, if it
has one: a dead agent leaves it behind, and a dialplan takes it for a sign that somebody listens.

It is run as a script and imports what is built into the interpreter only: it must start in no time and weigh
nothing. `agent.pbx.asterisk.fuse` is the agent's side.
"""

import os
import select
import signal
import socket
import sys
import time
from contextlib import suppress

BEAT, LISTEN, HOLD, RELEASE = b"B", b"L", b"H", b"R"
"""First byte of a message: I live; here is my listening socket; hold this connection; let go of it.

The number of the agent's descriptor follows, four bytes (big-endian). LISTEN and HOLD bring the descriptor.
"""
STALL_SECONDS = 2.0
OUTLIVE_SECONDS = 2.0
_TURN_AWAY_SECONDS = 0.1


class _Held:
    """The connections of an agent, and whether it lives."""

    def __init__(self, agent: socket.socket) -> None:
        agent.setblocking(False)
        self._agent = agent
        self._connections: dict[int, socket.socket] = {}
        self._listening: socket.socket | None = None
        self._heard = time.monotonic()
        self._events = select.poll()
        self._events.register(agent, select.POLLIN)

    def run(self, sign_of_life: str) -> None:
        """Watch until the agent is gone, and a little longer."""
        stalled = False
        while True:
            left = self._heard + STALL_SECONDS - time.monotonic()
            ready = {
                fd for fd, _ in self._events.poll(1000 * (_TURN_AWAY_SECONDS if stalled else max(0.0, left)))
            }
            if self._agent.fileno() in ready:
                if not self._take_messages():
                    break
                stalled = False
            ended = [number for number, held in self._connections.items() if held.fileno() in ready]
            for number in ended:
                self._drop(number)
            if time.monotonic() - self._heard >= STALL_SECONDS:
                stalled = True
                self._blow()
        self._outlive(sign_of_life)

    def _take_messages(self) -> bool:
        """Take all that the agent has said; False when it is gone."""
        with suppress(BlockingIOError):
            while True:
                message, descriptors, _, _ = socket.recv_fds(self._agent, 16, 1)
                if not message:
                    return False
                self._heard = time.monotonic()
                self._take(
                    message[:1],
                    int.from_bytes(message[1:5]),
                    [socket.socket(fileno=fd) for fd in descriptors],
                )
        return True

    def _take(self, word: bytes, number: int, brought: list[socket.socket]) -> None:
        if word in (HOLD, RELEASE):
            self._drop(number)
        if word == HOLD and brought:
            self._connections[number] = brought[0]
            self._events.register(brought[0], 0)  # POLLHUP comes unasked, once both ends have closed
        if word == LISTEN and brought:
            self._listening = brought[0]
            self._listening.setblocking(False)

    def _drop(self, number: int) -> None:
        if held := self._connections.pop(number, None):
            self._events.unregister(held)
            held.close()

    def _blow(self) -> None:
        """Do for the stalled agent what it would do if it stopped: end every connection, accept none."""
        for number in tuple(self._connections):
            with suppress(OSError):
                self._connections[number].shutdown(socket.SHUT_RDWR)
            self._drop(number)
        self._turn_away()

    def _turn_away(self) -> None:
        with suppress(OSError):
            while self._listening is not None:
                self._listening.accept()[0].close()

    def _outlive(self, sign_of_life: str) -> None:
        for number in tuple(self._connections):  # they end with the agent's own descriptors
            self._drop(number)
        gone = time.monotonic()
        while self._listening is not None and time.monotonic() - gone < OUTLIVE_SECONDS:
            self._turn_away()
            with suppress(OSError):
                if deserted(sign_of_life):
                    os.unlink(sign_of_life)  # noqa: PTH108, pathlib is slow to import
            select.select([self._listening], [], [], _TURN_AWAY_SECONDS)


def deserted(path: str) -> bool:
    """Say whether there is a Unix socket on which nobody listens; raises OSError where it cannot be tried."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            return True
        except (FileNotFoundError, BlockingIOError):  # it is gone; it is alive, with a full queue
            return False
    return False


def main() -> None:
    """Serve the agent at the other end of descriptor 0."""
    # A service's stop reaches every process of it; the agent still needs us then, and so do latecomers.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with suppress(ConnectionError):
        _Held(socket.socket(fileno=0)).run(*sys.argv[1:2] or [""])


if __name__ == "__main__":
    main()
