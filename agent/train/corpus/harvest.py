"""From the early media that the agent has kept to a corpus without labels.

`audio/GROUP/*.flac` (8 kHz, 16 bits), `recordings.csv` (what is known of each recording) and `heard.csv`
(what the agent made of each second: for review, no label). Recordings of one group share a folder, so that
training never tears them apart: the same number plays the same announcement.
"""

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray
from pydantic import ValidationError

from agent.hearing.pcm import SAMPLE_RATE, Decoder
from agent.hearing.sound import SOUNDS, Encoding
from agent.service.kept import KeptCall
from agent.train.corpus.folder import Material, Origin, drafting, write_origin
from agent.train.errors import MaterialError

RECORDINGS, HEARD = "recordings.csv", "heard.csv"
_CONDITIONS = ("trunk", "tap", "outcome", "carrier_sip_code", "agreement")
_P = tuple(f"p_{sound}" for sound in SOUNDS)
_DIGITS = 12
"""Digits of a number's digest that tell it from others."""
_LONGEST_TRUNK = 60

P = tuple[float, float, float, float]
"""Probability of each of SOUNDS."""


class Grouping(StrEnum):
    """What must not be torn apart."""

    NUMBER = "number"
    """Calls to one number, whatever the trunk."""
    TRUNK = "trunk"
    """Calls of one trunk: its carrier plays the same announcements for many numbers."""


@dataclass(frozen=True, slots=True)
class Recording:
    """A harvested recording."""

    file: str
    """Path below `audio/`, with `/`."""
    conditions: Mapping[str, str]
    """What `recordings.csv` says of it, by column."""
    p: tuple[P, ...]
    """What the agent made of each second."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """What a harvest has brought."""

    fresh: tuple[Recording, ...]
    known: int
    """Recordings that the corpus held already."""
    faults: tuple[str, ...]
    """Recordings that could not be read, one sentence for each."""


def kept_calls(folder: Path) -> list[Path]:
    """Return the recordings in a harvest folder that are whole, the oldest first.

    Raises:
        MaterialError: there is no such folder, or nothing in it.
    """
    if not folder.is_dir():
        raise MaterialError(f"{folder} is no folder: name the one that harvest.folder in config.yaml names")
    lines = sorted(folder.glob("*.json"))
    if not lines:
        raise MaterialError(
            f"{folder} holds no kept call: set keep_audio for a trunk in config.yaml and let it place calls"
        )
    return [line.with_suffix(".wav") for line in lines]


def harvest(
    recordings: Sequence[Path], out: Path, grouping: Grouping, step: Callable[[], None] = lambda: None
) -> Gathered:
    """Make a corpus of kept calls (`kept_calls`), or add to one what is new.

    A recording that cannot be read is told and left out.

    Raises:
        MaterialError: `out` is something else, cannot be written, or no recording can be read.
    """
    old = read_recordings(out) if out.exists() else []
    with drafting(out, "choose another folder or make room") as draft:
        (draft / "audio").mkdir()
        brought = _gather(recordings, draft, old, grouping, step)
        if brought.faults and not brought.fresh and not brought.known:
            raise MaterialError(f"no kept call can be read; the first: {brought.faults[0]}")
        _write_tables(draft, [*old, *brought.fresh])
        if out.exists():
            _move_in(draft, out, brought.fresh)
        else:
            draft.rename(out)
    return brought


def read_recordings(corpus: Path) -> list[Recording]:
    """Read a harvested corpus.

    Raises:
        MaterialError: the folder is no such corpus.
    """
    heard: dict[str, list[P]] = {}
    try:
        for row in _rows(corpus / HEARD):
            p = [float(row[name]) for name in _P]
            heard.setdefault(row["file"], []).append((p[0], p[1], p[2], p[3]))
        return [
            Recording(
                row["file"], {name: row[name] for name in _CONDITIONS}, tuple(heard.get(row["file"], ()))
            )
            for row in _rows(corpus / RECORDINGS)
        ]
    except (OSError, KeyError, ValueError, TypeError, csv.Error) as error:
        raise MaterialError(
            f"{corpus} is no harvested corpus ({error}): name a new folder, or one that "
            "`earlymedia train harvest` has made"
        ) from error


def _gather(
    recordings: Sequence[Path],
    draft: Path,
    old: Sequence[Recording],
    grouping: Grouping,
    step: Callable[[], None],
) -> Gathered:
    there = {Path(recording.file).stem for recording in old}
    folder_of = {_end(folder): folder for folder in (Path(recording.file).parts[0] for recording in old)}
    fresh: list[Recording] = []
    faults: list[str] = []
    for path in recordings:
        if path.stem not in there:
            try:
                call, samples = _read(path)
            except MaterialError as error:
                faults.append(str(error))
            else:
                group = _group(call, path, grouping)
                group = folder_of.setdefault(_end(group), group) if grouping is Grouping.NUMBER else group
                fresh.append(_write(draft, f"{group}/{path.stem}.flac", call, samples))
        step()
    return Gathered(tuple(fresh), sum(path.stem in there for path in recordings), tuple(faults))


def _group(call: KeptCall, path: Path, grouping: Grouping) -> str:
    """Name the folder of a call: its trunk, and which number it was."""
    trunk = re.sub(r"[^A-Za-z0-9_]+", "-", call.trunk)[:_LONGEST_TRUNK].strip("-") or "trunk"
    if grouping is Grouping.TRUNK:
        return trunk
    return f"{trunk}-{call.number[:_DIGITS] or path.stem[-_DIGITS:]}"


def _end(folder: str) -> str:
    """What tells numbers apart: the trunk that a number was first dialled on names its folder for good."""
    return folder[-_DIGITS:]


def _read(path: Path) -> tuple[KeptCall, NDArray[np.int16]]:
    line = path.with_suffix(".json")
    try:
        call = KeptCall.model_validate_json(line.read_bytes())
        samples, rate = soundfile.read(path, dtype="int16")
    except ValidationError as error:
        raise MaterialError(
            f"{line}: says nothing that is understood ({error.errors()[0]['msg']})"
        ) from error
    except (OSError, soundfile.LibsndfileError) as error:
        raise MaterialError(f"{path}: cannot be read ({error})") from error
    if rate == 2 * SAMPLE_RATE:
        decimated = Decoder(Encoding.SLIN16).decode(samples.astype("<i2").tobytes())
        return call, np.round(decimated * 32768).astype(np.int16)
    return call, samples


def _write(draft: Path, file: str, call: KeptCall, samples: NDArray[np.int16]) -> Recording:
    target = draft / "audio" / file
    target.parent.mkdir(exist_ok=True)
    try:
        soundfile.write(target, samples, SAMPLE_RATE, format="FLAC", subtype="PCM_16")
    except soundfile.LibsndfileError as error:
        raise OSError(error.error_string) from error
    said = call.model_dump(mode="json")
    conditions = {name: "" if said[name] is None else str(said[name]) for name in _CONDITIONS}
    return Recording(file, conditions, call.p)


def _write_tables(draft: Path, recordings: Sequence[Recording]) -> None:
    write_origin(draft, _origin(recordings))
    with (
        (draft / RECORDINGS).open("w", newline="", encoding="utf-8") as known,
        (draft / HEARD).open("w", newline="", encoding="utf-8") as heard,
    ):
        about, seconds = csv.writer(known, lineterminator="\n"), csv.writer(heard, lineterminator="\n")
        about.writerow(("file", *_CONDITIONS))
        seconds.writerow(("file", "start_time", *_P))
        for recording in recordings:
            about.writerow((recording.file, *recording.conditions.values()))
            seconds.writerows((recording.file, start, *p) for start, p in enumerate(recording.p))


def _origin(recordings: Sequence[Recording]) -> Origin:
    """Say where the corpus is from: a forest's card will tell."""
    calls = Counter(recording.conditions["trunk"] for recording in recordings)
    materials = tuple(
        Material(
            what=f"early media of {count} calls over {trunk}",
            by="the carriers and callees that were called",
            licence="not to be given away: the recordings are of own calls",
        )
        for trunk, count in sorted(calls.items())
    )
    return Origin(seed=0, recordings=len(recordings), materials=materials)


def _move_in(draft: Path, out: Path, fresh: Iterable[Recording]) -> None:
    """Add to a corpus: audio first, and last the table that says what it holds."""
    for recording in fresh:
        target = out / "audio" / recording.file
        target.parent.mkdir(parents=True, exist_ok=True)
        (draft / "audio" / recording.file).replace(target)
    for name in ("corpus.json", HEARD, RECORDINGS):
        (draft / name).replace(out / name)


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file)
