"""What hearing costs: all of it and each part, for so many calls at once, and by what they play.

    python -m benchmarks.hearing --work DIR --songs FOLDER ... [--calls 1 10 100 1000 5000] [--seconds 5]

Of the calls 40 % speak, 30 % ring, 10 % are busy, 10 % play a song and 10 % are silent. Each is at its own
moment of what it plays, has been heard for three seconds before, and is heard for `--seconds` more: whole
seconds, then the agent's ticks. 1,000 announcements are known, and what is said is none of them, so that
all of it is searched. What is said is rendered as `announcements.py` does it and kept in `--work`; songs
are recordings under `--songs`.

Told are milliseconds of processor time (one thread, the median of the seconds heard) for 1,000
call-seconds, and the memory that a second of all calls takes at most beyond what was held before it.
"""

import argparse
import time
import tracemalloc
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import wraps
from itertools import islice
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from rich.progress import track
from threadpoolctl import threadpool_limits

from agent.demo import audio
from agent.demo.g711 import encode_ulaw
from agent.hearing import ear
from agent.hearing.ear import Ear, Stream
from agent.hearing.forest import Forest
from agent.hearing.known import Known
from agent.hearing.pcm import Samples
from agent.hearing.sound import Encoding
from agent.hearing.tape import Fingerprint
from agent.hearing.tones import ToneEar
from agent.service.engine import Pace
from agent.service.memory import keep_little
from benchmarks.announcements import render, spectra
from benchmarks.no_tones import recordings
from benchmarks.parts import Goal, Part, add_into, console, tell

RATE = Encoding.ULAW.bytes_per_second
WARM_SECONDS = 3
TICKS = round(1 / Pace().tick_seconds)
"""In a second."""
ANNOUNCEMENTS = 1000
TARGET_CALLS, TARGET_MS, TARGET_MB = 1000, 600, 60
SHARES = {"speech": 0.4, "ringing": 0.3, "busy": 0.1, "song": 0.1, "silence": 0.1}
PARTS: dict[str, tuple[object, str]] = {
    "spectra": (ear, "power_of"),
    "rows": (ear, "frame_rows"),
    "features": (ear, "features"),
    "forest": (Forest, "predict"),
    "tones": (ToneEar, "listen"),
    "announcements": (ear, "recognise"),
}
"""What `Ear.hear` calls for each part; the rest is decoding, framing and handing over."""


@dataclass(slots=True)
class Spent:
    """Processor seconds of one second of all calls."""

    total: float = 0.0
    parts: dict[str, float] = field(default_factory=lambda: defaultdict(float))


@dataclass(frozen=True, slots=True)
class Cost:
    """Milliseconds of processor time for 1,000 call-seconds."""

    played: str
    calls: int
    ticks_a_second: int
    all_ms: float
    ms: Mapping[str, float]
    """Of each of PARTS, and the rest."""
    peak_mb: float
    """Beyond what was held before."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_material(parser)
    parser.add_argument("--calls", type=int, nargs="+", default=[1, 10, 100, 1000, 5000])
    parser.add_argument("--seconds", type=int, default=5)
    add_into(parser)
    options = parser.parse_args()
    keep_little()  # as the agent does
    with threadpool_limits(1):
        for part in measure(options):
            tell(part, options.into)


def add_material(parser: argparse.ArgumentParser) -> None:
    """Let a command say what is to be heard, and by which forest."""
    parser.add_argument("--work", type=Path, required=True, help="folder for what is rendered, once")
    parser.add_argument("--songs", type=Path, nargs="+", required=True, help="folders of recordings")
    parser.add_argument("--model", type=Path, default=Path("models/student.joblib"))


def measure(options: argparse.Namespace) -> Iterator[Part]:
    """Yield what is found in whole seconds and in ticks: for so many calls, and by what they play."""
    forest, known = Forest.load(options.model), known_announcements(options.work)
    played = sounds(options.work, options.songs)
    for ticks, name, title in (
        (1, "hearing", "1,000 call-seconds heard in whole seconds"),
        (TICKS, "hearing_ticks", f"1,000 call-seconds heard in ticks of {1000 // TICKS} ms"),
    ):
        runs = [("a mixture", mixed(played, count)) for count in options.calls]
        costs = [
            cost(whole_ear(forest, known), kind, calls, ticks, options.seconds)
            for kind, calls in track(runs, name, console=console, transient=True)
        ]
        yield Part(name, title, tuple(costs), tuple(_goals(costs, title)))
        kinds = [
            cost(whole_ear(forest, known), kind, list(islice(calls, 100)), ticks, options.seconds)
            for kind, calls in track(played.items(), name, console=console, transient=True)
        ]
        yield Part(f"{name}_kinds", f"{title}, by what is played", tuple(kinds))


def _goals(costs: Sequence[Cost], title: str) -> Iterator[Goal]:
    for one in costs:
        if one.calls == TARGET_CALLS:
            yield Goal(title, one.all_ms, TARGET_MS, "ms")
            yield Goal("the memory of a batch", one.peak_mb, TARGET_MB, "MB")
    least, most = min(costs, key=_calls), max(costs, key=_calls)
    yield Goal(f"a call of {most.calls:,} against one of {least.calls:,}", most.all_ms / least.all_ms, 1)


def _calls(cost: Cost) -> int:
    return cost.calls


def whole_ear(forest: Forest, known: Known) -> Ear:
    """Return an ear for seconds, tones and these announcements, as the agent has."""
    ear = Ear(forest, tone_ear=ToneEar())
    ear.known = known
    return ear


def known_announcements(work: Path) -> Known:
    """Return ANNOUNCEMENTS that nobody plays."""
    own = render(work / "own.npz", 1, ANNOUNCEMENTS)
    return Known.of(list(enumerate(Fingerprint.of(spectra(sound)) for sound in own)))


def mixed(played: Mapping[str, Iterator[bytes]], calls: int) -> list[bytes]:
    """Return so many calls, of each kind its share."""
    return [call for kind, share in of_each(calls) for call in islice(played[kind], share)]


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


def cost(hearing: Ear, played: str, calls: Sequence[bytes], ticks: int, seconds: int) -> Cost:
    """Hear so many seconds of calls and say what they cost."""
    spent, peak = hear(hearing, calls, ticks, seconds)

    def ms(some: Iterable[float]) -> float:
        return round(1e6 * float(np.median(list(some))) / len(calls), 1)

    parts = {part: ms(one.parts[part] for one in spent) for part in PARTS}
    parts["rest"] = ms(one.total - sum(one.parts.values()) for one in spent)
    return Cost(played, len(calls), ticks, ms(one.total for one in spent), parts, round(peak / 1e6, 1))


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


if __name__ == "__main__":
    main()
