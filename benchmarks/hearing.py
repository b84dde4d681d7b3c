"""How long hearing takes: all of it, for so many calls that complete a second at once.

    python benchmarks/hearing.py [--model models/student.joblib] [--repeat 5]

Prints the median of the repeats for one second of each call, delivered whole and in 100 ms ticks,
and what one call keeps in memory.
"""

import argparse
import statistics
import sys
import time
import tracemalloc
from pathlib import Path

import numpy as np

from agent.hearing.ear import Ear, Stream
from agent.hearing.features import FEATURES
from agent.hearing.forest import Forest
from agent.hearing.sound import Encoding

TICKS = 10


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, default=Path("models/student.joblib"))
    parser.add_argument("--repeat", type=int, default=5)
    arguments = parser.parse_args()

    began = time.perf_counter()
    forest = Forest.load(arguments.model)
    show(f"load                 {1e3 * (time.perf_counter() - began):8.1f} ms  {arguments.model}")
    vectors = np.random.default_rng(0).normal(0, 30, (1000, FEATURES)).astype(np.float32)
    for rows in (1, 20, 200, 1000):
        spent = [timed(lambda rows=rows: forest.predict(vectors[:rows])) for _ in range(arguments.repeat)]
        show(f"forest, {rows:4d} rows    {1e3 * statistics.median(spent):8.1f} ms")
    for calls in (1, 200, 1000):
        whole = [one_second(Ear(forest), calls, 1) for _ in range(arguments.repeat)]
        ticks = [one_second(Ear(forest), calls, TICKS) for _ in range(arguments.repeat)]
        show(
            f"{calls:4d} call-seconds    {1e3 * statistics.median(whole):8.1f} ms  "
            f"in {TICKS} ticks {1e3 * statistics.median(ticks):8.1f} ms"
        )
    show(f"kept for one call    {kept_by_one_call(forest) / 1e3:8.1f} kB")


def timed(work: object) -> float:
    """Return the seconds that one call of `work` takes."""
    began = time.perf_counter()
    work()  # type: ignore[operator]
    return time.perf_counter() - began


def one_second(ear: Ear, calls: int, pieces: int) -> float:
    """Return the seconds it takes to hear one more second of each call, delivered in so many pieces."""
    rng = np.random.default_rng(1)
    streams = [Stream(Encoding.ULAW) for _ in range(calls)]
    audio = [rng.integers(0, 256, 8000 + 400, dtype=np.uint8).tobytes() for _ in range(calls)]
    ear.hear([(stream, data[:400]) for stream, data in zip(streams, audio, strict=True)])
    size = 8000 // pieces
    spent, heard = 0.0, 0
    for piece in range(pieces):
        start = 400 + piece * size
        chunks = [(stream, data[start : start + size]) for stream, data in zip(streams, audio, strict=True)]
        began = time.perf_counter()
        heard += sum(map(len, ear.hear(chunks)))
        spent += time.perf_counter() - began
    if heard != calls:
        raise SystemExit(f"{heard} of {calls} seconds were heard: hearing is broken")
    return spent


def kept_by_one_call(forest: Forest) -> float:
    """Return the bytes that a call keeps between ticks, the mean of 100."""
    ear = Ear(forest)
    tracemalloc.start()
    streams = [Stream(Encoding.SLIN16) for _ in range(100)]
    ear.hear([(stream, bytes(31000)) for stream in streams])
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return kept / len(streams)


def show(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
