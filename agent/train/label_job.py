"""Labelling a folder: batch after batch, kept on disk as it goes, so that an interruption costs one batch.

Beside the label file lies `<out>.part` while the work lasts: a line that says what the work is, then one
line of JSON for each recording. When all is done the label file is written beside, takes its place by
a rename, and the part goes.
"""

import dataclasses
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from agent.hearing.sound import Sound
from agent.train.aggregation import Aggregation
from agent.train.audio import read_audio
from agent.train.errors import MaterialError
from agent.train.label_table import Row, refuse_ending, write_rows
from agent.train.labelling import LabelledSecond, Member, Rules, describe, label, opinion
from agent.train.teachers.teacher import Waveform, resample


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be labelled, by whom and how."""

    folder: Path
    out: Path
    members: Sequence[Member]
    aggregation: Aggregation
    rules: Rules
    batch_seconds: float = 300.0
    """Audio that is heard at once: more of it makes better use of a GPU and takes more memory."""

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
        }


@dataclass(slots=True)
class Outcome:
    """What became of a job."""

    recordings: int = 0
    seconds: int = 0
    ambiguous: int = 0
    refused: list[str] = field(default_factory=list)
    """One sentence for each recording that could not be labelled."""


@dataclass(frozen=True, slots=True)
class _Recording:
    name: str
    samples: Waveform
    rate_hz: int

    @property
    def seconds(self) -> int:
        return len(self.samples) // self.rate_hz


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


def run(job: Job, paths: Sequence[Path], step: Callable[[int, float], None]) -> Outcome:
    """Label recordings and write the label file; what an earlier run has done is not done again.

    Args:
        job: the work.
        paths: recordings below `job.folder`.
        step: told after each batch how many recordings are done, and how many seconds of audio they are.

    Raises:
        MaterialError: the label file cannot be written (then what is done stays), the part belongs to
            other work, or no recording could be labelled.
    """
    names = {path.relative_to(job.folder).as_posix(): path for path in paths}
    try:
        done = _resume(job)
        step(len(done), 0.0)
        with job.part.open("a+b") as part:
            todo = [(name, path) for name, path in names.items() if name not in done]
            for batch, refused in _batches(todo, job.batch_seconds):
                for name, reason in refused:
                    done[name] = _append(part, {"file": name, "refused": reason})
                for name, seconds in _hear(job, batch):
                    done[name] = _append(part, {"file": name, "seconds": [_pack(s) for s in seconds]})
                part.flush()
                step(len(batch) + len(refused), float(sum(recording.seconds for recording in batch)))
            part.flush()
            outcome = _finish(job, part, {name: done[name] for name in sorted(names)})
        job.part.unlink()
    except OSError as error:
        raise MaterialError(
            f"{job.out} cannot be written ({error.strerror or error}): make room, then give the same command "
            f"again to go on from {job.part.name}"
        ) from error
    return outcome


def _resume(job: Job) -> dict[str, int]:
    """Open or begin the part; returns where in it each recording stands."""
    terms = json.dumps({"terms": job.terms()}).encode() + b"\n"
    done: dict[str, int] = {}
    with job.part.open("a+b") as file:
        file.seek(0)
        first = file.readline()
        if not first.endswith(b"\n"):  # new, or torn before anything was done
            file.truncate(0)
            file.write(terms)
            return {}
        if first != terms:
            raise MaterialError(
                f"{job.part} holds work with other settings: remove it to begin anew, or name another --out"
            )
        while True:
            at = file.tell()
            line = file.readline()
            if not line.endswith(b"\n"):  # the end, or what an interruption has torn
                file.truncate(at)
                return done
            done[json.loads(line)["file"]] = at


def _append(part: BinaryIO, record: dict[str, Any]) -> int:
    part.seek(0, os.SEEK_END)
    at = part.tell()
    part.write(json.dumps(record).encode() + b"\n")
    return at


def _batches(
    todo: Sequence[tuple[str, Path]], batch_seconds: float
) -> Iterator[tuple[list[_Recording], list[tuple[str, str]]]]:
    """Read recordings until there is enough for a batch; those that cannot be read come with the reason."""
    batch: list[_Recording] = []
    refused: list[tuple[str, str]] = []
    for name, path in todo:
        try:
            batch.append(_Recording(name, *read_audio(path)))
        except MaterialError as error:
            refused.append((name, str(error)))
        if sum(recording.seconds for recording in batch) >= batch_seconds:
            yield batch, refused
            batch, refused = [], []
    if batch or refused:
        yield batch, refused


def _hear(job: Job, batch: Sequence[_Recording]) -> Iterator[tuple[str, list[LabelledSecond]]]:
    heard = [
        member.teacher.hear(
            [resample(recording.samples, recording.rate_hz, member.teacher.rate_hz) for recording in batch]
        )
        for member in job.members
    ]
    for index, recording in enumerate(batch):
        opinions = [
            (
                member.weight,
                opinion(frames[index], member.teacher.classes, recording.seconds, job.aggregation, job.rules),
            )
            for member, frames in zip(job.members, heard, strict=True)
        ]
        yield recording.name, label(opinions, job.rules)


def _pack(second: LabelledSecond) -> list[Any]:
    soft = [round(value, 6) for value in second.soft]
    return [second.start, second.sound.value, soft, round(second.agreement, 6), second.ambiguous]


def _unpack(packed: list[Any]) -> LabelledSecond:
    start, sound, soft, agreement, ambiguous = packed
    return LabelledSecond(start, Sound(sound), tuple(soft), agreement, ambiguous)


def _finish(job: Job, part: BinaryIO, places: dict[str, int]) -> Outcome:
    """Write the label file from the part, in order of names."""
    outcome, teacher = Outcome(), describe(job.members)

    def rows() -> Iterator[Row]:
        for name, at in places.items():
            part.seek(at)
            record = json.loads(part.readline())
            if "refused" in record:
                outcome.refused.append(record["refused"])
                continue
            outcome.recordings += 1
            for packed in record["seconds"]:
                second = _unpack(packed)
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
