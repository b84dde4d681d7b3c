"""Composes a whole corpus, with as many processes as there are processors."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from agent.train.corpus.conditions import Conditions, write_conditions
from agent.train.corpus.folder import Origin, beside, write_audio, write_origin
from agent.train.corpus.material import Source
from agent.train.corpus.own import OwnRecording, bring_own
from agent.train.corpus.plan import Plan
from agent.train.corpus.store import store
from agent.train.corpus.synth import Cue, compose_recording, schedule
from agent.train.labels.label_table import Row, write_rows
from agent.train.parallel import Workers, spread

Work = TypeVar("Work", Cue, OwnRecording)

_MOST_AT_ONCE = 32
"""Recordings that a process composes before it is given more."""


@dataclass(frozen=True, slots=True)
class Written:
    """What is known of a recording whose audio lies in the corpus."""

    rows: tuple[Row, ...]
    conditions: Conditions


@dataclass(frozen=True, slots=True)
class _Composer:
    """Composes recordings and writes their audio, in whatever process."""

    folder: Path
    plan: Plan

    def __call__(self, work: Sequence[Cue] | Sequence[OwnRecording]) -> list[Written]:
        written = []
        for one in work:
            made = compose_recording(one, self.plan) if isinstance(one, Cue) else bring_own(one, self.plan)
            write_audio(self.folder, made.conditions.file, made.samples)
            written.append(Written(made.rows, made.conditions))
        return written


@dataclass(frozen=True, slots=True)
class Summary:
    """What a corpus holds."""

    recordings: int
    seconds: int
    groups: int
    empty: tuple[Path, ...]
    """Files of the material that hold no sound, and were left out."""


def make_corpus(
    target: Path,
    plan: Plan,
    sources: Sequence[Source],
    own: Sequence[OwnRecording],
    origin: Origin,
    workers: Workers,
    steps: tuple[Callable[[], None], Callable[[], None]] = (lambda: None, lambda: None),
) -> Summary:
    """Compose a corpus into `target`, which must not exist; it is there only when it is whole.

    The bytes do not depend on the workers. The first of `steps` is called for each file of the material that
    was read, the second for each recording.

    Raises:
        MaterialError: a recording of the material cannot be read, or `target` cannot be written.
    """
    with beside(target) as draft, TemporaryDirectory(dir=draft) as kept:
        stored = store(sources, Path(kept), workers, steps[0])
        written: list[Written] = []
        work: Iterator[Sequence[Cue] | Sequence[OwnRecording]]
        work = chain(_batches(schedule(stored.sources, plan)), _batches(own))
        for part in spread(workers, _Composer(draft, plan), work):
            for one in part:
                written.append(one)
                steps[1]()
        rows = [row for one in written for row in one.rows]
        write_rows(draft / "labels.csv", rows, ".csv")
        write_conditions(draft / "recordings.csv", (one.conditions for one in written))
        write_origin(draft, origin)
    return Summary(len(written), len(rows), len({row.group for row in rows}), stored.empty)


def _batches(work: Sequence[Work]) -> Iterator[Sequence[Work]]:
    """Cut work so that a process has enough to do at once, and no other nothing at the end."""
    at_once = max(1, min(_MOST_AT_ONCE, len(work) // 16))
    return (work[first : first + at_once] for first in range(0, len(work), at_once))
