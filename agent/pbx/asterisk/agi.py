"""AGI, the Asterisk Gateway Interface, from the side of the script: bytes in, events out.

Asterisk begins with an environment block (`agi_channel: PJSIP/...` lines and an empty one),
then answers each command with one reply. Our shim adds a line of its own, `HANGUP`, when
Asterisk signals that the channel hung up; it may come anywhere. Replies are those of
`res_agi`: 200 with a result, 510 unknown command, 511 dead channel, 520 usage (many lines).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

MAX_LINE_BYTES = 16 * 1024
MAX_ENVIRONMENT_LINES = 256
MAX_USAGE_LINES = 256
MAX_COMMAND_BYTES = 2000
"""`res_agi` cuts a command line at 2,048 bytes without saying so."""

_REPLY = re.compile(r"(?P<code>\d{3})(?P<more>[ -])(?P<text>.*)", re.DOTALL)
_RESULT = re.compile(r"result=(?P<result>\S*)\s*(?:\((?P<value>.*)\))?", re.DOTALL)
_REFUSED = re.compile(r"[\x00-\x1f\x7f]")
_ESCAPED = re.compile(r'["\\]')


class AgiError(ValueError):
    """The peer does not speak AGI, or a command cannot be said in it; the text is one sentence."""


@dataclass(frozen=True, slots=True)
class AgiEnvironment:
    """Which channel it is, as Asterisk says before the first command; empty where it does not."""

    channel: str
    """Name of the channel, e.g. `PJSIP/carrier-00000021`."""
    unique_id: str
    """Uniqueid of the channel."""


@dataclass(frozen=True, slots=True)
class AgiReply:
    """Asterisk's answer to one command."""

    code: int
    """200 done, 510 unknown command, 511 not on a dead channel, 520 wrong usage."""
    result: str = ""
    """What stands after `result=`; many commands say `-1` for a failure, `0` for nothing found."""
    value: str = ""
    """What stands in parentheses, e.g. a variable's value."""
    text: str = ""
    """The reply as it came, without its code."""


@dataclass(frozen=True, slots=True)
class AgiHangup:
    """The channel hung up; few commands are still answered, and not for long."""


AgiEvent = AgiEnvironment | AgiReply | AgiHangup


class AgiSession:
    """The state of one AGI conversation.

    Memory is bounded: a line, an environment or a usage text beyond its limit is an error.
    After an `AgiError` the session is of no more use.
    """

    __slots__ = ("_environment", "_partial", "_rest", "environment", "hung_up")

    def __init__(self) -> None:
        self.environment: AgiEnvironment | None = None
        """The channel's environment; None until it is complete."""
        self.hung_up = False
        """A `HANGUP` line has come."""
        self._environment: dict[str, str] = {}
        self._partial: list[str] = []
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[AgiEvent]:
        """Yield what `data` completes, in order; raises `AgiError` where the peer does not speak AGI.

        The iterator must be exhausted before the next call.
        """
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            event = self._line(_checked(line).rstrip(b"\r").decode(errors="replace"))
            if event is not None:
                yield event
        _checked(self._rest)

    def _line(self, line: str) -> AgiEvent | None:
        if line == "HANGUP":
            self.hung_up = True
            return AgiHangup()
        if self.environment is None:
            return self._environment_line(line)
        return self._reply_line(line)

    def _environment_line(self, line: str) -> AgiEnvironment | None:
        if not line:
            said, self._environment = self._environment, {}
            self.environment = AgiEnvironment(said.get("channel", ""), said.get("uniqueid", ""))
            return self.environment
        name, colon, value = line.partition(":")
        if not colon or not name.startswith("agi_"):
            raise AgiError(f"An AGI environment line reads agi_name: value, not {line[:80]!r}.")
        if len(self._environment) >= MAX_ENVIRONMENT_LINES:
            raise AgiError(f"The AGI environment has more than {MAX_ENVIRONMENT_LINES} lines.")
        self._environment[name.removeprefix("agi_")] = value.strip()
        return None

    def _reply_line(self, line: str) -> AgiReply | None:
        if self._partial:
            self._partial.append(line)
            if len(self._partial) > MAX_USAGE_LINES or sum(map(len, self._partial)) > MAX_LINE_BYTES:
                raise AgiError(f"An AGI reply goes on after {len(self._partial)} lines.")
        else:
            self._partial = [line]
        if _goes_on(self._partial):
            return None
        reply = _parse("\n".join(self._partial))
        self._partial = []
        return None if reply.code < 200 else reply  # 100 Trying announces the reply proper


def command(*words: str) -> bytes:
    """Format one AGI command line; words are quoted and escaped as `res_agi` reads them.

    Raises `AgiError` for a control character in a word (a line break would start another
    command), for no words at all, and for a line longer than `MAX_COMMAND_BYTES`.
    """
    for word in words:
        if refused := _REFUSED.search(word):
            raise AgiError(f"An AGI command word must not hold {refused[0]!r}: {word[:80]!r}.")
    line = " ".join(map(_quoted, words)).encode(errors="replace")
    if not line:
        raise AgiError("An AGI command needs at least one word.")
    if len(line) > MAX_COMMAND_BYTES:
        raise AgiError(f"An AGI command line holds at most {MAX_COMMAND_BYTES} bytes, this one {len(line)}.")
    return line + b"\n"


def _quoted(word: str) -> str:
    escaped = _ESCAPED.sub(r"\\\g<0>", word)
    return f'"{escaped}"' if " " in word or not word else escaped


def _goes_on(lines: list[str]) -> bool:
    """Say whether a reply is still incomplete: a usage text, or a value with line breaks in it."""
    first = lines[0]
    if first.startswith("520-"):
        return not lines[-1].startswith("520 ")
    opened = first.startswith("200 result=") and "(" in first and ")" not in first
    return opened and (len(lines) == 1 or not lines[-1].endswith(")"))


def _parse(text: str) -> AgiReply:
    matched = _REPLY.match(text)
    if matched is None:
        raise AgiError(f"An AGI reply begins with a code of three digits, not with {text[:80]!r}.")
    result = _RESULT.match(matched["text"])
    return AgiReply(
        code=int(matched["code"]),
        result=result["result"] if result else "",
        value=(result["value"] or "") if result else "",
        text=matched["text"],
    )


def _checked(line: bytes) -> bytes:
    if len(line) > MAX_LINE_BYTES:
        raise AgiError(f"An AGI line is longer than {MAX_LINE_BYTES} bytes.")
    return line
