"""A client of the Asterisk Manager Interface that stays connected, or says why it is not.

A frozen Asterisk is noticed by awaited pings; a wrong secret and an unreachable host are told
apart; both are tried again with growing pauses. While there is no authenticated connection
every action is refused: a Hangup or Setvar of yesterday's call must never reach today's.
"""

import asyncio
import contextlib
import secrets
import ssl
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from agent.pbx.asterisk.ami_connection import AmiConnection
from agent.pbx.asterisk.ami_message import (
    AmiDeniedError,
    AmiError,
    AmiEvent,
    AmiHeaders,
    AmiReply,
    AmiTimeoutError,
    AmiUnavailableError,
    Fields,
)
from agent.pbx.lasting import ConnectionState, LastingConnection, Peer, RefusedError, pong

__all__ = [
    "AmiClient",
    "AmiDeniedError",
    "AmiError",
    "AmiEvent",
    "AmiHeaders",
    "AmiReply",
    "AmiSettings",
    "AmiTimeoutError",
    "AmiUnavailableError",
]

log = structlog.get_logger(__name__)

FLOOD_A_SECOND = 5_000
"""Events that 800 calls a second would make, with the event filters that we ship."""


@dataclass(frozen=True, slots=True)
class AmiSettings:
    """Where the manager interface is and how patient to be with it."""

    host: str = "127.0.0.1"
    port: int = 5038
    username: str = "earlymedia"
    secret: str = field(default="", repr=False)
    events: str = "on"
    """`Events:` of the login, e.g. `call`; rights and filters in manager.conf bound it."""
    tls: bool = False
    ca_file: Path | None = None
    """Certificates to trust instead of the system's."""
    tls_verify: bool = True
    connect_timeout_s: float = 5.0
    action_timeout_s: float = 5.0
    ping_interval_s: float = 5.0
    ping_timeout_s: float = 5.0
    backoff_min_s: float = 1.0
    backoff_max_s: float = 5.0
    refused_max_s: float = 60.0
    max_unanswered: int = 10_000


class AmiClient:
    """Keeps one authenticated connection and speaks through it."""

    def __init__(self, settings: AmiSettings) -> None:
        """Prepare; raises OSError, in one sentence, when the certificates cannot be read."""
        self.settings = settings
        self.on_connected: Callable[[], None] = _nothing
        """Called after each login; what happened before is not told: ask for the channels that live."""
        self.on_lost: Callable[[], None] = _nothing
        """Called when an authenticated connection is gone, for whatever reason."""
        self.rejected: Counter[str] = Counter()
        """Actions sent without waiting that Asterisk rejected, by its words."""
        self._listeners: list[Callable[[AmiEvent], None]] = []
        self._counted = (0, 0.0)
        """Events of this connection and the time at which they were counted, in seconds."""
        self._tls = _tls_context(settings)
        self._where = f"Asterisk's manager interface at {settings.host}:{settings.port}"
        self._lasting = LastingConnection(
            settings,
            Peer(
                name="AMI",
                where=self._where,
                log=log,
                absent="no AMI connection",
                failed="AMI connection failed",
                errors=AmiError,
                connections=lambda: (self._new_connection(),),
                log_in=self._log_in,
                begin=self._begin,
                ping=self._ping,
                on_lost=lambda: self.on_lost(),
            ),
        )

    @property
    def state(self) -> ConnectionState:
        """How the client stands with Asterisk."""
        return self._lasting.state

    @property
    def problem(self) -> str:
        """Why there is no connection, in one sentence; empty while there is one."""
        return self._lasting.problem

    @property
    def connected(self) -> bool:
        """There is an authenticated connection."""
        return self._lasting.connected

    @property
    def unanswered(self) -> int:
        """Actions that wait for their replies."""
        return sum(connection.unanswered for connection in self._lasting.current)

    @property
    def denied(self) -> frozenset[str]:
        """Names of the actions that this connection's account was found to have no right to."""
        return frozenset(name for connection in self._lasting.current for name in connection.denied)

    def on_event(self, listener: Callable[[AmiEvent], None]) -> None:
        """Tell a listener of every event, in order; what it raises is logged and harms nobody else."""
        self._listeners.append(listener)

    def start(self) -> None:
        """Begin to connect, and to reconnect until stopped."""
        self._lasting.start()

    async def stop(self, drain_s: float = 1.0) -> None:
        """Wait up to `drain_s` until Asterisk has done what it was told, then close for good."""
        if self.connected and drain_s > 0:
            with contextlib.suppress(AmiError):
                await self.drain(drain_s)
        await self._lasting.stop()

    async def action(
        self, name: str, fields: Fields | None = None, *, timeout_s: float | None = None
    ) -> AmiReply:
        """Send an action and return Asterisk's reply, `success` or not.

        An Originate is always sent with `Async: true` and is answered by its OriginateResponse, so
        give it the time that its call may take. Raises ValueError for fields that cannot be sent,
        AmiDeniedError, AmiUnavailableError, AmiTimeoutError.
        """
        reply = self._authenticated().request(name, fields or {})
        return await _within(reply, name, self.settings.action_timeout_s if timeout_s is None else timeout_s)

    def send_nowait(self, name: str, fields: Fields) -> None:
        """Send an action and do not wait: a rejection is counted, a missing right is logged once.

        All that is sent in one pass of the event loop travels together: 5 microseconds for a
        Setvar and its reply, where panoramisk takes 70 to 110. Raises ValueError for fields that
        cannot be sent and AmiUnavailableError.
        """
        self._authenticated().post(name, fields)

    async def getvar(self, channel: str, variable: str, *, timeout_s: float | None = None) -> str | None:
        """Return a channel variable or function, empty where unset; None where the channel is gone.

        Raises AmiError as `action` does.
        """
        fields = {"Channel": channel, "Variable": variable}
        reply = await self.action("Getvar", fields, timeout_s=timeout_s)
        return reply.headers.get("Value", "") if reply.success else None

    async def drain(self, timeout_s: float) -> None:
        """Wait until Asterisk has done all it was told: it does one action after another."""
        await self.action("Ping", timeout_s=timeout_s)

    def _authenticated(self) -> AmiConnection:
        if not self._lasting.current:
            raise AmiUnavailableError(self.problem or f"No connection to {self._where} yet.")
        return self._lasting.current[0]

    def _new_connection(self) -> AmiConnection:
        tag = f"earlymedia-{secrets.token_hex(4)}"
        return AmiConnection(tag, self.settings.max_unanswered, self.rejected)

    async def _log_in(self, connection: AmiConnection) -> None:
        await asyncio.get_running_loop().create_connection(
            lambda: connection, self.settings.host, self.settings.port, ssl=self._tls
        )
        reply = await connection.request(
            "Login",
            {
                "Username": self.settings.username,
                "Secret": self.settings.secret,
                "Events": self.settings.events,
            },
        )
        if not reply.success:
            raise RefusedError(
                f"{self._where} refuses the user {self.settings.username!r} ({reply.message}): "
                f"compare user name, secret and permit= with manager.conf."
            )

    async def _begin(self, connections: tuple[AmiConnection, ...]) -> None:
        log.info("connected to Asterisk", address=self._where)
        self._counted = (0, asyncio.get_running_loop().time())
        self._lasting.guarded(self.on_connected)
        for connection in connections:
            connection.deliver_to(self._dispatch)

    async def _ping(self, connections: tuple[AmiConnection, ...]) -> None:
        for connection in connections:
            answer = connection.request("Ping", {})
            try:
                await pong(connection, answer, self.settings.ping_timeout_s)
            except TimeoutError:
                raise _unanswered("Ping", self.settings.ping_timeout_s) from None
            self._watch_the_flood(connection.events)

    def _watch_the_flood(self, events: int) -> None:
        """Say when more events come than calls make: it costs processor, and nothing else."""
        now = asyncio.get_running_loop().time()
        (before, since), self._counted = self._counted, (events, now)
        rate = (events - before) / max(now - since, 1e-3)
        if rate > FLOOD_A_SECOND:
            log.warning(
                "Asterisk sends a flood of events: see eventfilter= in manager.conf", a_second=round(rate)
            )

    def _dispatch(self, event: AmiEvent) -> None:
        for listener in self._listeners:
            self._lasting.guarded(listener, event)


async def _within(reply: asyncio.Future[AmiReply], name: str, timeout_s: float) -> AmiReply:
    try:
        async with asyncio.timeout(timeout_s):
            return await reply
    except TimeoutError:
        raise _unanswered(name, timeout_s) from None


def _unanswered(name: str, timeout_s: float) -> AmiTimeoutError:
    return AmiTimeoutError(f"Asterisk did not answer {name} within {timeout_s} s.")


def _tls_context(settings: AmiSettings) -> ssl.SSLContext | None:
    if not settings.tls:
        return None
    try:
        context = ssl.create_default_context(cafile=settings.ca_file)
    except OSError as error:  # ssl.SSLError is one
        raise OSError(
            error.errno,
            f"The AMI's ca_file {settings.ca_file} holds no certificates that can be read ({error}).",
        ) from None
    if not settings.tls_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _nothing() -> None:
    pass
