"""What a student learns from: labelled seconds, with all that label files say of them."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from operator import attrgetter
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from agent.hearing.forest import Probabilities
from agent.hearing.sound import SOUNDS
from agent.train.errors import MaterialError
from agent.train.labels.label_table import Row, read_rows
from agent.train.student.folds import Folds, deal
from agent.train.student.strangers import Labels
from agent.train.student.subset import Tally

REVIEWED, CONSTRUCTION = "reviewed", "construction"
"""Teachers that know: a person who has listened, and whoever composed the recording."""


@dataclass(frozen=True, slots=True)
class Source:
    """A label file and the folder with its recordings."""

    labels: Path
    audio: Path


@dataclass(frozen=True, slots=True)
class Examples:
    """One row for each labelled second, in columns of equal length n, by recording and start."""

    root: Path
    """Folder of all recordings."""
    file: tuple[str, ...]
    """Path below `root`, with `/`."""
    start: NDArray[np.int64]
    """Where the second begins, in seconds."""
    truth: Labels
    soft: Probabilities
    """Strength of each sound, in [0, 1] by itself, as teachers heard it, or else whoever knows: (n, 4)."""
    ambiguous: NDArray[np.bool_]
    teacher: tuple[str, ...]
    """Who says what the truth is."""
    group: tuple[str, ...]
    fold: Folds
    weight: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.file)

    def where(self, chosen: NDArray[np.bool_]) -> "Examples":
        """Return the seconds that a mask (n,) chooses."""
        at = np.flatnonzero(chosen).tolist()
        return replace(
            self,
            file=tuple(self.file[i] for i in at),
            start=self.start[chosen],
            truth=self.truth[chosen],
            soft=self.soft[chosen],
            ambiguous=self.ambiguous[chosen],
            teacher=tuple(self.teacher[i] for i in at),
            group=tuple(self.group[i] for i in at),
            fold=self.fold[chosen],
            weight=self.weight[chosen],
        )


def find_source(labels: Path, audio: Path | None = None) -> Source:
    """Find the label file and its recordings: in `audio`, else in `audio/` beside it, else beside it.

    Args:
        labels: a label file, or a folder that holds `labels.csv` or `labels.parquet`.
        audio: where its recordings are, if that is known.

    Raises:
        MaterialError: the folder holds no label file, or there is no folder of recordings.
    """
    if labels.is_dir():
        inside = [labels / f"labels{ending}" for ending in (".csv", ".parquet")]
        found = next((path for path in inside if path.is_file()), None)
        if found is None:
            raise MaterialError(
                f"{labels} holds no labels.csv: make one with `earlymedia train label` or "
                "`earlymedia train synth`"
            )
        labels = found
    if audio is not None and not audio.is_dir():
        raise MaterialError(f"{audio} is no folder: name the folder with the recordings of {labels}")
    beside = labels.parent / "audio"
    return Source(labels, audio or (beside if beside.is_dir() else labels.parent))


def read_examples(sources: Sequence[Source], most_seconds: int | None = None, seed: int = 0) -> Examples:
    """Read label files; where several speak of one second, who has listened outranks who composed it.

    Both outrank teachers, and among equals the last one counts. What teachers say of a second stays its soft
    target, whoever knows better. A recording without a group belongs to the first folder on its way,
    else stands for itself.

    Args:
        sources: where labels and recordings are.
        most_seconds: take no more; whole recordings are drawn by lot (see `Tally.draw`).
        seed: decides that lot.

    Raises:
        MaterialError: a label file is refused or empty, a sound is missing, or strangers cannot be told
            (see `deal`).
    """
    root = _common([source.audio for source in sources])
    drawn = None
    if most_seconds is not None:
        tally = Tally()
        for name, group, row in _rows(sources, root):
            tally.add(name, row.group or group, row.second.sound, first=row.teacher == REVIEWED)
        drawn = tally.draw(most_seconds, seed)
    said: dict[tuple[str, int], _Said] = {}
    for name, group, row in _rows(sources, root):
        if drawn is not None and name not in drawn:
            continue
        key = name, row.second.start
        if key in said:
            said[key].add(row)
        else:
            said[key] = _Said(row, group)
    if not said:
        raise MaterialError(f"{sources[0].labels} holds no labelled second: label some recordings first")
    return _examples(root, said)


def _rows(sources: Sequence[Source], root: Path) -> Iterator[tuple[str, str, Row]]:
    """Yield every row after the path of its recording below `root` and the group that is its by default."""
    for source in sources:
        prefix = source.audio.resolve().relative_to(root)
        for file, rows in groupby(read_rows(source.labels), attrgetter("file")):
            name, group = PurePosixPath(prefix, file).as_posix(), default_group(prefix, file)
            for row in rows:
                yield name, group, row


class _Said:
    """What label files say of one second."""

    __slots__ = ("best", "fold", "group", "taught")

    def __init__(self, row: Row, default_group: str) -> None:
        self.best = self.taught = row
        self.group = row.group or default_group
        self.fold = row.fold

    def add(self, row: Row) -> None:
        """Hear one more."""
        if _rank(row) >= _rank(self.best):
            self.best = row
        if _rank(row) <= _rank(self.taught):
            self.taught = row
        self.group = row.group or self.group
        self.fold = self.fold if row.fold is None else row.fold


def _rank(row: Row) -> int:
    return {REVIEWED: 2, CONSTRUCTION: 1}.get(row.teacher, 0)


def default_group(prefix: Path, file: str) -> str:
    """Return the group of a recording that has none: the first folder on its way, else the file itself.

    `prefix` leads from the common folder of all label files to that of the recording's own.
    """
    first, *rest = PurePosixPath(file).parts or (file,)
    return f"{'folder' if rest else 'file'}/{PurePosixPath(prefix, first)}"


def _examples(root: Path, said: dict[tuple[str, int], _Said]) -> Examples:
    keys = sorted(said)
    seconds = [said[key] for key in keys]
    truth = np.array([SOUNDS.index(each.best.second.sound) for each in seconds], np.int64)
    missing = [sound for index, sound in enumerate(SOUNDS) if index not in truth]
    if missing:
        raise MaterialError(
            f"no second is labelled {' or '.join(missing)}: a student needs all four sounds, "
            "add recordings or a composed corpus"
        )
    files, groups = tuple(file for file, _ in keys), tuple(each.group for each in seconds)
    return Examples(
        root=root,
        file=files,
        start=np.array([start for _, start in keys], np.int64),
        truth=truth,
        soft=np.array([each.taught.second.soft for each in seconds]),
        ambiguous=np.array([each.best.second.ambiguous for each in seconds]),
        teacher=tuple(each.best.teacher for each in seconds),
        group=groups,
        fold=deal(files, groups, [each.fold for each in seconds], truth),
        weight=np.array([each.best.weight for each in seconds]),
    )


def _common(folders: Iterable[Path]) -> Path:
    return Path(os.path.commonpath([folder.resolve() for folder in folders]))
