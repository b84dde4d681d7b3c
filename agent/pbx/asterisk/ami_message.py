"""What the Asterisk Manager Interface says and is told, as values.

A message is lines of `Key: value` and an empty line; a key may come more than once
(`ChanVariable`, say). Nothing in AMI escapes a line break, so a value that holds one would
forge headers: `encode` refuses it.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

MAX_LINE_BYTES = 1000
"""Asterisk's `manager.c` gives up a message with a line of 1,024 bytes."""
MAX_HEADERS = 120
"""`manager.c` takes 128 lines a message."""
MAX_MESSAGE_BYTES = 512 * 1024

_KEY = re.compile(r"[!-9;-~]+")  # printable ASCII but no blank and no colon
_FORGERY = re.compile(r"[\x00\r\n]")

Fields = Mapping[str, str | Iterable[str]]
"""Headers of an action; several values make several lines."""


class AmiError(Exception):
    """An action was not answered; the text says in one sentence why."""


class AmiUnavailableError(AmiError):
    """There is no authenticated connection, it was lost before the reply, or too much is unanswered."""


class AmiTimeoutError(AmiError):
    """Asterisk did not reply in time."""


class AmiDeniedError(AmiError):
    """The account lacks the right to this action; `write=` in manager.conf gives it."""


class AmiHeaders(Mapping[str, str]):
    """Headers of a message by name, whatever their case; of repeated ones the first, `every` has all."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, str | Iterable[str]]) -> None:
        """Copy the headers."""
        self._values = MappingProxyType(
            {key.lower(): (v,) if isinstance(v, str) else tuple(v) for key, v in values.items()}
        )

    def __getitem__(self, key: str) -> str:
        return self._values[key.lower()][0]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"AmiHeaders({dict(self._values)})"

    def every(self, key: str) -> tuple[str, ...]:
        """Return all values of a header, in order; none for one that is missing."""
        return self._values.get(key.lower(), ())


@dataclass(frozen=True, slots=True)
class AmiEvent:
    """Something that happened in Asterisk."""

    name: str
    """As in `Event: `, e.g. `DialState`."""
    headers: AmiHeaders


@dataclass(frozen=True, slots=True)
class AmiReply:
    """Asterisk's answer to one action."""

    success: bool
    """The action was done; for an Originate: its channel was answered, or early media began."""
    message: str
    """Asterisk's own words, e.g. `No such channel`."""
    headers: AmiHeaders
    events: tuple[AmiEvent, ...] = ()
    """Events that belong to the answer: the items of a list, an Originate's OriginateResponse."""


def encode(name: str, action_id: str, fields: Fields) -> bytes:
    """Format one action. Raises ValueError for fields that would not arrive as they were meant.

    These are: a line break or a NUL in a name or a value, a name that is empty or holds a blank,
    a colon or anything beyond ASCII, `Action` or `ActionID` among the names, too long a line,
    too many lines. The text never shows a value, for it may be secret.

    An Originate gets `Async: true` whatever its fields say: without it Asterisk does nothing
    else for this connection until the call is answered.
    """
    if name.lower() == "originate":
        fields = {key: values for key, values in fields.items() if key.lower() != "async"} | {"Async": "true"}
    lines = [f"Action: {name}", f"ActionID: {action_id}"]
    for key, values in fields.items():
        if not _KEY.fullmatch(key) or key.lower() in ("action", "actionid"):
            raise ValueError(f"{key!r} cannot be a header of the AMI action {name!r}.")
        lines += [f"{key}: {value}" for value in ((values,) if isinstance(values, str) else values)]
    if len(lines) > MAX_HEADERS:
        raise ValueError(f"The AMI action {name!r} has {len(lines)} lines, {MAX_HEADERS} at most arrive.")
    for line in lines:
        if _FORGERY.search(line):
            raise ValueError(
                f"The AMI action {name!r} cannot carry a line break or NUL in {_key_of(line)}: "
                f"it would forge other headers."
            )
        if len(line) * 4 > MAX_LINE_BYTES and len(line.encode(errors="replace")) > MAX_LINE_BYTES:
            raise ValueError(
                f"The AMI action {name!r} has a line of more than {MAX_LINE_BYTES} bytes in {_key_of(line)}."
            )
    return "\r\n".join([*lines, "", ""]).encode(errors="replace")


def _key_of(line: str) -> str:
    return repr(line.partition(":")[0])
