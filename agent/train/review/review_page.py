"""Review on a small page of this machine's own: hears only 127.0.0.1, and only who knows its address.

Below `/TOKEN/`, which nobody can guess:

| request | answer |
| --- | --- |
| `GET .` | the page |
| `GET next?after=N` | the first call from N on with a second to ask for: `{"call": 3}`, or null |
| `GET calls/N` | a call, its seconds and what was said of them |
| `GET calls/N.wav`, `GET calls/N.png` | its sound and its spectrogram |
| `POST calls/N/labels` | `{"starts": [4], "sound": "speech"}`, null takes it back; as `GET calls/N` |
| `POST undo` | takes back what was said last: `{"call": 3, "start": 4}`, or null |

Faults are one sentence as text.
"""

import json
import secrets
import threading
from collections.abc import Sequence
from functools import lru_cache, partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from typing import Any
from urllib.parse import parse_qs, urlsplit

from pydantic import BaseModel, ConfigDict, NonNegativeInt, ValidationError

from agent.hearing.pcm import SAMPLE_RATE, Decoder, Samples
from agent.hearing.sound import Sound
from agent.recording.load import RecordingError, load
from agent.train.errors import MaterialError
from agent.train.evaluation.evaluate_audio import wav
from agent.train.review.review_calls import CallToReview
from agent.train.review.review_picture import spectrogram
from agent.train.review.reviewed import Reviewed

HOST = "127.0.0.1"
_LONGEST_REQUEST = 1_000_000
_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class Labels(BaseModel):
    """What a person says of seconds of a call."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    starts: tuple[NonNegativeInt, ...]
    sound: Sound | None


class Desk:
    """What the page asks for and says, one request at a time."""

    def __init__(self, calls: Sequence[CallToReview], reviewed: Reviewed, unsure_below: float) -> None:
        self._calls = calls
        self._reviewed = reviewed
        self._unsure = [frozenset(call.unsure(unsure_below)) for call in calls]
        self._number = {call.file: number for number, call in enumerate(calls)}
        self._lock = threading.Lock()

    def next(self, after: int) -> dict[str, int] | None:
        """Find a call of which a second is to be asked for, from `after` on and then from the first."""
        numbers = range(len(self._calls))
        with self._lock:
            for number in (*numbers[after:], *numbers[:after]):
                if any(self._said(number, start) is None for start in self._unsure[number]):
                    return {"call": number}
        return None

    def call(self, number: int) -> dict[str, Any]:
        """Describe a call. Raises IndexError if there is none of this number."""
        call, unsure = self._calls[number], self._unsure[number]
        with self._lock:
            seconds = [
                {
                    "p": [round(value, 3) for value in p],
                    "unsure": start in unsure,
                    "said": self._said(number, start),
                }
                for start, p in enumerate(call.p)
            ]
            said = len(self._reviewed)
        return {
            "call": number,
            "calls": len(self._calls),
            "file": call.file,
            "about": call.about,
            "duration": len(self._samples(number)) / SAMPLE_RATE,
            "seconds": seconds,
            "said": said,
        }

    def label(self, number: int, labels: Labels) -> dict[str, Any]:
        """Say what seconds sound like. Raises IndexError, or MaterialError if it cannot be kept."""
        call = self._calls[number]
        if not all(start < len(call.p) for start in labels.starts):
            raise IndexError(labels.starts)
        with self._lock:
            self._reviewed.label(call.file, labels.starts, labels.sound)
        return self.call(number)

    def undo(self) -> dict[str, int] | None:
        """Take back what was said last. Raises MaterialError if that cannot be kept."""
        with self._lock:
            place = self._reviewed.undo()
        return None if place is None else {"call": self._number[place[0]], "start": place[1]}

    def sound(self, number: int) -> bytes:
        """Return a call as a WAV file."""
        return wav(self._samples(number))

    def picture(self, number: int) -> bytes:
        """Return a call's spectrogram as a PNG."""
        return spectrogram(self._samples(number))

    def _said(self, number: int, start: int) -> Sound | None:
        return self._reviewed.sound(self._calls[number].file, start)

    def _samples(self, number: int) -> Samples:
        return _read(self._calls[number])


@lru_cache(maxsize=4)
def _read(call: CallToReview) -> Samples:
    encoding, data = load(call.path)
    return Decoder(encoding).decode(data)


class ReviewServer(ThreadingHTTPServer):
    """The page's server; `serve_forever` until `shutdown`."""

    daemon_threads = True

    def __init__(self, desk: Desk, port: int = 0) -> None:
        """Listen on 127.0.0.1; port 0 takes any that is free. Raises OSError if the port is taken."""
        self.token = secrets.token_urlsafe(24)
        super().__init__((HOST, port), partial(_Request, desk, self.token))

    @property
    def url(self) -> str:
        """Address of the page; who knows it may label."""
        return f"http://{HOST}:{self.server_address[1]}/{self.token}/"


class _Request(BaseHTTPRequestHandler):
    server_version = "earlymedia"
    sys_version = ""

    def __init__(self, desk: Desk, token: str, *connection: Any) -> None:
        self._desk = desk
        self._token = token
        super().__init__(*connection)

    def do_GET(self) -> None:
        """Answer a question."""
        self._answer(self._get)

    def do_POST(self) -> None:
        """Take what a person says."""
        self._answer(self._post)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the terminal shows the address, and a request line would show the token again."""

    def _answer(self, route: Any) -> None:
        url = urlsplit(self.path)
        first, *way = url.path.removeprefix("/").split("/")
        host = self.headers.get("Host", "")
        if not secrets.compare_digest(first.encode(), self._token.encode()) or not _is_here(host):
            self._send(HTTPStatus.NOT_FOUND, b"There is nothing here.", "text/plain")
            return
        try:
            kind, body = route(way, parse_qs(url.query))
        except (ValidationError, ValueError):
            self._send(HTTPStatus.BAD_REQUEST, b"This request is not understood.", "text/plain")
        except IndexError:
            self._send(HTTPStatus.NOT_FOUND, b"There is no such call or second.", "text/plain")
        except (MaterialError, RecordingError) as error:
            self._send(HTTPStatus.INTERNAL_SERVER_ERROR, str(error).encode(), "text/plain")
        else:
            self._send(HTTPStatus.OK, body, kind)

    def _get(self, way: list[str], query: dict[str, list[str]]) -> tuple[str, bytes]:
        match way:
            case [""]:
                return "text/html", (resources.files("agent.train.review") / "review.html").read_bytes()
            case ["next"]:
                return _json(self._desk.next(int(query.get("after", ["0"])[0])))
            case ["calls", name] if name.endswith(".wav"):
                return "audio/wav", self._desk.sound(_number(name.removesuffix(".wav")))
            case ["calls", name] if name.endswith(".png"):
                return "image/png", self._desk.picture(_number(name.removesuffix(".png")))
            case ["calls", name]:
                return _json(self._desk.call(_number(name)))
        raise IndexError(way)

    def _post(self, way: list[str], query: dict[str, list[str]]) -> tuple[str, bytes]:
        # Another site's page can send a form here, but never this type without asking us first.
        if self.headers.get("Content-Type") != "application/json":
            raise ValueError("no JSON")
        body = self.rfile.read(min(int(self.headers.get("Content-Length", "0")), _LONGEST_REQUEST))
        match way:
            case ["calls", name, "labels"]:
                return _json(self._desk.label(_number(name), Labels.model_validate_json(body)))
            case ["undo"]:
                return _json(self._desk.undo())
        raise IndexError(way)

    def _send(self, status: HTTPStatus, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8" if kind.startswith("text/") else kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Content-Security-Policy", _POLICY)
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        self.wfile.write(body)


def _is_here(host: str) -> bool:
    """A name that somebody else's server points at this machine is not ours."""
    return host.rpartition(":")[0] in (HOST, "localhost")


def _number(text: str) -> int:
    if not text.isdecimal():
        raise IndexError(text)
    return int(text)


def _json(value: Any) -> tuple[str, bytes]:
    return "application/json", json.dumps(value).encode()
