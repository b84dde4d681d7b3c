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
from enum import StrEnum

import structlog

from agent.pbx.freeswitch.connection import (
    EventSocketConnection,
    EventSocketError,
    RefusedError,
    UnansweredError,
    UnavailableError,
)
from agent.pbx.freeswitch.protocol import Event, Headers, Reply

log = structlog.get_logger(__name__)

PING = "api uptime"
"""Any command that FreeSWITCH answers at once."""


class EventSocketState(StrEnum):
    """How the client stands with FreeSWITCH."""

    STOPPED = "stopped"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    UNREACHABLE = "unreachable"
    """Nobody answers there, or not as a FreeSWITCH does; tried again."""
    REFUSED = "refused"
    """FreeSWITCH does not accept the password or our address; tried again."""


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
    backoff_max_s: float = 60.0
    max_unanswered: int = 10_000


class EventSocketClient:
    """Keeps a pair of authenticated connections: hears through one and speaks through the other."""

    def __init__(self, settings: EventSocketSettings) -> None:
        """Prepare; nothing is connected before `start`."""
        self.settings = settings
        self.state = EventSocketState.STOPPED
        self.problem = ""
        """Why there is no connection, in one sentence; empty while there is one."""
        self.on_event: Callable[[Event], None] = lambda event: None
        """Called with every event, in order."""
        self.on_connected: Callable[[], None] = _nothing
        """Called after each login; what happened before is not told: ask for the channels that live."""
        self.on_lost: Callable[[], None] = _nothing
        """Called when the connections are gone, for whatever reason."""
        self.rejected: Counter[str] = Counter()
        """Commands sent without waiting that FreeSWITCH rejected, by its words."""
        self._commands: EventSocketConnection | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def connected(self) -> bool:
        """There is a pair of authenticated connections."""
        return self._commands is not None and not self._commands.lost.done()

    @property
    def unanswered(self) -> int:
        """Commands that wait for their replies."""
        return self._commands.unanswered if self._commands else 0

    def start(self) -> None:
        """Begin to connect, and to reconnect until stopped."""
        if self._task is None:
            self._task = asyncio.create_task(self._keep_connected(), name="event socket")

    async def stop(self, drain_s: float = 1.0) -> None:
        """Wait up to `drain_s` until FreeSWITCH has done what it was told, then close for good."""
        if self._task is None:
            return
        if self.connected and drain_s > 0:
            with contextlib.suppress(EventSocketError):
                await self.drain(drain_s)
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._task = None
        self.state = EventSocketState.STOPPED

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
        if self._commands is None:
            raise UnavailableError(self.problem or f"There is no connection to {self._where} yet.")
        return self._commands

    async def _keep_connected(self) -> None:
        pause_s = self.settings.backoff_min_s
        while True:
            self.state = EventSocketState.CONNECTING
            pair = (self._new_connection(), self._new_connection())
            try:
                async with asyncio.timeout(self.settings.connect_timeout_s):
                    for connection in pair:
                        await self._log_in(connection)
                pause_s = self.settings.backoff_min_s
                await self._stay(*pair)
            except RefusedError as error:
                self.state, self.problem = EventSocketState.REFUSED, str(error)
            except TimeoutError:
                patience_s = self.settings.connect_timeout_s
                self._unreachable(f"nobody answered the login within {patience_s} s.")
            except (OSError, EventSocketError) as error:
                self._unreachable(str(error))
            except Exception as error:  # an unforeseen fault must not end the watch
                log.exception("event socket failed")
                self._unreachable(repr(error))
            finally:
                for connection in pair:
                    await connection.close()
            log.warning(
                "no connection to FreeSWITCH", state=self.state.value, problem=self.problem, retry_s=pause_s
            )
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, self.settings.backoff_max_s)

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

    async def _stay(self, events: EventSocketConnection, commands: EventSocketConnection) -> None:
        """Serve until a connection is lost; raises EventSocketError, for one always is at last."""
        self.state, self.problem, self._commands = EventSocketState.CONNECTED, "", commands
        log.info("connected to FreeSWITCH", address=f"{self.settings.host}:{self.settings.port}")
        try:
            for line in self.settings.subscriptions:
                reply = await _within(events.request(line), line, self.settings.command_timeout_s)
                if not reply.ok:
                    raise RefusedError(f"{self._where} refuses {line!r} ({reply.text}).")
            _guarded(self.on_connected)
            pair = (events, commands)
            while True:
                await asyncio.wait(
                    [connection.lost for connection in pair],
                    timeout=self.settings.ping_interval_s,
                    return_when=asyncio.FIRST_COMPLETED,
                )
                for connection in pair:
                    if connection.lost.done():
                        raise UnavailableError(f"{connection.lost.result()}.")
                for pong in [connection.request(PING) for connection in pair]:
                    await _within(pong, PING, self.settings.ping_timeout_s)
        finally:
            self._commands = None
            _guarded(self.on_lost)

    def _unreachable(self, why: str) -> None:
        self.state, self.problem = EventSocketState.UNREACHABLE, f"No connection to {self._where}: {why}"

    @property
    def _where(self) -> str:
        return f"FreeSWITCH's event socket at {self.settings.host}:{self.settings.port}"


async def _within(reply: asyncio.Future[Reply], line: str, timeout_s: float) -> Reply:
    try:
        async with asyncio.timeout(timeout_s):
            return await reply
    except TimeoutError:
        name = " ".join(line.split()[:1])
        raise UnansweredError(f"FreeSWITCH did not answer {name} within {timeout_s} s.") from None


def _guarded(callback: Callable[[], None]) -> None:
    """Call a listener; whatever it raises is its own fault and must not end the connection."""
    try:
        callback()
    except Exception:
        log.exception("event socket callback failed")


def _nothing() -> None:
    pass
