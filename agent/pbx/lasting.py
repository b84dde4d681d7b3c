"""A connection to a PBX that is made again whenever it is lost, or says why there is none.

A frozen PBX is noticed by awaited pings; one that refuses us and one that cannot be reached are told apart;
both are tried again with growing pauses.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, Protocol, TypeVar

from structlog.typing import FilteringBoundLogger


class ConnectionState(StrEnum):
    """How we stand with a PBX."""

    STOPPED = "stopped"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    UNREACHABLE = "unreachable"
    """Nobody answers there, or not as such a PBX does; tried again."""
    REFUSED = "refused"
    """The PBX does not accept what we log in with, or our address; tried again."""


class RefusedError(Exception):
    """The PBX does not let us in, or not listen; the text says in one sentence why."""


class Patience(Protocol):
    """How patient to be with a PBX."""

    @property
    def connect_timeout_s(self) -> float:
        """For all that a login takes."""

    @property
    def ping_interval_s(self) -> float:
        """From a pong to the next ping."""

    @property
    def backoff_min_s(self) -> float:
        """Before the second try; doubled with each one that fails."""

    @property
    def backoff_max_s(self) -> float:
        """The longest pause between two tries: a PBX that is back is found again so soon."""

    @property
    def refused_max_s(self) -> float:
        """The same where it refuses us, which it writes down each time."""


class Connection(Protocol):
    """One TCP connection, good until it is lost."""

    @property
    def lost(self) -> asyncio.Future[str]:
        """Done when the connection is gone, with a clause that says why."""

    @property
    def events(self) -> int:
        """How many events have come."""

    async def close(self) -> None:
        """End the connection, or do nothing where there is none."""


C = TypeVar("C", bound=Connection)


@dataclass(frozen=True, slots=True)
class Peer(Generic[C]):
    """The other end: how it is spoken to and what it is called."""

    name: str
    """In the log, e.g. `AMI`."""
    where: str
    """In sentences, e.g. `Asterisk's manager interface at 127.0.0.1:5038`."""
    log: FilteringBoundLogger
    absent: str
    """What the log says while there is no connection."""
    failed: str
    """What the log says of a fault of our own."""
    errors: type[Exception]
    """What is raised for a command that is not answered."""
    connections: Callable[[], tuple[C, ...]]
    """Prepare connections that live and die together; nothing is connected yet."""
    log_in: Callable[[C], Awaitable[None]]
    """Connect one of them; raises RefusedError, `errors`, OSError."""
    begin: Callable[[tuple[C, ...]], Awaitable[None]]
    """Begin to use them, all logged in; raises as `log_in` does."""
    ping: Callable[[tuple[C, ...]], Awaitable[None]]
    """Return when all have answered; raises `errors`."""
    on_lost: Callable[[], None]
    """Called when they are gone, if they were all logged in."""


class LastingConnection(Generic[C]):
    """Connects, stays, and connects anew until stopped."""

    def __init__(self, patience: Patience, peer: Peer[C]) -> None:
        """Prepare; nothing is connected before `start`."""
        self.state = ConnectionState.STOPPED
        self.problem = ""
        """Why there is no connection, in one sentence; empty while there is one."""
        self.current: tuple[C, ...] = ()
        """The connections that are logged in; none while there are none."""
        self._patience = patience
        self._peer = peer
        self._task: asyncio.Task[None] | None = None

    @property
    def connected(self) -> bool:
        """There are connections that are logged in, and none of them is lost."""
        return bool(self.current) and not any(connection.lost.done() for connection in self.current)

    def start(self) -> None:
        """Begin to connect, and to reconnect until stopped."""
        if self._task is None:
            self._task = asyncio.create_task(self._keep_connected(), name=self._peer.name)

    async def stop(self) -> None:
        """Close for good."""
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._task = None
        self.state = ConnectionState.STOPPED

    def guarded(self, callback: Callable[..., None], *args: object) -> None:
        """Call a listener; whatever it raises is its own fault and must not end the connection."""
        try:
            callback(*args)
        except Exception:
            self._peer.log.exception(f"{self._peer.name} callback failed")

    async def _keep_connected(self) -> None:
        patience, peer = self._patience, self._peer
        pause_s = patience.backoff_min_s
        while True:
            self.state = ConnectionState.CONNECTING
            connections = peer.connections()
            try:
                async with asyncio.timeout(patience.connect_timeout_s):
                    for connection in connections:
                        await peer.log_in(connection)
                pause_s = patience.backoff_min_s
                await self._stay(connections)
            except RefusedError as error:
                self.state, self.problem = ConnectionState.REFUSED, str(error)
            except TimeoutError:
                self._unreachable(f"nobody answered the login within {patience.connect_timeout_s} s.")
            except (OSError, peer.errors) as error:
                self._unreachable(str(error))
            except Exception as error:  # an unforeseen fault must not end the watch
                peer.log.exception(peer.failed)
                self._unreachable(repr(error))
            finally:
                for connection in connections:
                    await connection.close()
            peer.log.warning(peer.absent, state=self.state.value, problem=self.problem, retry_s=pause_s)
            await asyncio.sleep(pause_s)
            refused = self.state is ConnectionState.REFUSED
            pause_s = min(2 * pause_s, patience.refused_max_s if refused else patience.backoff_max_s)

    async def _stay(self, connections: tuple[C, ...]) -> None:
        """Serve until a connection is lost; always raises, for one is at last."""
        self.state, self.problem, self.current = ConnectionState.CONNECTED, "", connections
        try:
            await self._peer.begin(connections)
            while True:
                await asyncio.wait(
                    [connection.lost for connection in connections],
                    timeout=self._patience.ping_interval_s,
                    return_when=asyncio.FIRST_COMPLETED,
                )
                for connection in connections:
                    if connection.lost.done():
                        raise ConnectionError(f"{connection.lost.result()}.")
                await self._peer.ping(connections)
        finally:
            self.current = ()
            self.guarded(self._peer.on_lost)

    def _unreachable(self, why: str) -> None:
        self.state = ConnectionState.UNREACHABLE
        self.problem = f"No connection to {self._peer.where}: {why}"


async def pong(connection: Connection, answer: asyncio.Future[Any], timeout_s: float) -> None:
    """Await the answer to a ping. Behind a flood it is late, and the events that come are signs of life, too.

    Raises TimeoutError where nothing comes for so long, and what the answer raises.
    """
    try:
        while not answer.done():
            before = connection.events
            await asyncio.wait([answer], timeout=timeout_s)
            if not answer.done() and connection.events == before:
                raise TimeoutError
        answer.result()
    finally:
        answer.cancel()
