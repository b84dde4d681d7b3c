"""An EAGI script's conversation, held by the agent in the script's place.

The shim keeps the script's pipes to Asterisk and relays AGI over a Unix socket; only the
audio's file descriptor is passed on. So a stalled agent can never hold the channel.
"""

import asyncio
import os
import socket
from collections.abc import Callable

import structlog

from agent.hearing.sound import Encoding
from agent.pbx.asterisk import agi
from agent.pbx.asterisk.agi import AgiEnvironment, AgiError, AgiHangup, AgiReply, AgiSession
from agent.pbx.asterisk.taps import EagiTap
from agent.pbx.port import TapKind

log = structlog.get_logger(__name__)

RECEIVE_BYTES = 64 * 1024
MAX_UNANSWERED = 100
"""More commands than the agent has any reason to say: this Asterisk does not answer."""
LAST_WORDS_S = 0.5
"""After a hang-up the shim lives no longer than this; then so does the session."""


class EagiClosedError(ConnectionError):
    """The conversation is over; no command is answered any more."""


class EagiSession:
    """One EAGI script: its environment, its arguments, its audio, and commands to its channel."""

    def __init__(
        self,
        connection: socket.socket,
        args: tuple[str, ...],
        audio_fd: int,
        on_environment: Callable[["EagiSession"], None],
        on_closed: Callable[["EagiSession"], None],
    ) -> None:
        """Own a non-blocking socket and the pipe's read end, and begin to read the environment.

        `on_environment` is called once the channel is known, `on_closed` once at the end.
        """
        self.args = args
        """The arguments of the dialplan's `EAGI()`."""
        self.on_hangup: Callable[[], object] = _nothing
        """Called once when the channel hung up, after `on_eagi`: half a second remains for last
        commands, then the session closes. Close it earlier when nothing is left to say."""
        self.on_closed: Callable[[], None] = _nothing
        """Called once when the session is over, for whatever reason."""
        self._socket = connection
        self._audio_fd = audio_fd
        self._tap: EagiTap | None = None
        self._agi = AgiSession()
        self._replies: list[asyncio.Future[AgiReply]] = []
        """What every command not yet answered awaits; only the first of them was said."""
        self._unsaid: list[bytes] = []
        self._on_environment = on_environment
        self._on_released = on_closed
        self._loop = asyncio.get_running_loop()
        self._fuse: asyncio.TimerHandle | None = None
        self._closing = False
        os.set_blocking(audio_fd, False)
        self._loop.add_reader(connection, self._receive)

    @property
    def environment(self) -> AgiEnvironment:
        """What Asterisk said of the channel; complete before `on_eagi` is called."""
        assert self._agi.environment is not None
        return self._agi.environment

    @property
    def has_environment(self) -> bool:
        """The environment is complete."""
        return self._agi.environment is not None

    @property
    def hung_up(self) -> bool:
        """The channel hung up."""
        return self._agi.hung_up

    @property
    def closed(self) -> bool:
        """The conversation is over, or will be when the last commands are answered."""
        return self._closing or self._socket.fileno() < 0

    def listen(self, kind: TapKind = TapKind.EAGI, encoding: Encoding = Encoding.SLIN8) -> EagiTap:
        """Return the tap of the script's audio, to be called once.

        `encoding` is what the dialplan set with `EAGI_AUDIO_FORMAT`, slin8 where it set none.
        Closing the tap closes the session, which lets the dialplan go on after `EAGI()`; after a
        hang-up it does not, for last commands may follow.
        Raises `EagiClosedError` when the session is over or the tap was already given away.
        """
        if self._audio_fd < 0:
            raise EagiClosedError("The EAGI session's audio is closed or already listened to.")
        self._tap = EagiTap(self._audio_fd, kind, encoding, on_closed=self._tap_closed)
        self._audio_fd = -1
        return self._tap

    def _tap_closed(self) -> None:
        if not self.hung_up:
            self.close()

    async def command(self, *words: str, timeout_s: float = 1.0) -> AgiReply:
        """Send one AGI command and return Asterisk's reply; commands are answered in their order.

        Only quick commands: audio stops while one runs. Raises `AgiError` for a command that
        cannot be said, `EagiClosedError` when the session ends first, `TimeoutError` when no reply
        came in time; the session is closed then, for a late reply would be taken for the next.
        """
        reply = self.send(*words)
        try:
            async with asyncio.timeout(timeout_s):
                return await asyncio.shield(reply)
        except TimeoutError:
            self.abort()
            raise TimeoutError(f"Asterisk did not answer AGI {words[0]} within {timeout_s} s.") from None

    def send(self, *words: str) -> asyncio.Future[AgiReply]:
        """Send one AGI command in its turn and return the future of its reply, which need not be awaited.

        One command is under way at a time: Asterisk reads ahead into a buffer, and a command that lies
        there is not looked at before the next bytes come.
        """
        line = agi.command(*words)
        reply: asyncio.Future[AgiReply] = self._loop.create_future()
        reply.add_done_callback(_retrieve)
        if self.closed:
            reply.set_exception(EagiClosedError("The EAGI session is over."))
            return reply
        self._replies.append(reply)
        self._unsaid.append(line)
        if len(self._replies) == 1:
            self._say_next()
        elif len(self._replies) > MAX_UNANSWERED:
            self.abort()
        return reply

    def _say_next(self) -> None:
        line = self._unsaid.pop(0)
        try:
            sent = self._socket.send(line)
        except OSError:  # includes a shim that does not read
            sent = 0
        if sent < len(line):
            self.abort()

    def give_sign_of_life(self) -> None:
        """Tell the shim, by a byte that it keeps from Asterisk, that the agent is not stalled."""
        if self._socket.fileno() < 0:
            return
        try:
            self._socket.send(b"\0")
        except OSError:  # includes a shim that does not read
            self.abort()

    def close(self) -> None:
        """End the audio, and the conversation once the commands sent so far are answered.

        Then the shim ends and the dialplan goes on after `EAGI()`; half a second later at the latest.
        A socket closed before a reply was read would cost the shim the commands that it still has.
        """
        if self.closed:
            return
        self._closing = True
        self._close_audio()
        if self._replies:
            self._light_fuse()
        else:
            self.abort()

    def abort(self) -> None:
        """End audio and conversation now; harmless to call twice."""
        if self._socket.fileno() < 0:
            return
        self._loop.remove_reader(self._socket)
        self._socket.close()
        self._close_audio()
        if self._fuse is not None:
            self._fuse.cancel()
        for reply in self._replies:
            if not reply.done():
                reply.set_exception(EagiClosedError("The EAGI session ended before the reply."))
        self._replies.clear()
        self._unsaid.clear()
        self._on_released(self)
        self._tell(self.on_closed)

    def _close_audio(self) -> None:
        if self._audio_fd >= 0:
            os.close(self._audio_fd)
            self._audio_fd = -1
        if self._tap is not None:
            self._tap.close()

    def _light_fuse(self) -> None:
        if self._fuse is None:
            self._fuse = self._loop.call_later(LAST_WORDS_S, self.abort)

    def _receive(self) -> None:
        try:
            data = self._socket.recv(RECEIVE_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if data:
            self.receive(data)
        else:
            self.abort()

    def receive(self, data: bytes) -> None:
        """Take bytes that Asterisk sent, as they came with the shim's introduction or after it."""
        try:
            for event in self._agi.feed(data):
                self._take(event)
        except AgiError as error:
            log.warning("AGI conversation given up", reason=str(error))
            self.abort()

    def _take(self, event: AgiEnvironment | AgiReply | AgiHangup) -> None:
        if self._socket.fileno() < 0:
            return
        match event:
            case AgiEnvironment():
                self._on_environment(self)
                if self.hung_up:
                    self._hang_up()
            case AgiReply():
                if not self._replies:
                    raise AgiError("A reply came to no command.")
                reply = self._replies.pop(0)
                if not reply.done():
                    reply.set_result(event)
                if self._unsaid:
                    self._say_next()
                elif self._closing:
                    self.abort()
            case AgiHangup():
                self._light_fuse()
                if self.has_environment:
                    self._hang_up()

    def _hang_up(self) -> None:
        if not self.closed:
            on_hangup, self.on_hangup = self.on_hangup, _nothing
            self._tell(on_hangup)

    def _tell(self, callback: Callable[[], object]) -> None:
        try:
            callback()
        except Exception:  # whatever a listener does, the channel must be let go
            log.exception("EAGI callback failed")
            self.abort()


def _nothing() -> None:
    pass


def _retrieve(reply: asyncio.Future[AgiReply]) -> None:
    """Mark the exception as seen, so that a reply that nobody awaits is not reported as lost."""
    if not reply.cancelled():
        reply.exception()
