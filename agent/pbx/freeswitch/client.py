"""A client of FreeSWITCH's event socket that stays connected, or says why it is not.

Two connections, for FreeSWITCH works on one command of a connection after the other and sends its events in
between: one tells what happens, the other takes commands. They live and die together. A frozen FreeSWITCH is
noticed by awaited pings; a wrong password, an access list and an unreachable host are told apart; all are
tried again with growing pauses. While there is no pair of connections every command is refused: a uuid_kill
of yesterday's call must never reach today's.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from agent.pbx.freeswitch.connection import (
    EventSocketConnection,
    EventSocketError,
    UnansweredError,
    UnavailableError,
)
from agent.pbx.freeswitch.protocol import Event, Headers, Reply
from agent.pbx.lasting import ConnectionState, LastingConnection, Peer, RefusedError, pong

log = structlog.get_logger(__name__)

PING = "api uptime"
"""Any command that FreeSWITCH answers at once."""


@dataclass(frozen=True, slots=True)
class EventSocketSettings:
    """Where the event socket is, what to listen to, and how patient to be with it."""

    host: str = "127.0.0.1"
    port: int = 8021
    password: str = field(default="", repr=False)
    subscriptions: tuple[str, ...] = ()
    """Commands that the connection for events begins with, e.g. `event json CHANNEL_ANSWER`."""
    connect_timeout_s: float = 5.0
    command_timeout_s: float = 5.0
    ping_interval_s: float = 2.0
    ping_timeout_s: float = 5.0
    backoff_min_s: float = 1.0
    backoff_max_s: float = 5.0
    refused_max_s: float = 60.0
    max_unanswered: int = 10_000


class EventSocketClient:
    """Keeps a pair of authenticated connections: hears through one and speaks through the other."""

    def __init__(self, settings: EventSocketSettings) -> None:
        """Prepare; nothing is connected before `start`."""
        self.settings = settings
        self.on_event: Callable[[Event], None] = lambda event: None
        """Called with every event, in order."""
        self.on_connected: Callable[[], None] = _nothing
        """Called after each login; what happened before is not told: ask for the channels that live."""
        self.on_lost: Callable[[], None] = _nothing
        """Called when the connections are gone, for whatever reason."""
        self.rejected: Counter[str] = Counter()
        """Commands sent without waiting that FreeSWITCH rejected, by its words."""
        self._where = f"FreeSWITCH's event socket at {settings.host}:{settings.port}"
        self._pair = LastingConnection(
            settings,
            Peer(
                name="event socket",
                where=self._where,
                log=log,
                absent="no connection to FreeSWITCH",
                failed="event socket failed",
                errors=EventSocketError,
                connections=lambda: (self._new_connection(), self._new_connection()),
                log_in=self._log_in,
                begin=self._begin,
                ping=self._ping,
                on_lost=lambda: self.on_lost(),
            ),
        )

    @property
    def state(self) -> ConnectionState:
        """How the client stands with FreeSWITCH."""
        return self._pair.state

    @property
    def problem(self) -> str:
        """Why there is no connection, in one sentence; empty while there is one."""
        return self._pair.problem

    @property
    def connected(self) -> bool:
        """There is a pair of authenticated connections."""
        return self._pair.connected

    @property
    def unanswered(self) -> int:
        """Commands that wait for their replies."""
        return self._pair.current[1].unanswered if self._pair.current else 0

    def start(self) -> None:
        """Begin to connect, and to reconnect until stopped."""
        self._pair.start()

    async def stop(self, drain_s: float = 1.0) -> None:
        """Wait up to `drain_s` until FreeSWITCH has done what it was told, then close for good."""
        if self.connected and drain_s > 0:
            with contextlib.suppress(EventSocketError):
                await self.drain(drain_s)
        await self._pair.stop()

    async def api(self, line: str, *, timeout_s: float | None = None) -> Reply:
        """Have FreeSWITCH run an api command and return what it says, `ok` or not.

        Raises ValueError for what cannot be sent, UnavailableError, UnansweredError.
        """
        reply = self._connection().request(f"api {line}")
        return await _within(reply, line, self.settings.command_timeout_s if timeout_s is None else timeout_s)

    async def getvar(self, uuid: str, variable: str) -> str:
        """Return a channel variable, empty where it is unset or the channel gone. Raises as `api` does."""
        reply = await self.api(f"uuid_getvar {uuid} {variable}")
        return "" if not reply.ok or reply.text == "_undef_" else reply.text

    def post_api(self, line: str) -> None:
        """Have FreeSWITCH run an api command and do not wait. Raises ValueError and UnavailableError."""
        self._connection().post(f"api {line}")

    def post_event(self, subclass: str, headers: Headers) -> None:
        """Fire a CUSTOM event. Raises ValueError and UnavailableError.

        A header named `Unique-ID` must not be among these: FreeSWITCH would hand the event to that channel
        instead of to those who listen.
        """
        if any(name.lower() == "unique-id" for name in headers):
            raise ValueError("An event with a Unique-ID would reach no listener, name that header otherwise.")
        self._connection().post("sendevent CUSTOM", {"Event-Subclass": subclass, **headers})

    async def send_message(self, uuid: str, headers: Headers) -> Reply:
        """Send a channel a message (`sendmsg`). Raises as `api` does."""
        reply = self._connection().request(f"sendmsg {uuid}", headers)
        return await _within(reply, "sendmsg", self.settings.command_timeout_s)

    async def drain(self, timeout_s: float) -> None:
        """Wait until FreeSWITCH has done all it was told: it does one command after another."""
        await _within(self._connection().request(PING), PING, timeout_s)

    def _connection(self) -> EventSocketConnection:
        if not self._pair.current:
            raise UnavailableError(self.problem or f"There is no connection to {self._where} yet.")
        return self._pair.current[1]

    def _new_connection(self) -> EventSocketConnection:
        return EventSocketConnection(
            lambda event: self.on_event(event), self.settings.max_unanswered, self.rejected
        )

    async def _log_in(self, connection: EventSocketConnection) -> None:
        await asyncio.get_running_loop().create_connection(
            lambda: connection, self.settings.host, self.settings.port
        )
        try:
            await connection.greeted
        except RefusedError as error:
            raise RefusedError(
                f"{error} Allow the agent's address in apply-inbound-acl of event_socket.conf.xml."
            ) from None
        reply = await connection.request(f"auth {self.settings.password}")
        if not reply.ok:
            raise RefusedError(
                f"{self._where} refuses the password ({reply.text}): compare it with event_socket.conf.xml."
            )

    async def _begin(self, pair: tuple[EventSocketConnection, ...]) -> None:
        log.info("connected to FreeSWITCH", address=f"{self.settings.host}:{self.settings.port}")
        events, _ = pair
        for line in self.settings.subscriptions:
            reply = await _within(events.request(line), line, self.settings.command_timeout_s)
            if not reply.ok:
                raise RefusedError(f"{self._where} refuses {line!r} ({reply.text}).")
        self._pair.guarded(self.on_connected)

    async def _ping(self, pair: tuple[EventSocketConnection, ...]) -> None:
        events, commands = ((connection, connection.request(PING)) for connection in pair)
        for connection, answer in (commands, events):  # a flood of events does not hide that commands wait
            try:
                await pong(connection, answer, self.settings.ping_timeout_s)
            except TimeoutError:
                raise _unanswered(PING, self.settings.ping_timeout_s) from None


async def _within(reply: asyncio.Future[Reply], line: str, timeout_s: float) -> Reply:
    try:
        async with asyncio.timeout(timeout_s):
            return await reply
    except TimeoutError:
        raise _unanswered(line, timeout_s) from None


def _unanswered(line: str, timeout_s: float) -> UnansweredError:
    name = " ".join(line.split()[:1])
    return UnansweredError(f"FreeSWITCH did not answer {name} within {timeout_s} s.")


def _nothing() -> None:
    pass
