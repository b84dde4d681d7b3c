"""SIP messages (RFC 3261) and session descriptions (RFC 4566, RFC 3264): bytes in, bytes out.

Just as much as the lab's carrier and caller speak over UDP: no authentication, no routing, one audio stream.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from http import HTTPStatus
from typing import Self

_COMPACT = {
    "v": "via", "f": "from", "t": "to", "i": "call-id", "m": "contact", "l": "content-length",
    "c": "content-type",
}  # fmt: skip

_REASONS = {
    100: "Trying", 180: "Ringing", 183: "Session Progress", 200: "OK", 403: "Forbidden", 404: "Not Found",
    408: "Request Timeout", 410: "Gone", 480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist",
    484: "Address Incomplete", 486: "Busy Here", 487: "Request Terminated",
    488: "Not Acceptable Here", 500: "Server Internal Error", 503: "Service Unavailable", 603: "Decline",
}  # fmt: skip


class SipError(ValueError):
    """These bytes are no SIP message, or no session description that we understand."""


class Payload(IntEnum):
    """RTP payload types of G.711 (RFC 3551)."""

    PCMU = 0
    PCMA = 8


@dataclass(frozen=True, slots=True)
class Message:
    """One SIP request or response."""

    start: str
    """The start line, e.g. `INVITE sip:5551234@192.0.2.1 SIP/2.0` or `SIP/2.0 486 Busy Here`."""
    headers: tuple[tuple[str, str], ...]
    """Names as they came, in order, with their values; no Content-Length."""
    body: bytes = b""

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read one datagram. Raises `SipError` for anything that is no SIP message."""
        head, _, body = data.partition(b"\r\n\r\n")
        lines = re.sub(r"\r\n[ \t]+", " ", head.decode("utf-8", "replace")).split("\r\n")
        if not (lines[0].startswith("SIP/2.0 ") or lines[0].endswith(" SIP/2.0")):
            raise SipError(f"no SIP start line: {lines[0][:60]!r}")
        headers = []
        for line in lines[1:]:
            name, colon, value = line.partition(":")
            if not colon:
                raise SipError(f"no SIP header: {line[:60]!r}")
            headers.append((name.strip(), value.strip()))
        message = cls(lines[0], tuple(h for h in headers if _canonical(h[0]) != "content-length"), body)
        if message.is_request and len(message.start.split(" ")) != 3:
            raise SipError(f"no SIP request line: {message.start[:60]!r}")
        if not message.is_request and not re.match(r"SIP/2\.0 [1-6]\d\d( |$)", message.start):
            raise SipError(f"no SIP status line: {message.start[:60]!r}")
        for name in ("via", "from", "to", "call-id", "cseq"):
            if not message.get(name):
                raise SipError(f"SIP message without {name}: {message.start[:60]!r}")
        return message

    def encode(self) -> bytes:
        """Return the message as one datagram."""
        headers = (*self.headers, ("Content-Length", str(len(self.body))))
        lines = [self.start, *(f"{name}: {value}" for name, value in headers), "", ""]
        return "\r\n".join(lines).encode() + self.body

    @property
    def is_request(self) -> bool:
        """Whether this is a request; else it is a response."""
        return not self.start.startswith("SIP/2.0 ")

    @property
    def method(self) -> str:
        """Method of a request, or of the request that a response answers."""
        return self.start.split(" ")[0] if self.is_request else self.get("cseq").split(" ")[-1]

    @property
    def status(self) -> int:
        """Status code of a response, 0 for a request."""
        return 0 if self.is_request else int(self.start[8:11])

    @property
    def user(self) -> str:
        """User part of a request's URI: the dialled number."""
        found = re.match(r"sips?:([^@;>]*)@", self.start.split(" ")[1])
        return found.group(1) if found else ""

    def all(self, name: str) -> list[str]:
        """Return every value of a header, by its long name in any case."""
        return [value for key, value in self.headers if _canonical(key) == name.lower()]

    def get(self, name: str) -> str:
        """Return the first value of a header, empty if there is none."""
        return next(iter(self.all(name)), "")


def _canonical(name: str) -> str:
    return _COMPACT.get(name.lower(), name.lower())


def uri_of(address: str) -> str:
    """Return the URI of a From, To or Contact value: `"x" <sip:a@b>;tag=1` gives `sip:a@b`."""
    found = re.search(r"<([^>]*)>", address)
    return found.group(1) if found else address.split(";")[0].strip()


def respond(
    request: Message,
    status: int,
    *,
    tag: str,
    contact: str,
    body: bytes = b"",
    extra: Iterable[tuple[str, str]] = (),
) -> Message:
    """Build the response to a request (RFC 3261, 8.2.6); `tag` is ours, `contact` a URI."""
    to = request.get("to")
    if status > 100 and "tag=" not in to:
        to += f";tag={tag}"
    headers = [("Via", via) for via in request.all("via")]
    headers += [("From", request.get("from")), ("To", to)]
    headers += [
        ("Call-ID", request.get("call-id")),
        ("CSeq", request.get("cseq")),
        ("Contact", f"<{contact}>"),
    ]
    headers += [*extra]
    if body:
        headers.append(("Content-Type", "application/sdp"))
    return Message(f"SIP/2.0 {status} {reason_phrase(status)}", tuple(headers), body)


def reason_phrase(status: int) -> str:
    """Return the usual words for a status code."""
    if status in _REASONS:
        return _REASONS[status]
    return HTTPStatus(status).phrase if status in set(HTTPStatus) else "Unknown"


@dataclass(frozen=True, slots=True)
class Media:
    """The one audio stream of an offer or an answer."""

    host: str
    port: int
    payloads: tuple[int, ...]
    """RTP payload types, most wanted first."""

    @classmethod
    def parse(cls, sdp: bytes) -> Self:
        """Read the first audio stream. Raises `SipError` where there is none."""
        text = sdp.decode("utf-8", "replace")
        host = re.search(r"^c=IN IP4 (\S+)", text, re.MULTILINE)
        audio = re.search(r"^m=audio (\d{1,5}) \S+((?: \d{1,3})+)", text, re.MULTILINE)
        if not host or not audio:
            raise SipError("session description without an IPv4 address or an audio stream")
        return cls(host.group(1), int(audio.group(1)), tuple(int(p) for p in audio.group(2).split()))

    def encode(self) -> bytes:
        """Return a session description of G.711 in 20 ms packets."""
        lines = [
            "v=0", f"o=- 1 1 IN IP4 {self.host}", "s=-", f"c=IN IP4 {self.host}", "t=0 0",
            f"m=audio {self.port} RTP/AVP {' '.join(str(int(p)) for p in self.payloads)}",
            *(f"a=rtpmap:{int(p)} {Payload(p).name}/8000" for p in self.payloads),
            "a=ptime:20", "a=sendrecv", "",
        ]  # fmt: skip
        return "\r\n".join(lines).encode()
