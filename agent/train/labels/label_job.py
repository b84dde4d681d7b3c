"""Labelling a folder: batch after batch, wherever there are workers, and nothing twice.

What is heard at once does not depend on who works nor on what an earlier run has done, so neither does the
label file: it is the same, byte for byte, on processors of one kind.
"""

import dataclasses
import os
import socket
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import local
from typing import Any

from agent.train.errors import MaterialError
from agent.train.labels.aggregation import Aggregation
from agent.train.labels.audio import duration_seconds, read_audio
from agent.train.labels.label_part import Part, open_part, pack
from agent.train.labels.label_table import Row, refuse_ending, write_rows
from agent.train.labels.labelling import LabelledSecond, Member, Rules, describe, label, opinion
from agent.train.parallel import Workers, spread
from agent.train.teachers.teacher import Teacher, Waveform, resample


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be labelled, by whom and how."""

    folder: Path
    out: Path
    members: tuple[Member, ...]
    aggregation: Aggregation
    rules: Rules
    batch_seconds: float = 300.0
    """Audio that one worker hears at once: more of it makes better use of a GPU and takes more memory."""

    @property
    def part(self) -> Path:
        """Where the work lies while it is not complete."""
        return self.out.with_name(self.out.name + ".part")

    def terms(self) -> dict[str, Any]:
        """Say what must be the same for work to be continued."""
        return {
            "folder": str(self.folder.resolve()),
            "teacher": describe(self.members),
            "aggregation": self.aggregation.name,
            "sounds": dict(sorted(self.aggregation.sounds.items())),
            "rules": dataclasses.asdict(self.rules),
            "batch_seconds": self.batch_seconds,
        }


@dataclass(slots=True)
class Outcome:
    """What became of a job."""

    recordings: int = 0
    seconds: int = 0
    ambiguous: int = 0
    refused: list[str] = field(default_factory=list)
    """One sentence for each recording that could not be labelled."""


def check(job: Job) -> None:
    """Make sure, before anything is loaded, that the label file can be written.

    Raises:
        MaterialError: it exists, its ending is not known, or its folder cannot be written.
    """
    refuse_ending(job.out)
    if job.out.exists():
        raise MaterialError(f"{job.out} exists already: remove it or name another file with --out")
    if not job.out.parent.is_dir() or not os.access(job.out.parent, os.W_OK):
        raise MaterialError(f"{job.out.parent} is no folder that can be written: make it, or name another")


def run(
    job: Job,
    paths: Sequence[Path],
    step: Callable[[int, float], None],
    workers: Workers = Workers(jobs=1),  # noqa: B008  (frozen)
) -> Outcome:
    """Label recordings and write the label file; what an earlier run has done is not done again.

    Args:
        job: the work.
        paths: recordings below `job.folder`.
        step: told after each batch how many recordings are done, and how many seconds of audio they are.
        workers: who works; on a cluster all must see the recordings and checkpoints under the same paths.

    Raises:
        MaterialError: the label file cannot be written (then what is done stays), the part belongs to
            other work, or a teacher cannot be opened.
    """
    names = [path.relative_to(job.folder).as_posix() for path in paths]
    folder = job.folder.absolute()
    with _writing(job):
        with open_part(job.part, job.terms()) as part:
            step(len(part), 0.0)
            todo = (
                batch
                for batch in batches(folder, names, job.batch_seconds)
                if any(name not in part for name in batch)
            )
            hear = partial(hear_batch, folder, job.members, job.aggregation, job.rules)
            for heard in spread(workers, hear, todo, ordered=False):
                new = [recording for recording in heard if recording.name not in part]
                part.add({recording.name: recording.line for recording in new})
                step(len(new), sum(recording.seconds for recording in new))
            outcome = _finish(job, part, sorted(names))
        job.part.unlink(missing_ok=True)
    return outcome


@contextmanager
def _writing(job: Job) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise MaterialError(
            f"{job.out} cannot be written ({error.strerror or error}): make room, then give the same command "
            f"again to go on from {job.part.name}"
        ) from error


def batches(folder: Path, names: Iterable[str], batch_seconds: float) -> Iterator[tuple[str, ...]]:
    """Group recordings, in order, until there is enough for a batch; only their headers are read.

    Networks give other last digits for a recording in other company. So all recordings are grouped, those
    that are done already too, and a batch of which a part is missing is heard whole.
    """
    batch: list[str] = []
    seconds = 0.0
    for name in names:
        batch.append(name)
        seconds += duration_seconds(folder / name)
        if seconds >= batch_seconds:
            yield tuple(batch)
            batch, seconds = [], 0.0
    if batch:
        yield tuple(batch)


@dataclass(frozen=True, slots=True)
class HeardRecording:
    """What became of one recording, packed where it was heard."""

    name: str
    seconds: int
    """Whole seconds that were labelled; 0 if it was refused."""
    line: bytes
    """As `label_part.pack` writes it."""


@dataclass(frozen=True, slots=True)
class _Recording:
    name: str
    samples: Waveform
    rate_hz: int

    @property
    def seconds(self) -> int:
        return len(self.samples) // self.rate_hz


def hear_batch(
    folder: Path,
    members: tuple[Member, ...],
    aggregation: Aggregation,
    rules: Rules,
    names: tuple[str, ...],
) -> list[HeardRecording]:
    """Label the recordings of a batch, on whatever machine; teachers are opened once and kept.

    Raises:
        MaterialError: this machine does not see the recordings, or a teacher cannot be opened.
    """
    if not any((folder / name).exists() for name in names):
        raise MaterialError(
            f"{folder / names[0]} is not there on {socket.gethostname()}: keep recordings and checkpoints "
            "where every worker sees them under the same path"
        )
    heard: list[HeardRecording] = []
    recordings: list[_Recording] = []
    for name in names:
        try:
            recordings.append(_Recording(name, *read_audio(folder / name)))
        except MaterialError as error:
            heard.append(HeardRecording(name, 0, pack(name, str(error))))
    for recording, seconds in zip(recordings, _label(recordings, members, aggregation, rules), strict=True):
        heard.append(HeardRecording(recording.name, recording.seconds, pack(recording.name, seconds)))
    return heard


def _label(
    recordings: Sequence[_Recording], members: tuple[Member, ...], aggregation: Aggregation, rules: Rules
) -> Iterator[list[LabelledSecond]]:
    teachers = _opened(members) if recordings else []
    frames = [
        teacher.hear([resample(each.samples, each.rate_hz, teacher.rate_hz) for each in recordings])
        for teacher in teachers
    ]
    for index, recording in enumerate(recordings):
        opinions = [
            (
                member.weight,
                opinion(heard[index], teacher.classes, recording.seconds, aggregation, rules),
            )
            for member, teacher, heard in zip(members, teachers, frames, strict=True)
        ]
        yield label(opinions, rules)


_OPEN = local()  # threads cannot share an interpreter of TensorFlow Lite


def _opened(members: tuple[Member, ...]) -> list[Teacher]:
    if getattr(_OPEN, "members", None) != members:
        _OPEN.teachers = [member.teacher.open() for member in members]
        _OPEN.members = members
    teachers: list[Teacher] = _OPEN.teachers
    return teachers


def _finish(job: Job, part: Part, names: Sequence[str]) -> Outcome:
    """Write the label file from the part, in order of names."""
    outcome, teacher = Outcome(), describe(job.members)

    def rows() -> Iterator[Row]:
        for name in names:
            seconds = part.outcome(name)
            if isinstance(seconds, str):
                outcome.refused.append(seconds)
                continue
            outcome.recordings += 1
            for second in seconds:
                outcome.ambiguous += second.ambiguous
                yield Row(name, second, teacher)

    draft = job.out.with_name(job.out.name + ".draft")
    try:
        outcome.seconds = write_rows(draft, rows(), job.out.suffix)
        if outcome.recordings:
            draft.replace(job.out)
    finally:
        draft.unlink(missing_ok=True)
    return outcome
