"""The listening end of AudioSocket: who is expected becomes a tap, everyone else is sent away."""

import asyncio
import errno
import socket
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from uuid import UUID

import structlog

from agent.hearing.sound import Encoding
from agent.pbx.asterisk import audiosocket
from agent.pbx.asterisk.acceptor import BACKLOG, Acceptor
from agent.pbx.asterisk.fuse import Fuse
from agent.pbx.asterisk.fuse_process import OUTLIVE_SECONDS
from agent.pbx.asterisk.refusals import Refusal, Refusals
from agent.pbx.asterisk.taps import AudioSocketTap, hang_up
from agent.pbx.port import TapKind

log = structlog.get_logger(__name__)

_PATIENCE_S = 1.0
RECEIVE_BUFFER_BYTES = 256 * 1024
"""Asked of the kernel for each connection: what a stalled agent does not read waits there."""


@dataclass(frozen=True, slots=True)
class AudioSocketSettings:
    """Where to listen, and for how many."""

    host: str = "127.0.0.1"
    """An IP address of this machine."""
    port: int = 9092
    """0 lets the kernel choose."""
    max_connections: int = 500
    handshake_timeout_s: float = 1.0
    """A connection has so long to send its UUID, and the adapter as long to expect it."""
    allow_remote: bool = False
    """Listen beyond loopback: whoever reaches the port can then offer streams, in the clear."""


@dataclass(frozen=True, slots=True)
class _Expectation:
    attached: Callable[[AudioSocketTap], None]
    kind: TapKind
    encoding: Encoding
    timer: asyncio.TimerHandle


@dataclass(slots=True)
class _Guest:
    """A connection that is not a tap yet."""

    connection: socket.socket
    deadline: asyncio.TimerHandle
    received: bytes = b""
    stream: UUID | None = None


class AudioSocketServer:
    """Accepts AudioSocket connections and turns those that are expected into taps."""

    def __init__(self, settings: AudioSocketSettings, *, sign_of_life: Path | None = None) -> None:
        """Check the settings; raises ValueError, in one sentence, for an address that must not be used.

        `sign_of_life` is the socket by which dialplans see that somebody listens: it goes when we are killed.
        """
        _check_address(settings)
        self.settings = settings
        self._sign_of_life = sign_of_life
        self.refusals = Refusals("audiosocket")
        self.on_stranger: Callable[[UUID], None] = _nobody
        """Called with a UUID that came before anyone expected it: `expect` it now or within the
        handshake time-out, or it is refused."""
        self._acceptor: Acceptor | None = None
        self._fuse: Fuse | None = None
        self._port = settings.port
        self._expected: dict[UUID, _Expectation] = {}
        self._guests: dict[socket.socket, _Guest] = {}
        self._strangers: dict[UUID, _Guest] = {}
        self._taps: set[AudioSocketTap] = set()

    @property
    def address(self) -> str:
        """`host:port` as Asterisk has to dial it."""
        host = self.settings.host
        return f"[{host}]:{self._port}" if ":" in host else f"{host}:{self._port}"

    @property
    def connections(self) -> int:
        """Connections that are open now, taps included."""
        return len(self._guests) + len(self._taps)

    async def start(self) -> None:
        """Listen; raises OSError, in one sentence, where the address cannot be had.

        The port may be taken for a moment by what an agent before us left behind (`Fuse`): that is awaited.
        """
        loop = asyncio.get_running_loop()
        give_up = loop.time() + OUTLIVE_SECONDS + _PATIENCE_S
        while True:
            try:
                listening = _listen(self.settings)
                break
            except OSError as error:
                if error.errno != errno.EADDRINUSE or loop.time() > give_up:
                    raise OSError(
                        error.errno,
                        f"AudioSocket cannot listen on {self.address} ({error.strerror}): "
                        f"choose another port, or stop what uses it.",
                    ) from None
            await asyncio.sleep(0.1)
        self._port = listening.getsockname()[1]
        self._fuse = Fuse(listening, self._sign_of_life)
        self._acceptor = Acceptor(listening, self._accepted)

    def close(self) -> None:
        """Stop listening and close every connection, taps included."""
        if self._fuse is not None:
            self._fuse.close()
            self._fuse = None
        if self._acceptor is not None:
            self._acceptor.close()
            self._acceptor = None
        for expectation in self._expected.values():
            expectation.timer.cancel()
        self._expected.clear()
        for guest in tuple(self._guests.values()):
            self._dismiss(guest)
        for tap in tuple(self._taps):
            tap.close()

    def expect(
        self,
        stream: UUID,
        attached: Callable[[AudioSocketTap], None],
        *,
        kind: TapKind,
        encoding: Encoding = Encoding.SLIN8,
        ttl_s: float = 10.0,
        on_expired: Callable[[], None] | None = None,
    ) -> None:
        """Await one stream for `ttl_s` seconds; `attached` gets its tap, perhaps before this returns.

        `on_expired` is called when it did not come in time. Raises ValueError when the stream is
        expected already.
        """
        if stream in self._expected:
            raise ValueError(f"AudioSocket stream {stream} is expected already.")

        def expire() -> None:
            del self._expected[stream]
            if on_expired is not None:
                on_expired()

        timer = asyncio.get_running_loop().call_later(ttl_s, expire)
        self._expected[stream] = _Expectation(attached, kind, encoding, timer)
        if stream in self._strangers:
            self._attach(self._strangers[stream], stream)

    def forget(self, stream: UUID) -> None:
        """Expect a stream no more; harmless for one that is not expected."""
        if expectation := self._expected.pop(stream, None):
            expectation.timer.cancel()

    def _accepted(self, connection: socket.socket) -> None:
        if self.connections >= self.settings.max_connections:
            self.refusals.add(Refusal.TOO_MANY, f"{self.settings.max_connections} are open")
            connection.close()
            return
        loop = asyncio.get_running_loop()
        guest = _Guest(connection, loop.call_later(self.settings.handshake_timeout_s, self._late, connection))
        self._guests[connection] = guest
        if self._fuse is not None:
            self._fuse.hold(connection)
        loop.add_reader(connection, self._greet, guest)

    def _greet(self, guest: _Guest) -> None:
        """Read no further than the UUID: the audio stays in the kernel for the tap."""
        try:
            data = guest.connection.recv(audiosocket.HELLO_BYTES - len(guest.received))
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if not data:
            self._refuse(guest, Refusal.GONE)
            return
        guest.received += data
        try:
            stream = audiosocket.parse_hello(guest.received)
        except audiosocket.ProtocolError as error:
            self._refuse(guest, Refusal.MALFORMED, str(error))
            return
        if stream is None:
            return
        asyncio.get_running_loop().remove_reader(guest.connection)
        if stream in self._expected:
            self._attach(guest, stream)
        elif stream in self._strangers:
            self._refuse(guest, Refusal.UNKNOWN, f"{stream} came twice")
        else:
            guest.stream = stream
            self._strangers[stream] = guest
            try:
                self.on_stranger(stream)
            except Exception:
                log.exception("AudioSocket callback failed")

    def _attach(self, guest: _Guest, stream: UUID) -> None:
        expectation = self._expected.pop(stream)
        expectation.timer.cancel()
        self._release(guest)
        if expectation.kind.spies and self._fuse is not None:
            self._fuse.release(guest.connection)  # it holds a helper channel only: its audio may wait
        tap = AudioSocketTap(guest.connection, expectation.kind, expectation.encoding, self._taps.discard)
        self._taps.add(tap)
        try:
            expectation.attached(tap)
        except Exception:  # nobody would ever close a tap that its listener failed to take
            log.exception("AudioSocket callback failed")
            tap.close()

    def _late(self, connection: socket.socket) -> None:
        guest = self._guests[connection]
        if guest.stream is None:
            self._refuse(guest, Refusal.TOO_SLOW, f"no UUID in {self.settings.handshake_timeout_s} s")
        else:
            self._refuse(guest, Refusal.UNKNOWN, str(guest.stream))

    def _refuse(self, guest: _Guest, reason: Refusal, detail: str = "") -> None:
        self.refusals.add(reason, detail)
        self._dismiss(guest)

    def _dismiss(self, guest: _Guest) -> None:
        self._release(guest)
        hang_up(guest.connection)

    def _release(self, guest: _Guest) -> None:
        guest.deadline.cancel()
        asyncio.get_running_loop().remove_reader(guest.connection)
        del self._guests[guest.connection]
        if guest.stream is not None:
            self._strangers.pop(guest.stream, None)


def _listen(settings: AudioSocketSettings) -> socket.socket:
    family = socket.AF_INET6 if ip_address(settings.host).version == 6 else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)  # inherited
        listening.bind((settings.host, settings.port))
        listening.listen(BACKLOG)
    except OSError:
        listening.close()
        raise
    return listening


def _check_address(settings: AudioSocketSettings) -> None:
    try:
        address = ip_address(settings.host)
    except ValueError:
        raise ValueError(
            f"The AudioSocket host must be an IP address such as 127.0.0.1, not {settings.host!r}."
        ) from None
    if not address.is_loopback and not settings.allow_remote:
        raise ValueError(
            f"AudioSocket would listen on {settings.host}, where others can reach it: "
            f"use 127.0.0.1, or set allow_remote: true if Asterisk runs on another machine."
        )


def _nobody(_: UUID) -> None:
    pass
