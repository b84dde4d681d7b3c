"""One TCP connection to FreeSWITCH's event socket, from its greeting to its loss."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from agent.pbx.freeswitch.protocol import (
    AuthRequest,
    Disconnected,
    Event,
    Headers,
    Message,
    MessageReader,
    ProtocolError,
    Rejected,
    Reply,
    command,
)
from agent.pbx.lasting import RefusedError
from agent.pbx.wire import Wire

log = structlog.get_logger(__name__)


class EventSocketError(Exception):
    """A command was not answered; the text says in one sentence why."""


class UnavailableError(EventSocketError):
    """There is no authenticated connection, it was lost before the reply, or too much is unanswered."""


class UnansweredError(EventSocketError):
    """FreeSWITCH did not reply in time."""


@dataclass(frozen=True, slots=True)
class _Sent:
    """A command that waits for its reply."""

    name: str
    reply: asyncio.Future[Reply] | None
    """None where nobody awaits it."""


class EventSocketConnection(asyncio.Protocol):
    """Commands out, replies and events in. Nothing outlives the connection: no command is ever repeated."""

    def __init__(
        self, on_event: Callable[[Event], None], max_unanswered: int, rejected: Counter[str]
    ) -> None:
        """Refuse further commands while `max_unanswered` wait; count rejections of posted ones."""
        self.greeted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when FreeSWITCH asks for the password; RefusedError where its access list turns us away."""
        self.events = 0
        """How many have come."""
        self._wire = Wire(self._end)
        self.lost = self._wire.lost
        """Done when the connection is gone, with a clause that says why."""
        self._on_event = on_event
        self._max_unanswered = max_unanswered
        self._rejected = rejected
        self._reader = MessageReader()
        self._sent: deque[_Sent] = deque()
        self._last_words = ""

    @property
    def unanswered(self) -> int:
        """Commands that wait for their replies."""
        return len(self._sent)

    def request(self, line: str, headers: Headers | None = None) -> asyncio.Future[Reply]:
        """Send a command and return the future of its reply; cancel it to wait no longer.

        Raises ValueError for what cannot be sent, UnavailableError where nothing can be sent now; the future
        has UnavailableError when the connection is lost first.
        """
        reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._send(line, headers, reply)
        return reply

    def post(self, line: str, headers: Headers | None = None) -> None:
        """Send a command whose reply nobody awaits: a rejection is counted. Raises as `request` does."""
        self._send(line, headers, None)

    async def close(self) -> None:
        """Send what is still to be sent, as far as it goes without waiting, and end the connection."""
        await self._wire.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport from the event loop."""
        self._wire.made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Take note that the transport is gone."""
        self._wire.gone(str(exc) if exc else self._last_words or "FreeSWITCH closed the connection")

    def data_received(self, data: bytes) -> None:
        """Take what FreeSWITCH sent, cut wherever the network cut it."""
        self._reader.receive(data)
        try:
            while not self.lost.done() and (message := self._reader.next_message()) is not None:
                self._take(message)
        except ProtocolError as error:
            self._wire.abort(str(error))

    def _take(self, message: Message) -> None:
        match message:
            case Event():
                self._tell(message)
            case Reply():
                self._settle(message)
            case AuthRequest():
                if not self.greeted.done():
                    self.greeted.set_result(None)
            case Rejected(text):
                self._turned_away(f"FreeSWITCH's access list turns us away ({text})")
            case Disconnected(text):
                self._last_words = f'FreeSWITCH closed the connection ("{text}")'

    def _tell(self, event: Event) -> None:
        self.events += 1
        try:
            self._on_event(event)
        except Exception:  # the listener's own fault must not end the connection
            log.exception("event socket callback failed", event_name=event.name)

    def _settle(self, reply: Reply) -> None:
        if not self._sent:
            self._wire.abort("FreeSWITCH answered what nobody asked")
            return
        sent = self._sent.popleft()
        if sent.reply is not None:
            if not sent.reply.done():
                sent.reply.set_result(reply)
        elif not reply.ok:
            self._rejected[reply.text.partition("\n")[0]] += 1
            log.debug("command rejected", command=sent.name, reply=reply.text)

    def _send(self, line: str, headers: Headers | None, reply: asyncio.Future[Reply] | None) -> None:
        if not self._wire.open:
            raise UnavailableError("The connection to FreeSWITCH's event socket is lost.")
        if self.unanswered >= self._max_unanswered:
            raise UnavailableError(f"FreeSWITCH has left {self.unanswered} commands unanswered.")
        data = command(line, headers)
        self._sent.append(_Sent(" ".join(line.split()[:2]) if line.startswith("api ") else "command", reply))
        self._wire.write(data)

    def _turned_away(self, why: str) -> None:
        if not self.greeted.done():
            self.greeted.set_exception(RefusedError(f"{why}."))
        self._wire.abort(why)

    def _end(self, why: str) -> None:
        waiting = [sent.reply for sent in self._sent if sent.reply is not None]
        self._sent.clear()
        if not self.greeted.done():
            self.greeted.set_exception(UnavailableError(f"{why}."))
        for reply in waiting:
            if not reply.done():
                reply.set_exception(
                    UnavailableError(f"The connection to FreeSWITCH was lost before the reply: {why}.")
                )
                reply.exception()  # seen: whoever still awaits it gets it all the same
        self.greeted.exception()
