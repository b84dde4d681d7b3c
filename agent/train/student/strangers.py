"""What a student said about seconds of which it had heard nothing: `strangers.csv` of a candidate.

Every labelled second of a corpus is judged once, by a student that was fitted without its fold.
All that is measured of a student is measured here: so what two students are worth can be compared
where they judged the same seconds, dealt alike, which their cards tell by one digest.
"""

import csv
import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agent.hearing.forest import Probabilities
from agent.hearing.sound import SOUNDS, Sound
from agent.train.errors import MaterialError

Labels = NDArray[np.int64]
"""Indices into SOUNDS, (n,)."""

_P = tuple(f"p_{sound}" for sound in SOUNDS)
_SOFT = tuple(f"soft_{sound}" for sound in SOUNDS)
COLUMNS = ("file", "start_time", "group", "fold", "truth", "ambiguous", *_P, *_SOFT, "teacher")


@dataclass(frozen=True, slots=True)
class Strangers:
    """One row for each labelled second, in columns of equal length n."""

    file: tuple[str, ...]
    """Path below the audio folder, with `/`."""
    start: NDArray[np.int64]
    """Where the second begins, in seconds."""
    group: tuple[str, ...]
    """What was held out as a whole, as `family/name`."""
    fold: NDArray[np.int64]
    """Seconds of one fold were judged by one student, fitted on the others."""
    truth: Labels
    ambiguous: NDArray[np.bool_]
    """More than one sound, or hardly any, or teachers that disagree: to be scored apart."""
    p: Probabilities
    """What the student said, calibrated if the student is: (n, 4)."""
    soft: Probabilities
    """What the label file said, each of SOUNDS in [0, 1] by itself: (n, 4)."""
    teacher: tuple[str, ...]
    """`construction`, `reviewed`, or the ensemble that said so."""

    def __len__(self) -> int:
        return len(self.file)

    @property
    def verdict(self) -> Labels:
        """The most probable sound of each second, (n,)."""
        best: Labels = self.p.argmax(axis=1)
        return best

    def where(self, chosen: NDArray[np.bool_]) -> "Strangers":
        """Return the seconds that a mask (n,) chooses."""
        at = np.flatnonzero(chosen).tolist()
        return Strangers(
            tuple(self.file[i] for i in at),
            self.start[chosen],
            tuple(self.group[i] for i in at),
            self.fold[chosen],
            self.truth[chosen],
            self.ambiguous[chosen],
            self.p[chosen],
            self.soft[chosen],
            tuple(self.teacher[i] for i in at),
        )

    @property
    def test_set(self) -> str:
        """The same for all students that judged the same seconds, dealt to the same folds: a sha256."""
        lines = sorted(
            f"{file},{start},{SOUNDS[truth]},{fold}\n"
            for file, start, truth, fold in zip(
                self.file, self.start.tolist(), self.truth.tolist(), self.fold.tolist(), strict=True
            )
        )
        return hashlib.sha256("".join(lines).encode()).hexdigest()


def write_strangers(path: Path, strangers: Strangers) -> None:
    """Write the table; probabilities keep six digits.

    Raises:
        OSError: the file cannot be written.
    """
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(COLUMNS)
        for i in range(len(strangers)):
            table.writerow(
                (
                    *(strangers.file[i], strangers.start[i], strangers.group[i], strangers.fold[i]),
                    *(SOUNDS[strangers.truth[i]], int(strangers.ambiguous[i])),
                    *(f"{value:.6g}" for value in (*strangers.p[i], *strangers.soft[i])),
                    strangers.teacher[i],
                )
            )


def read_strangers(path: Path) -> Strangers:
    """Read what `write_strangers` wrote.

    Raises:
        MaterialError: it is missing, empty, or a row is not understood.
    """
    again = "fit the candidate again with `earlymedia train fit`"
    rows: list[_Row] = []
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows.extend(map(_row, csv.DictReader(file)))
    except OSError as error:
        raise MaterialError(f"{path} cannot be read ({error.strerror or error}): {again}") from error
    except (ValueError, KeyError, TypeError, csv.Error) as error:
        raise MaterialError(f"{path} row {len(rows) + 2} is not understood ({error}): {again}") from error
    if not rows:
        raise MaterialError(f"{path} is empty: {again}")
    files, starts, groups, folds, truths, ambiguous, numbers, teachers = zip(*rows, strict=True)
    table = np.array(numbers, np.float64)
    return Strangers(
        files,
        np.array(starts, np.int64),
        groups,
        np.array(folds, np.int64),
        np.array(truths, np.int64),
        np.array(ambiguous, np.bool_),
        table[:, : len(SOUNDS)],
        table[:, len(SOUNDS) :],
        teachers,
    )


_Row = tuple[str, int, str, int, int, bool, tuple[float, ...], str]


def _row(record: dict[str, str]) -> _Row:
    numbers = tuple(_numbers(record))
    if not math.isclose(sum(numbers[: len(SOUNDS)]), 1.0, abs_tol=1e-4):
        raise ValueError("probabilities of a second add up to 1")
    return (
        record["file"],
        int(record["start_time"]),
        record["group"],
        int(record["fold"]),
        SOUNDS.index(Sound(record["truth"])),
        record["ambiguous"] == "1",
        numbers,
        str(record["teacher"]),
    )


def _numbers(record: dict[str, str]) -> Iterator[float]:
    for column in (*_P, *_SOFT):
        value = float(record[column])
        if not 0.0 <= value <= 1.0:
            raise ValueError(f"{column} lies from 0 to 1")
        yield value
