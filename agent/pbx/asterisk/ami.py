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
from enum import StrEnum
from pathlib import Path

import structlog

from agent.pbx.asterisk.ami_connection import AmiConnection
from agent.pbx.asterisk.ami_message import (
    AmiDeniedError,
    AmiError,
    AmiEvent,
    AmiHeaders,
    AmiLoginError,
    AmiReply,
    AmiTimeoutError,
    AmiUnavailableError,
    Fields,
)

__all__ = [
    "AmiClient",
    "AmiDeniedError",
    "AmiError",
    "AmiEvent",
    "AmiHeaders",
    "AmiLoginError",
    "AmiReply",
    "AmiSettings",
    "AmiState",
    "AmiTimeoutError",
    "AmiUnavailableError",
]

log = structlog.get_logger(__name__)


class AmiState(StrEnum):
    """How the client stands with Asterisk."""

    STOPPED = "stopped"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    UNREACHABLE = "unreachable"
    """Nobody answers there, or not as an Asterisk does; tried again."""
    REFUSED = "refused"
    """Asterisk does not accept user name and secret; tried again."""


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
    backoff_max_s: float = 60.0
    max_unanswered: int = 10_000


class AmiClient:
    """Keeps one authenticated connection and speaks through it."""

    def __init__(self, settings: AmiSettings) -> None:
        """Prepare; raises OSError, in one sentence, when the certificates cannot be read."""
        self.settings = settings
        self.state = AmiState.STOPPED
        self.problem = ""
        """Why there is no connection, in one sentence; empty while there is one."""
        self.on_connected: Callable[[], None] = _nothing
        """Called after each login; what happened before is not told: ask for the channels that live."""
        self.on_lost: Callable[[], None] = _nothing
        """Called when an authenticated connection is gone, for whatever reason."""
        self.rejected: Counter[str] = Counter()
        """Actions sent without waiting that Asterisk rejected, by its words."""
        self._listeners: list[Callable[[AmiEvent], None]] = []
        self._tls = _tls_context(settings)
        self._connection: AmiConnection | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def connected(self) -> bool:
        """There is an authenticated connection."""
        return self._connection is not None and not self._connection.lost.done()

    @property
    def unanswered(self) -> int:
        """Actions that wait for their replies."""
        return self._connection.unanswered if self._connection else 0

    @property
    def denied(self) -> frozenset[str]:
        """Names of the actions that this connection's account was found to have no right to."""
        return frozenset(self._connection.denied if self._connection else ())

    def on_event(self, listener: Callable[[AmiEvent], None]) -> None:
        """Tell a listener of every event, in order; what it raises is logged and harms nobody else."""
        self._listeners.append(listener)

    def start(self) -> None:
        """Begin to connect, and to reconnect until stopped."""
        if self._task is None:
            self._task = asyncio.create_task(self._keep_connected(), name="ami")

    async def stop(self, drain_s: float = 1.0) -> None:
        """Wait up to `drain_s` until Asterisk has done what it was told, then close for good."""
        if self._task is None:
            return
        if self.connected and drain_s > 0:
            with contextlib.suppress(AmiError):
                await self.drain(drain_s)
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._task = None
        self.state = AmiState.STOPPED

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

    async def getvar(self, channel: str, variable: str) -> str | None:
        """Return a channel variable or function, empty where unset; None where the channel is gone."""
        reply = await self.action("Getvar", {"Channel": channel, "Variable": variable})
        return reply.headers.get("Value", "") if reply.success else None

    async def drain(self, timeout_s: float) -> None:
        """Wait until Asterisk has done all it was told: it does one action after another."""
        await self.action("Ping", timeout_s=timeout_s)

    def _authenticated(self) -> AmiConnection:
        if self._connection is None:
            raise AmiUnavailableError(self.problem or f"No connection to {self._where} yet.")
        return self._connection

    async def _keep_connected(self) -> None:
        pause_s = self.settings.backoff_min_s
        while True:
            self.state = AmiState.CONNECTING
            tag = f"earlymedia-{secrets.token_hex(4)}"
            connection = AmiConnection(tag, self.settings.max_unanswered, self.rejected)
            try:
                await self._log_in(connection)
                pause_s = self.settings.backoff_min_s
                await self._stay(connection)
            except AmiLoginError as error:
                self.state, self.problem = AmiState.REFUSED, str(error)
            except (OSError, AmiError) as error:
                self.state, self.problem = AmiState.UNREACHABLE, f"No connection to {self._where}: {error}"
            except Exception as error:  # an unforeseen fault must not end the watch
                log.exception("AMI connection failed")
                self.state, self.problem = AmiState.UNREACHABLE, f"No connection to {self._where}: {error!r}"
            finally:
                await connection.close()
            log.warning("no AMI connection", state=self.state.value, problem=self.problem, retry_s=pause_s)
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, self.settings.backoff_max_s)

    async def _log_in(self, connection: AmiConnection) -> None:
        patience_s = self.settings.connect_timeout_s
        try:
            async with asyncio.timeout(patience_s):
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
        except TimeoutError:
            raise AmiTimeoutError(f"nobody answered the login within {patience_s} s.") from None
        if not reply.success:
            raise AmiLoginError(
                f"{self._where} refuses the user {self.settings.username!r} ({reply.message}): "
                f"compare user name, secret and permit= with manager.conf."
            )

    async def _stay(self, connection: AmiConnection) -> None:
        """Serve until the connection is lost; raises AmiError, for it always is at last."""
        self.state, self.problem, self._connection = AmiState.CONNECTED, "", connection
        log.info("connected to Asterisk", address=self._where)
        try:
            _guarded(self.on_connected)
            connection.deliver_to(self._dispatch)
            while True:
                await asyncio.wait([connection.lost], timeout=self.settings.ping_interval_s)
                if connection.lost.done():
                    raise AmiUnavailableError(f"{connection.lost.result()}.")
                await _within(connection.request("Ping", {}), "Ping", self.settings.ping_timeout_s)
        finally:
            self._connection = None
            _guarded(self.on_lost)

    def _dispatch(self, event: AmiEvent) -> None:
        for listener in self._listeners:
            _guarded(listener, event)

    @property
    def _where(self) -> str:
        return f"Asterisk's manager interface at {self.settings.host}:{self.settings.port}"


async def _within(reply: asyncio.Future[AmiReply], name: str, timeout_s: float) -> AmiReply:
    try:
        async with asyncio.timeout(timeout_s):
            return await reply
    except TimeoutError:
        raise AmiTimeoutError(f"Asterisk did not answer {name} within {timeout_s} s.") from None


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


def _guarded(callback: Callable[..., None], *args: object) -> None:
    """Call a listener; whatever it raises is its own fault and must not end the connection."""
    try:
        callback(*args)
    except Exception:
        log.exception("AMI callback failed")


def _nothing() -> None:
    pass
