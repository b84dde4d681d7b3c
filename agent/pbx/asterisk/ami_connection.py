"""One TCP connection to the Asterisk Manager Interface, from its banner to its loss.

panoramisk reads the messages and knows when an answer is complete. Its own protocol and
manager are not used: they drop a connection when a callback raises, send old actions anew
after a reconnect, hide events that carry our own ActionID, and cut UTF-8 at packet edges.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from panoramisk.actions import Action
from panoramisk.message import Message

from agent.pbx.asterisk.ami_message import (
    MAX_MESSAGE_BYTES,
    AmiDeniedError,
    AmiEvent,
    AmiHeaders,
    AmiReply,
    AmiUnavailableError,
    Fields,
    encode,
)
from agent.pbx.wire import Wire

log = structlog.get_logger(__name__)

BANNER = b"Asterisk Call Manager/"
_END = b"\r\n\r\n"
_GOOD = b"Response: Success\r\nActionID: "
_EVENT = b"Event: "
_ONE_MESSAGE = frozenset({"Getvar", "Ping"})
"""Actions that are asked all the time and answered by one message."""
_UNLIKE = frozenset({"eventlist", "content", *Message.quoted_keys})
"""Headers that no such answer has, nor an event that is part of none: panoramisk knows what they mean."""


@dataclass(slots=True)
class _Awaited:
    """An action whose reply is awaited."""

    name: str
    fields: Fields
    reply: asyncio.Future[AmiReply]
    action: Action | None = None
    """What panoramisk has collected of the answer."""


class AmiConnection(asyncio.Protocol):
    """Actions out, replies and events in. Nothing outlives the connection: no action is ever repeated."""

    def __init__(self, tag: str, max_unanswered: int, rejected: Counter[str]) -> None:
        """Refuse further actions while `max_unanswered` wait; count rejections of posted ones.

        `tag` begins every ActionID. It must be this connection's alone, for Asterisk tells
        everyone of the events that belong to an action.
        """
        self._wire = Wire(self._end)
        self.lost = self._wire.lost
        """Done when the connection is gone, with a clause that says why."""
        self.events = 0
        """Events that came so far."""
        self.denied: set[str] = set()
        """Names of the actions that the account has no right to, as far as they were tried."""
        self._rejected_by = rejected
        self._tag = tag
        self._max_unanswered = max_unanswered
        self._awaited: dict[str, _Awaited] = {}
        self._posted: dict[str, str] = {}
        self._events: list[AmiEvent] | None = []
        self._deliver: Callable[[AmiEvent], None] | None = None
        self._greeted = False
        self._rest = b""
        self._count = 0

    @property
    def unanswered(self) -> int:
        """Actions that wait for their replies."""
        return len(self._awaited) + len(self._posted)

    def deliver_to(self, listener: Callable[[AmiEvent], None]) -> None:
        """Give every event to a listener, beginning with those that came while there was none."""
        self._deliver = listener
        waiting, self._events = self._events or [], None
        for event in waiting:
            self._tell(event)

    def request(self, name: str, fields: Fields) -> asyncio.Future[AmiReply]:
        """Send an action and return the future of its reply; cancel it to wait no longer.

        Raises ValueError for fields that cannot be sent; the future has AmiUnavailableError when the
        connection is lost first, AmiDeniedError when the account lacks the right.
        """
        action_id = self._next_id()
        data = encode(name, action_id, fields)
        reply: asyncio.Future[AmiReply] = asyncio.get_running_loop().create_future()
        self._awaited[action_id] = _Awaited(name, fields, reply)
        reply.add_done_callback(lambda _: self._awaited.pop(action_id, None))
        self._wire.write(data)
        return reply

    def post(self, name: str, fields: Fields) -> None:
        """Send an action whose reply nobody awaits: a rejection is counted. Raises as `request` does."""
        action_id = self._next_id()
        data = encode(name, action_id, fields)
        self._posted[action_id] = name
        self._wire.write(data)

    async def close(self) -> None:
        """Send what is still to be sent, as far as it goes without waiting, and end the connection."""
        await self._wire.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport from the event loop."""
        self._wire.made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Take note that the transport is gone."""
        self._wire.gone(str(exc) if exc else "Asterisk closed the connection")

    def data_received(self, data: bytes) -> None:
        """Take what Asterisk sent, cut wherever the network cut it."""
        if self.lost.done():
            return
        data = self._rest + data
        if not self._greeted:
            if not (data.startswith(BANNER) or BANNER.startswith(data)):
                self._wire.abort("what answers there is no Asterisk Manager Interface")
                return
            _, line_break, after = data.partition(b"\r\n")
            if not line_break:
                self._rest = data
                return
            self._greeted, data = True, after
        *blocks, self._rest = data.split(_END)
        for block in blocks:
            if not (self._take_good(block) or self._take_event(block)):
                self._take(Message.from_line(block.decode(errors="replace").lstrip("\r\n")))
        if len(self._rest) > MAX_MESSAGE_BYTES:
            self._wire.abort(f"it sent a message of more than {MAX_MESSAGE_BYTES} bytes")

    def _take_good(self, block: bytes) -> bool:
        """Settle the good reply to what is said all the time as it is: there are hundreds a second."""
        if not block.startswith(_GOOD):
            return False
        action_id = block[len(_GOOD) :].partition(b"\r\n")[0].decode(errors="replace")
        if self._posted.pop(action_id, None) is not None:
            return True
        awaited = self._awaited.get(action_id)
        if awaited is None or awaited.name not in _ONE_MESSAGE or awaited.reply.done():
            return False
        headers = _plain_headers(block)
        if headers is None or "Event" in headers:
            return False
        awaited.reply.set_result(AmiReply(True, headers.get("Message", ""), headers))
        return True

    def _take_event(self, block: bytes) -> bool:
        """Tell an event that belongs to no answer as it is: there are a hundred a second."""
        if not block.startswith(_EVENT):
            return False
        headers = _plain_headers(block)
        if headers is None or "ActionID" in headers:
            return False
        self._tell(AmiEvent(headers["Event"], headers))
        return True

    def _take(self, message: Message | None) -> None:
        if message is None:
            return
        action_id = message.action_id
        action_id = action_id if isinstance(action_id, str) else ""
        is_event = "event" in message
        if is_event:
            self._tell(_event(message))
        elif (name := self._posted.pop(action_id, None)) and not message.success:
            self._rejected(name, message.message)
        awaited = self._awaited.get(action_id)
        if awaited is None or awaited.reply.done():
            return
        action = awaited.action = awaited.action or _collector(awaited.name, action_id, awaited.fields)
        if is_event and not action.responses:
            return  # it tells of the action, but the answer itself is still to come
        if action.add_message(message):
            self._settle(action, awaited.reply)

    def _settle(self, action: Action, reply: asyncio.Future[AmiReply]) -> None:
        answer, *events = action.responses
        if _is_denial(answer):
            self._note_denial(action["Action"])
            reply.set_exception(
                AmiDeniedError(
                    f"The AMI account has no right to {action['Action']}: see write= in manager.conf."
                )
            )
            return
        told = tuple(_event(event) for event in events)
        success = bool(answer.success) and not any(
            event.headers.get("Response") == "Failure" for event in told
        )
        reply.set_result(AmiReply(success, _text(answer.message), _headers(answer), told))

    def _rejected(self, name: str, words: object) -> None:
        self._rejected_by[_text(words)] += 1
        log.debug("AMI action rejected", action=name, message=_text(words))
        if _text(words) == _DENIED:
            self._note_denial(name)

    def _note_denial(self, name: str) -> None:
        if name not in self.denied:
            self.denied.add(name)
            log.warning("the AMI account lacks a right: see write= in manager.conf", action=name)

    def _tell(self, event: AmiEvent) -> None:
        self.events += 1
        if self._events is not None:
            self._events.append(event)
        elif self._deliver is not None:
            self._deliver(event)

    def _next_id(self) -> str:
        if not self._wire.open:
            raise AmiUnavailableError("The connection to Asterisk's manager interface is lost.")
        if self.unanswered >= self._max_unanswered:
            raise AmiUnavailableError(f"Asterisk has left {self.unanswered} AMI actions unanswered.")
        self._count += 1
        return f"{self._tag}-{self._count}"

    def _end(self, why: str) -> None:
        self._posted.clear()
        for awaited in tuple(self._awaited.values()):
            if not awaited.reply.done():
                awaited.reply.set_exception(
                    AmiUnavailableError(f"The AMI connection was lost before the reply: {why}.")
                )
                awaited.reply.exception()  # seen: whoever still awaits it gets it all the same


_DENIED = "Permission denied"


def _collector(name: str, action_id: str, fields: Fields) -> Action:
    """Return what panoramisk needs to know when the answer to an action is complete.

    It looks for `Async` in any action whose answer says "queued", and fails where there is none.
    """
    is_async = "true" if name.lower() == "originate" else "false"
    return Action(dict(fields) | {"Action": name, "ActionID": action_id, "Async": is_async})


def _is_denial(message: Message) -> bool:
    return not message.success and _text(message.message) == _DENIED


def _plain_headers(block: bytes) -> AmiHeaders | None:
    """Read a message that needs no panoramisk: each header is there once, and none is of _UNLIKE."""
    values: dict[str, str] = {}
    for line in block.decode(errors="replace").split("\r\n"):
        name, colon, value = line.partition(": ")
        name = name.lower()
        if colon and (name in values or name in _UNLIKE):
            return None
        if colon:
            values[name] = value
    return AmiHeaders(values)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _headers(message: Message) -> AmiHeaders:
    return AmiHeaders({key: value for key, value in message.items() if key != "content"})


def _event(message: Message) -> AmiEvent:
    return AmiEvent(_text(message.event), _headers(message))
