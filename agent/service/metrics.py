"""Counters of the service in Prometheus' text format (exposition format 0.0.4), and their HTTP door."""

import asyncio
from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass, field

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
DELAY_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)
_REQUEST_SECONDS = 5.0


@dataclass(slots=True)
class Counter:
    """A number that only grows, one for each combination of label values. Use it from one thread."""

    name: str
    help: str
    labels: tuple[str, ...] = ()
    kind: str = "counter"
    _values: dict[tuple[str, ...], float] = field(default_factory=lambda: defaultdict(float))

    def add(self, *labels: str, by: float = 1.0) -> None:
        """Add to the number of these label values."""
        assert len(labels) == len(self.labels)
        self._values[labels] += by

    def value(self, *labels: str) -> float:
        """Return the number of these label values, 0 where none was counted."""
        return self._values.get(labels, 0.0)

    def lines(self) -> list[str]:
        """Exposition of the metric."""
        values = self._values or ({} if self.labels else {(): 0.0})
        return [
            f"{self.name}{_braces(self.labels, labels)} {_number(value)}" for labels, value in values.items()
        ]


@dataclass(slots=True)
class Gauge(Counter):
    """A number that goes up and down."""

    kind: str = "gauge"

    def set(self, *labels: str, to: float) -> None:
        """Replace the number of these label values."""
        assert len(labels) == len(self.labels)
        self._values[labels] = to


@dataclass(slots=True)
class Histogram:
    """How often a duration fell where, in seconds."""

    name: str
    help: str
    buckets: tuple[float, ...] = DELAY_BUCKETS
    kind: str = "histogram"
    _counts: list[int] = field(init=False)
    _sum: float = 0.0

    def __post_init__(self) -> None:
        self._counts = [0] * (len(self.buckets) + 1)

    def observe(self, seconds: float) -> None:
        """Take in one duration."""
        self._counts[bisect_left(self.buckets, seconds)] += 1
        self._sum += seconds

    def lines(self) -> list[str]:
        """Exposition of the metric."""
        lines, below = [], 0
        for bound, count in zip((*map(_number, self.buckets), "+Inf"), self._counts, strict=True):
            below += count
            lines.append(f'{self.name}_bucket{{le="{bound}"}} {below}')
        return [*lines, f"{self.name}_sum {_number(self._sum)}", f"{self.name}_count {below}"]


@dataclass(frozen=True, slots=True)
class Metrics:
    """Everything that the service counts."""

    calls: Counter = field(
        default_factory=lambda: Counter("earlymedia_calls_total", "Outbound legs that ended.", ("trunk",))
    )
    calls_active: Gauge = field(
        default_factory=lambda: Gauge("earlymedia_calls_active", "Outbound legs being dialled now.")
    )
    verdicts: Counter = field(
        default_factory=lambda: Counter(
            "earlymedia_verdicts_total", "Final verdicts by outcome.", ("trunk", "outcome")
        )
    )
    agreements: Counter = field(
        default_factory=lambda: Counter(
            "earlymedia_agreements_total", "How verdicts stand to the carrier's code.", ("trunk", "agreement")
        )
    )
    cuts: Counter = field(
        default_factory=lambda: Counter(
            "earlymedia_cuts_total", "Legs that the agent ended early.", ("trunk", "outcome")
        )
    )
    taps: Counter = field(
        default_factory=lambda: Counter("earlymedia_taps_total", "Taps that were attached.", ("tap",))
    )
    taps_failed: Counter = field(
        default_factory=lambda: Counter(
            "earlymedia_taps_failed_total", "Legs that could not be heard.", ("trunk",)
        )
    )
    audio: Counter = field(
        default_factory=lambda: Counter("earlymedia_audio_seconds_total", "Seconds of audio that came.")
    )
    audio_dropped: Counter = field(
        default_factory=lambda: Counter(
            "earlymedia_audio_dropped_seconds_total", "Seconds of audio lost before they were heard."
        )
    )
    journal_lost: Counter = field(
        default_factory=lambda: Counter(
            "earlymedia_journal_lost_total", "Calls that the journal could not keep."
        )
    )
    recordings: Counter = field(
        default_factory=lambda: Counter(
            "earlymedia_recordings_total", "Calls whose early media was kept on disk."
        )
    )
    recordings_lost: Counter = field(
        default_factory=lambda: Counter(
            "earlymedia_recordings_lost_total", "Calls whose early media should have been kept and could not."
        )
    )
    announcements_known: Gauge = field(
        default_factory=lambda: Gauge("earlymedia_announcements_known", "Announcements in the library.")
    )
    speech_lost: Counter = field(
        default_factory=lambda: Counter(
            "earlymedia_speech_lost_total", "Calls whose unexplained speech could not be gathered."
        )
    )
    pbx_connected: Gauge = field(
        default_factory=lambda: Gauge("earlymedia_pbx_connected", "1 while the PBX can be reached.")
    )
    first_second_delay: Histogram = field(
        default_factory=lambda: Histogram(
            "earlymedia_first_second_delay_seconds", "From the first audio to the first judged second."
        )
    )
    hearing_delay: Histogram = field(
        default_factory=lambda: Histogram(
            "earlymedia_hearing_delay_seconds", "From a tick to the judgement of what it read."
        )
    )

    def render(self) -> str:
        """All metrics in Prometheus' text format."""
        lines: list[str] = []
        for name in self.__slots__:
            metric: Counter | Histogram = getattr(self, name)
            lines += [f"# HELP {metric.name} {metric.help}", f"# TYPE {metric.name} {metric.kind}"]
            lines += metric.lines()
        return "\n".join(lines) + "\n"


class MetricsServer:
    """Answers `GET /metrics`; meant for loopback, so it speaks just enough HTTP/1.1."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._server: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen, and return the port (the chosen one for port 0).

        Raises:
            OSError: the address cannot be had.
        """
        self._server = await asyncio.start_server(self._serve, host, port, limit=8192)
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_REQUEST_SECONDS):
                request = await reader.readuntil(b"\r\n\r\n")
                writer.write(self._response(request.split(b"\r\n", 1)[0]))
                await writer.drain()
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()

    def _response(self, request_line: bytes) -> bytes:
        match request_line.split():
            case [b"GET" | b"HEAD" as method, target, _] if target.split(b"?")[0] == b"/metrics":
                body = self._metrics.render().encode()
                return _http("200 OK", CONTENT_TYPE, body, headers_only=method == b"HEAD")
            case [b"GET" | b"HEAD", _, _]:
                return _http("404 Not Found", "text/plain", b"The metrics are at /metrics.\n")
            case _:
                return _http("400 Bad Request", "text/plain", b"Only GET /metrics is served.\n")


def _http(status: str, content_type: str, body: bytes, *, headers_only: bool = False) -> bytes:
    lines = (
        f"HTTP/1.1 {status}",
        f"Content-Type: {content_type}",
        f"Content-Length: {len(body)}",
        "Connection: close",
    )
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + (b"" if headers_only else body)


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)


def _braces(names: tuple[str, ...], values: tuple[str, ...]) -> str:
    pairs = ",".join(f'{name}="{_escaped(value)}"' for name, value in zip(names, values, strict=True))
    return f"{{{pairs}}}" if pairs else ""


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
