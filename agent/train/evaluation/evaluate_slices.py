"""The same verdicts cut up: by codec, level, noise and loss, by who said the truth, by group."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agent.hearing.sound import SOUNDS
from agent.train.errors import MaterialError
from agent.train.evaluation.evaluate_scores import confusion_of, score
from agent.train.student.strangers import Strangers

RECORDINGS = "recordings.csv"
"""The conditions of a corpus' recordings: `file`, then one column for each condition."""
_BINS = 6
"""Most bins that a numeric condition is cut into."""
_MOST = 24
"""Kinds beyond so many of a condition that is no number are put together as `other`."""
_NONE = "none"
"""What does not apply to a recording is empty in the table."""


@dataclass(frozen=True, slots=True)
class Slice:
    """Seconds that have something in common."""

    name: str
    seconds: int
    right: float
    """Accuracy."""
    macro_f1: float
    """Mean F1 of the sounds that occur here."""


@dataclass(frozen=True, slots=True)
class Cut:
    """All clear seconds, cut by one condition."""

    condition: str
    """Column of recordings.csv, such as `codec`, or `teacher`."""
    slices: tuple[Slice, ...]
    """In rising order of a number, else the worst first."""


@dataclass(frozen=True, slots=True)
class HeardAs:
    """Where the seconds of one sound went."""

    truth: str
    verdicts: tuple[tuple[str, int], ...]
    """Seconds by verdict, the most frequent first."""


@dataclass(frozen=True, slots=True)
class GroupScore:
    """How the seconds of one held-out group were heard."""

    group: str
    seconds: int
    right: float
    heard_as: tuple[HeardAs, ...]


@dataclass(frozen=True, slots=True)
class KnownConditions:
    """What is known of the recordings of a corpus."""

    columns: tuple[str, ...]
    of: Mapping[str, tuple[str, ...]]
    """The values of each recording, by its path below the audio folder."""


def read_conditions(path: Path) -> KnownConditions:
    """Read a corpus' `recordings.csv`.

    Raises:
        MaterialError: it cannot be read, or has no column `file`.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            table = csv.DictReader(file)
            columns = tuple(name for name in table.fieldnames or () if name not in ("file", "fold"))
            of = {row["file"]: tuple(row[name] or "" for name in columns) for row in table}
    except OSError as error:
        raise MaterialError(f"{path} cannot be read ({error.strerror}): check its permissions") from error
    except (KeyError, UnicodeDecodeError, csv.Error) as error:
        raise MaterialError(
            f"{path} is no table of recordings ({error}): compose the corpus again with "
            "`earlymedia train synth`, or leave the file out"
        ) from error
    return KnownConditions(columns, of)


def cut_by_conditions(strangers: Strangers, conditions: KnownConditions) -> list[Cut]:
    """Score (clear) seconds by each condition that varies; recordings that are not listed are left out."""
    known = strangers.where(np.array([file in conditions.of for file in strangers.file], np.bool_))
    cuts = []
    for column, name in enumerate(conditions.columns):
        values = [conditions.of[file][column] for file in known.file]
        if len(set(values)) > 1:
            cuts.append(cut(known, name, values))
    return cuts


def cut(strangers: Strangers, condition: str, values: Sequence[str]) -> Cut:
    """Score seconds by a condition whose value for each second is given."""
    numbers = _numbers(values)
    if numbers is None:
        return Cut(condition, _by_kind(strangers, values))
    return Cut(condition, _by_number(strangers, numbers))


def _numbers(values: Sequence[str]) -> NDArray[np.float64] | None:
    """Read values as numbers, NaN where nothing stands; None if one is no number."""
    try:
        numbers = np.array([float(value) if value else np.nan for value in values])
    except ValueError:
        return None
    return numbers if np.isfinite(numbers).any() else None


def _by_kind(strangers: Strangers, values: Sequence[str]) -> tuple[Slice, ...]:
    count: dict[str, int] = {}
    for value in values:
        count[value] = count.get(value, 0) + 1
    shown = set(sorted(count, key=lambda value: (-count[value], value))[:_MOST])
    names = np.array([(value or _NONE) if value in shown else "other" for value in values])
    slices = [_slice(strangers, str(name), names == name) for name in np.unique(names)]
    return tuple(sorted(slices, key=lambda part: part.right))


def _by_number(strangers: Strangers, numbers: NDArray[np.float64]) -> tuple[Slice, ...]:
    """Cut by number: few values each by itself; else zero by itself and bins that hold about as many."""
    said = np.isfinite(numbers)
    values = np.unique(numbers[said])
    slices = []
    if len(values) <= _BINS:
        slices = [_slice(strangers, f"{value:g}", numbers == value) for value in values]
    else:
        zero = numbers == 0
        # What most recordings have none of (loss, offset) is told from how much of it the others have.
        apart = bool(zero.sum() > said.sum() / (2 * _BINS))
        rest = said & ~zero if apart else said
        if apart:
            slices.append(_slice(strangers, "0", zero))
        edges = _edges(numbers[rest])
        for low, high in pairwise(edges):
            last = high == edges[-1]
            inside = rest & (numbers >= low) & ((numbers <= high) if last else (numbers < high))
            if inside.any():
                name = f"up to {high:g}" if apart and low == 0 == edges[0] else f"{low:g} to {high:g}"
                slices.append(_slice(strangers, name, inside))
    if not said.all():
        slices.append(_slice(strangers, _NONE, ~said))
    return tuple(slices)


def _edges(numbers: NDArray[np.float64]) -> list[float]:
    """Return the edges of bins that hold about as many, on round numbers."""
    edges = np.quantile(numbers, np.linspace(0, 1, _BINS + 1))
    span = float(edges[-1] - edges[0])
    step = 10.0 ** np.floor(np.log10(span / _BINS)) if span else 1.0
    inner = np.round(edges / step) * step
    inner[0], inner[-1] = np.floor(edges[0] / step) * step, np.ceil(edges[-1] / step) * step
    return [float(f"{edge:.6g}") for edge in np.unique(inner)]


def _slice(strangers: Strangers, name: str, chosen: NDArray[np.bool_]) -> Slice:
    scores = score(strangers.truth[chosen], strangers.verdict[chosen])
    return Slice(name, scores.seconds, scores.right, scores.macro_f1)


def by_group(strangers: Strangers) -> tuple[GroupScore, ...]:
    """Score each group, the worst first."""
    names, index = np.unique(np.array(strangers.group, dtype=np.str_), return_inverse=True)
    order = np.argsort(index, kind="stable")
    parts = np.split(order, np.cumsum(np.bincount(index, minlength=len(names)))[:-1])
    verdict = strangers.verdict
    scores = [
        _group(str(name), confusion_of(strangers.truth[part], verdict[part]))
        for name, part in zip(names, parts, strict=True)
    ]
    return tuple(sorted(scores, key=lambda group: (group.right, -group.seconds, group.group)))


def _group(name: str, confusion: NDArray[np.int64]) -> GroupScore:
    seconds = int(confusion.sum())
    heard = tuple(
        HeardAs(
            sound.value,
            tuple((SOUNDS[i].value, int(row[i])) for i in np.argsort(-row, kind="stable") if row[i]),
        )
        for sound, row in zip(SOUNDS, confusion, strict=True)
        if row.any()
    )
    return GroupScore(name, seconds, float(np.trace(confusion) / seconds), heard)
