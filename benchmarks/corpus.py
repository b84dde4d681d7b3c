"""How fast a corpus is composed, and where the time goes.

    python -m benchmarks.corpus --audio FOLDER --tones FILE [--prompts FOLDER ...] [--songs FOLDER ...]
                                [--recordings N] [--jobs N]

Prints how many seconds of audio are made in a second of the clock, and in a second of one processor (which
hardly depends on what else the machine is doing), then what each codec costs.
"""

import argparse
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from rich.console import Console
from rich.table import Table

from agent.hearing.pcm import SAMPLE_RATE
from agent.train.corpus.codecs import Codec, draw_coding, encode_decode
from agent.train.corpus.compose_job import make_corpus
from agent.train.corpus.folder import Origin
from agent.train.corpus.material import find_material
from agent.train.corpus.plan import DEFAULT_PLAN, read_plan
from agent.train.corpus.store import recordings_of, store
from agent.train.corpus.synth import compose
from agent.train.parallel import Workers


@dataclass(slots=True)
class Spent:
    """Time that a piece of work took, of the clock and of processors."""

    clock_s: float = 0.0
    processor_s: float = 0.0


@contextmanager
def measured() -> Iterator[Spent]:
    """Measure a piece of work; processes that it starts are in the clock's time only."""
    spent = Spent()
    clock, processor = time.perf_counter(), time.process_time()
    yield spent
    spent.clock_s = time.perf_counter() - clock
    spent.processor_s = time.process_time() - processor


def main() -> None:
    """Measure and print."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    words.add_argument("--audio", type=Path)
    words.add_argument("--prompts", type=Path, nargs="*", default=[])
    words.add_argument("--songs", type=Path, nargs="*", default=[])
    words.add_argument("--tones", type=Path, required=True)
    words.add_argument("--plan", type=Path, default=DEFAULT_PLAN)
    words.add_argument("--recordings", type=int, default=200)
    words.add_argument("--jobs", type=int, default=-1)
    given = words.parse_args()
    plan = read_plan(given.plan).model_copy(update={"recordings": given.recordings})
    audio_s = plan.recordings * plan.recording_s
    with measured() as finding:
        sources = find_material(
            given.audio, sorted(given.prompts), given.tones, plan.seed, songs=sorted(given.songs)
        )
    table = Table("work", "clock s", "processor s", "x real time by the clock", "x real time a processor")

    def show(name: str, spent: Spent, seconds: float | None = None, alone: bool = True) -> None:
        times = (spent.clock_s, *([spent.processor_s] if alone else []))
        speed = [] if seconds is None else [f"{seconds / max(1e-9, each):.0f}" for each in times]
        table.add_row(name, f"{spent.clock_s:.2f}", f"{spent.processor_s:.2f}" if alone else "", *speed)

    show(f"find {len(sources)} groups", finding)
    with TemporaryDirectory() as folder:
        with measured() as reading:
            stored = store(sources, Path(folder), Workers(jobs=1))
        show(f"read {len(recordings_of(sources))} files", reading)
        with measured() as composing:
            for _ in compose(stored.sources, plan):
                pass
        show(f"compose {plan.recordings} recordings, one process", composing, audio_s)
        with measured() as whole:
            origin = Origin(seed=plan.seed, recordings=plan.recordings, materials=())
            make_corpus(Path(folder) / "corpus", plan, stored.sources, [], origin, Workers(given.jobs))
        show("the same to FLAC and tables, all jobs", whole, audio_s, alone=False)
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 0.05, plan.recording_s * SAMPLE_RATE).astype(np.float32)
    for codec in Codec:
        encode_decode(noise[:SAMPLE_RATE], draw_coding(codec, rng))
        with measured() as coding:
            for _ in range(5):
                encode_decode(noise, draw_coding(codec, rng))
        show(codec.value, coding, 5 * plan.recording_s)
    Console().print(table)


if __name__ == "__main__":
    main()
