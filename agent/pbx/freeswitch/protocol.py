"""FreeSWITCH's event socket without the socket: bytes in, messages out, and commands as bytes.

A message is lines of `Name: value` and an empty line, followed by a body where `Content-Length` says so; the
body of an event is an event again, as JSON or as lines with percent-escapes (mod_event_socket.c). Replies
carry no number: they come in the order of the commands. Nothing escapes a line break in what is sent, so a
value that holds one would forge headers: `command` refuses it.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from urllib.parse import unquote

MAX_HEADER_BYTES = 64 * 1024
MAX_BODY_BYTES = 16 * 1024 * 1024
"""The longest answer is the list of all channels, some 1 kB each."""

_END = b"\n\n"
_BREAK = re.compile(r"[\x00\r\n]")
_NAME = re.compile(r"[!-9;-~]+")  # printable ASCII but no blank and no colon
_ESCAPED = str.maketrans({"\\": "\\\\", "'": "\\'", ";": "\\;", " ": "\\s"})

Headers = Mapping[str, str]


class ProtocolError(Exception):
    """What came is no event socket's; the text says in one sentence why."""


@dataclass(frozen=True, slots=True)
class AuthRequest:
    """FreeSWITCH asks for the password: its first words."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """The access list turns us away."""

    text: str


@dataclass(frozen=True, slots=True)
class Disconnected:
    """FreeSWITCH is about to close the connection."""

    text: str


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to the oldest command that has none yet."""

    text: str
    """Its `Reply-Text`, or what an `api` command printed, without blanks at either end."""

    @property
    def ok(self) -> bool:
        """The command was done; FreeSWITCH marks what was not with `-ERR` or `-USAGE`."""
        return not self.text.startswith(("-ERR", "-USAGE"))


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened in FreeSWITCH."""

    headers: Headers = field(default_factory=dict)
    """By name as FreeSWITCH spells it; of a name that comes twice the first."""
    body: str = ""

    @property
    def name(self) -> str:
        """E.g. `CHANNEL_PROGRESS_MEDIA`, empty where none is given."""
        return self.headers.get("Event-Name", "")


Message = AuthRequest | Rejected | Disconnected | Reply | Event


class MessageReader:
    """Cuts a stream into messages, however the network cut it."""

    def __init__(self) -> None:
        self._received = bytearray()
        self._headers: Headers | None = None
        self._fault = ""

    def receive(self, data: bytes) -> None:
        """Take what came; `next_message` says what it means."""
        if not self._fault:
            self._received += data

    def next_message(self) -> Message | None:
        """Return the next complete message, None where there is none yet.

        Raises:
            ProtocolError: this is no event socket, or it says too much at once; so does every later call.
        """
        while (block := self._next_block()) is not None:
            try:
                if (message := _message(*block)) is not None:
                    return message
            except ProtocolError as error:
                raise self._broken(str(error)) from None
        return None

    def _next_block(self) -> tuple[Headers, bytes] | None:
        if self._fault:
            raise ProtocolError(self._fault)
        if self._headers is None and (head := self._next_head()) is not None:
            self._headers = _lines(head.decode(errors="replace"))
        if self._headers is None:
            return None
        length = self._content_length(self._headers.get("Content-Length", "0"))
        if len(self._received) < length:
            return None
        body, headers = bytes(self._received[:length]), self._headers
        del self._received[:length]
        self._headers = None
        return headers, body

    def _next_head(self) -> bytes | None:
        while self._received.startswith(b"\n"):
            del self._received[0]
        end = self._received.find(_END, 0, MAX_HEADER_BYTES + len(_END))
        if end >= 0:
            head = bytes(self._received[:end])
            del self._received[: end + len(_END)]
            return head
        if len(self._received) >= MAX_HEADER_BYTES + len(_END):
            raise self._broken(f"it sent headers of more than {MAX_HEADER_BYTES} bytes")
        return None

    def _content_length(self, text: str) -> int:
        if not (text.isascii() and text.isdecimal() and len(text) <= 10 and int(text) <= MAX_BODY_BYTES):
            raise self._broken(f"it announced {text[:20]!r} bytes of body, {MAX_BODY_BYTES} at most are read")
        return int(text)

    def _broken(self, why: str) -> ProtocolError:
        self._fault, self._received, self._headers = why, bytearray(), None
        return ProtocolError(why)


def command(line: str, headers: Headers | None = None) -> bytes:
    """Format one command, e.g. `api uuid_kill 1234 USER_BUSY`.

    Raises:
        ValueError: a line break or a NUL would forge other commands or headers. The text never shows a value,
            for it may be secret.
    """
    name = line.partition(" ")[0]
    if not line or _BREAK.search(line):
        raise ValueError(f"The command {_BREAK.split(name)[0]!r} cannot carry a line break or NUL.")
    for key, value in (headers or {}).items():
        if not _NAME.fullmatch(key):
            raise ValueError(f"{key!r} cannot be a header of the command {name!r}.")
        if _BREAK.search(value):
            raise ValueError(f"The command {name!r} cannot carry a line break or NUL in {key!r}.")
    lines = [line, *(f"{key}: {value}" for key, value in (headers or {}).items()), "", ""]
    return "\n".join(lines).encode(errors="replace")


def assignments(values: Headers) -> str:
    """Return `name=value;name=value` as `uuid_setvar_multi` takes it apart, in the order of the mapping.

    Raises:
        ValueError: a name is none that a variable can have.
    """
    for name in values:
        if not re.fullmatch(r"\w+", name, re.ASCII):
            raise ValueError(f"{name!r} cannot be the name of a channel variable.")
    return ";".join(f"{name}={value.translate(_ESCAPED)}" for name, value in values.items())


def event_of_json(text: str) -> Event:
    """Read an event, or a channel's data, that FreeSWITCH wrote as JSON.

    Raises:
        ProtocolError: it is no JSON object.
    """
    try:
        told = json.loads(text, object_pairs_hook=_first_of_each)
    except (ValueError, RecursionError):
        raise ProtocolError("it sent an event that is no JSON") from None
    if not isinstance(told, dict):
        raise ProtocolError("it sent an event that is no JSON object")
    headers = {name: value if isinstance(value, str) else _text(value) for name, value in told.items()}
    return Event(MappingProxyType(headers), headers.get("_body", ""))


def _first_of_each(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Return the pairs as a mapping; FreeSWITCH writes some names twice, and there are 264 in an event."""
    return dict(reversed(pairs))


def _text(value: object) -> str:
    """Return a value as the plain format would write it."""
    if isinstance(value, list):
        return "ARRAY::" + "|:".join(_text(item) for item in value)
    return value if isinstance(value, str) else ""


def _message(headers: Headers, body: bytes) -> Message | None:
    """Read one message; None for a kind that nobody asked for."""
    text = body.decode(errors="replace")
    match headers.get("Content-Type", ""):
        case "auth/request":
            return AuthRequest()
        case "command/reply":
            return Reply(headers.get("Reply-Text", "").strip())
        case "api/response":
            return Reply(text.strip())
        case "text/event-json":
            return event_of_json(text)
        case "text/event-plain":
            head, _, rest = text.partition("\n\n")
            return Event(_firsts((name, unquote(value)) for name, value in _lines(head).items()), rest)
        case "text/disconnect-notice":
            return Disconnected(" ".join(text.split()))
        case "text/rude-rejection":
            return Rejected(" ".join(text.split()))
        case "":
            raise ProtocolError("what answers there is no event socket")
    return None


def _lines(head: str) -> Headers:
    pairs = (line.partition(":") for line in head.split("\n"))
    return _firsts((name.strip(), value.strip()) for name, _, value in pairs)


def _firsts(pairs: Iterable[tuple[str, str]]) -> Headers:
    """Return the pairs as a mapping; of a name that comes twice the first value counts."""
    headers: dict[str, str] = {}
    for name, value in pairs:
        headers.setdefault(name, value)
    return MappingProxyType(headers)
