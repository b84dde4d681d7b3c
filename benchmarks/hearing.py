"""What hearing costs: all of it and each part, for so many calls at once, and by what they play.

    python benchmarks/hearing.py --work DIR --songs FOLDER ... [--calls 1 10 100 1000 5000] [--seconds 5]

Of the calls 40 % speak, 30 % ring, 10 % are busy, 10 % play a song and 10 % are silent. Each is at its own
moment of what it plays, has been heard for three seconds before, and is heard for `--seconds` more: whole
seconds, then ticks of 100 ms. 1,000 announcements are known, and what is said is none of them, so that all of
it is searched. What is said is rendered as `announcements.py` does it and kept in `--work`; songs are
recordings under `--songs`.

Printed are milliseconds of processor time (one thread, the median of the seconds heard) for 1,000
call-seconds, and the memory that a second of all calls takes at most beyond what was held before it.
"""

import argparse
import time
import tracemalloc
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import wraps
from itertools import islice
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from announcements import render, spectra
from rich.console import Console
from rich.progress import track
from rich.table import Table
from threadpoolctl import threadpool_limits
from tones import recordings

from agent.demo import audio
from agent.demo.g711 import encode_ulaw
from agent.hearing import ear
from agent.hearing.ear import Ear, Stream
from agent.hearing.features import FEATURES
from agent.hearing.forest import Forest
from agent.hearing.pcm import Samples
from agent.hearing.recognition import Known
from agent.hearing.sound import Encoding
from agent.hearing.tape import Fingerprint
from agent.hearing.tones import ToneEar

RATE = Encoding.ULAW.bytes_per_second
WARM_SECONDS = 3
ANNOUNCEMENTS = 1000
SHARES = {"speech": 0.4, "ringing": 0.3, "busy": 0.1, "song": 0.1, "silence": 0.1}
PARTS: dict[str, tuple[object, str]] = {
    "spectra": (ear, "power"),
    "rows": (ear, "frame_rows"),
    "features": (ear, "features"),
    "forest": (Forest, "predict"),
    "tones": (ToneEar, "listen"),
    "announcements": (ear, "recognise"),
}
"""What `Ear.hear` calls for each part; the rest is decoding, framing and handing over."""

console = Console()


@dataclass(slots=True)
class Spent:
    """Processor seconds of one second of all calls."""

    total: float = 0.0
    parts: dict[str, float] = field(default_factory=lambda: defaultdict(float))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--songs", type=Path, nargs="+", required=True)
    parser.add_argument("--model", type=Path, default=Path("models/student.joblib"))
    parser.add_argument("--calls", type=int, nargs="+", default=[1, 10, 100, 1000, 5000])
    parser.add_argument("--seconds", type=int, default=5)
    arguments = parser.parse_args()
    with threadpool_limits(1):
        measure(arguments)


def measure(arguments: argparse.Namespace) -> None:
    """Measure and print, with one thread."""
    began = time.process_time()
    forest = Forest.load(arguments.model)
    console.print(f"{arguments.model} is loaded in {1e3 * (time.process_time() - began):.0f} ms")
    own = render(arguments.work / "own.npz", 1, ANNOUNCEMENTS)
    known = Known.of(list(enumerate(Fingerprint.of(spectra(sound)) for sound in own)))
    played = sounds(arguments.work, arguments.songs)
    vectors = np.random.default_rng(0).normal(0, 30, (1000, FEATURES)).astype(np.float32)
    table = Table("rows", "forest, ms", title="the forest alone")
    for rows in (1, 20, 200, 1000):
        part = vectors[:rows]
        table.add_row(f"{rows:,}", f"{1e3 * np.median([timed(forest.predict, part) for _ in range(9)]):.1f}")
    console.print(table)

    def fresh() -> Ear:
        hearing = Ear(forest, tone_ear=ToneEar())
        hearing.known = known
        return hearing

    for ticks, name in ((1, "whole seconds"), (10, "ticks of 100 ms")):
        table = Table("calls", "all", *PARTS, "rest", "peak MB", title=f"{name}: ms for 1,000 call-seconds")
        for count in track(arguments.calls, name, console=console, transient=True):
            calls = [call for kind, share in of_each(count) for call in islice(played[kind], share)]
            cells, peak = per_thousand(fresh(), calls, ticks, arguments.seconds)
            table.add_row(f"{count:,}", *cells, f"{peak / 1e6:.0f}")
        console.print(table)
        table = Table("100 calls", "all", *PARTS, "rest", title=f"{name}, by what is played")
        for kind, kept in played.items():
            cells, _ = per_thousand(fresh(), list(islice(kept, 100)), ticks, arguments.seconds)
            table.add_row(kind, *cells)
        console.print(table)
    console.print(f"kept for a silent call: {kept_by_one_call(forest) / 1e3:.0f} kB")


def sounds(work: Path, songs: Sequence[Path]) -> dict[str, Iterator[bytes]]:
    """Return what calls of each kind play, as mu-law: without end, each from its own moment on."""
    speech = [ulaw(sound) for sound in render(work / "foreign.npz", 2, 200)]
    singing = (sound for _, sound in recordings(list(songs), np.random.default_rng(1)))
    ringing = [audio.RINGING_EUROPE, audio.RINGING_NORTH_AMERICA, audio.RINGING_UNITED_KINGDOM]
    busy = [audio.BUSY_GERMANY, audio.BUSY_NORTH_AMERICA, audio.REORDER_NORTH_AMERICA]
    return {
        "speech": calls_of(speech),
        "ringing": calls_of([tone.once() for tone in ringing]),
        "busy": calls_of([tone.once() for tone in busy]),
        "song": calls_of([ulaw(sound) for sound in islice(singing, 40)]),
        "silence": calls_of([audio.silence(1)]),
    }


def calls_of(played: Sequence[bytes], seconds: int = 30) -> Iterator[bytes]:
    """Yield calls that play one of these over and over, from any moment of it on."""
    rng = np.random.default_rng(2)
    while True:
        for once in played:
            begin = int(rng.integers(len(once)))
            yield (once * (seconds * RATE // len(once) + 2))[begin : begin + seconds * RATE]


def ulaw(sound: Samples) -> bytes:
    """Encode samples in [-1, 1)."""
    return encode_ulaw((np.clip(sound, -1, 1) * 32767).astype(np.int16))


def of_each(calls: int) -> Iterator[tuple[str, int]]:
    """Yield how many calls are of each kind; what is left over speaks."""
    counts = {kind: int(share * calls) for kind, share in SHARES.items()}
    counts["speech"] += calls - sum(counts.values())
    yield from counts.items()


def per_thousand(hearing: Ear, calls: Sequence[bytes], ticks: int, seconds: int) -> tuple[list[str], int]:
    """Hear calls; return milliseconds for 1,000 call-seconds as a row, and the most memory in bytes."""
    spent, peak = hear(hearing, calls, ticks, seconds)
    columns = [[one.total for one in spent], *([one.parts[part] for one in spent] for part in PARTS)]
    columns.append([one.total - sum(one.parts.values()) for one in spent])
    return [f"{1e6 * np.median(column) / len(calls):.0f}" for column in columns], peak


def hear(hearing: Ear, calls: Sequence[bytes], ticks: int, seconds: int) -> tuple[list[Spent], int]:
    """Hear so many seconds of calls that go on already: what each costs, and the most memory of one."""
    streams = [Stream(Encoding.ULAW) for _ in calls]
    spent: list[Spent] = []
    heard, size, whole = 0, RATE // ticks, WARM_SECONDS + seconds + 1
    for at in range(whole):
        second = Spent()
        edges = range(at * RATE, (at + 1) * RATE, size)
        pieces = [
            [(stream, call[begin : begin + size]) for stream, call in zip(streams, calls, strict=True)]
            for begin in edges
        ]
        if at == whole - 1:  # watching memory takes time: this second's time does not count
            tracemalloc.start()
        with watched(second.parts):
            for piece in pieces:
                began = time.process_time()
                told = hearing.hear(piece)
                second.total += time.process_time() - began
                heard += sum(map(len, told))
        if WARM_SECONDS <= at < whole - 1:
            spent.append(second)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    if heard != len(calls) * (whole - 1):
        raise SystemExit(f"{heard} seconds of {len(calls)} calls were heard: hearing is broken")
    return spent, peak


@contextmanager
def watched(parts: dict[str, float]) -> Iterator[None]:
    """Add up the processor seconds that each of PARTS takes."""
    with ExitStack() as stack:
        for part, (owner, name) in PARTS.items():
            stack.enter_context(patch.object(owner, name, clocked(getattr(owner, name), part, parts)))
        yield


def clocked(work: Callable[..., Any], part: str, parts: dict[str, float]) -> Callable[..., Any]:
    """Return the same function, whose time is added to a part's."""

    @wraps(work)
    def clocked_work(*given: Any, **named: Any) -> Any:
        began = time.process_time()
        try:
            return work(*given, **named)
        finally:
            parts[part] += time.process_time() - began

    return clocked_work


def timed(work: Callable[[Any], object], on: object) -> float:
    """Return the processor seconds that work takes."""
    began = time.process_time()
    work(on)
    return time.process_time() - began


def kept_by_one_call(forest: Forest) -> float:
    """Return the bytes that a call keeps between ticks, the mean of 100."""
    hearing = Ear(forest, tone_ear=ToneEar())
    tracemalloc.start()
    streams = [Stream(Encoding.SLIN16) for _ in range(100)]
    hearing.hear([(stream, bytes(31000)) for stream in streams])
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return kept / len(streams)


if __name__ == "__main__":
    main()
