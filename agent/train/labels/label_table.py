"""The label file: the columns of the thesis, then who labelled, how surely, and what belongs together.

`file,start_time,hard_target,soft_speech,soft_music,soft_ringing,soft_silence,agreement,ambiguous,teacher,
group,fold,weight`, one row a second; only the thesis' seven must be there to read one.
By its ending it is CSV or, for large sets, Parquet (zstd) with the same columns.
"""

import csv
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from agent.hearing.sound import SOUNDS, Sound
from agent.train.errors import MaterialError
from agent.train.labels.labelling import LabelledSecond

_SOFT = {sound: f"soft_{sound}" for sound in (Sound.SPEECH, Sound.MUSIC, Sound.RINGING, Sound.SILENCE)}
COLUMNS = (
    *("file", "start_time", "hard_target", *_SOFT.values()),
    *("agreement", "ambiguous", "teacher", "group", "fold", "weight"),
)
_ROWS_A_GROUP = 65_536


@dataclass(frozen=True, slots=True)
class Row:
    """One second of one recording."""

    file: str
    """Path below the labelled folder, with `/`."""
    second: LabelledSecond
    teacher: str
    """Who labelled it: `construction`, `reviewed`, or an ensemble as `describe` names it."""
    group: str = ""
    """What must not be torn apart when strangers are chosen (a speaker, a song), as `family/name`."""
    fold: int | None = None
    """Groups of one fold, from 0 on, are tested together; none: it is for training to deal."""
    weight: float = 1.0
    """How much the second counts in training, above 0."""


def refuse_ending(path: Path) -> None:
    """Make sure that a label file of this name can be written.

    Raises:
        MaterialError: its ending is neither, or the `parquet` extra is missing.
    """
    if path.suffix not in (".csv", ".parquet"):
        raise MaterialError(f"{path} should end in .csv or .parquet: name the label file so")
    if path.suffix == ".parquet":
        try:
            import pyarrow.parquet  # noqa: F401
        except ImportError as error:
            raise MaterialError(
                "a .parquet file needs the `parquet` extra: install it with pip install "
                "'earlymedia-agent[parquet]', or write a .csv file"
            ) from error


def write_rows(path: Path, rows: Iterable[Row], ending: str) -> int:
    """Write a label file in the form that an ending asks for; returns the number of rows."""
    count = 0
    if ending == ".parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        floats = dict.fromkeys((*_SOFT.values(), "start_time", "agreement", "weight"), pa.float32())
        types = {"ambiguous": pa.bool_(), "fold": pa.int32(), **floats}
        schema = pa.schema([(name, types.get(name, pa.string())) for name in COLUMNS])
        with pq.ParquetWriter(path, schema, compression="zstd") as writer:
            records = map(_record, rows)
            while group := list(islice(records, _ROWS_A_GROUP)):
                writer.write_table(pa.Table.from_pylist(group, schema))
                count += len(group)
        return count
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(COLUMNS)
        for row in rows:
            values = _record(row)
            values["ambiguous"] = int(row.second.ambiguous)
            table.writerow(f"{value:.6g}" if isinstance(value, float) else value for value in values.values())
            count += 1
    return count


def _record(row: Row) -> dict[str, Any]:
    second = row.second
    soft = dict(zip(SOUNDS, second.soft, strict=True))
    return {
        "file": row.file,
        "start_time": float(second.start),
        "hard_target": second.sound.value,
        **{column: soft[sound] for sound, column in _SOFT.items()},
        "agreement": second.agreement,
        "ambiguous": second.ambiguous,
        "teacher": row.teacher,
        "group": row.group,
        "fold": row.fold,
        "weight": row.weight,
    }


def read_rows(path: Path) -> Iterator[Row]:
    """Read a label file, row by row. One that holds the thesis' columns only was agreed on by itself.

    Raises:
        MaterialError: it cannot be read, lacks a column, or a row is not understood.
    """
    line = 2
    try:
        for record in _records(path):
            yield _row(record)
            line += 1
    except OSError as error:
        raise MaterialError(
            f"{path} cannot be read ({error.strerror or error}): make it with `earlymedia train label`"
        ) from error
    except KeyError as error:
        raise MaterialError(f"{path} has no column {error}: label the recordings again") from error
    except (ValueError, TypeError, csv.Error) as error:
        raise MaterialError(
            f"{path} row {line} is not understood ({error}): mend it or label the recordings again"
        ) from error


def _records(path: Path) -> Iterator[dict[str, Any]]:
    refuse_ending(path)
    if path.suffix == ".parquet":
        import pyarrow.parquet as pq

        with pq.ParquetFile(path) as table:
            for group in table.iter_batches(_ROWS_A_GROUP):
                yield from group.to_pylist()
    else:
        with path.open(newline="", encoding="utf-8") as file:
            yield from csv.DictReader(file)


def _row(record: dict[str, Any]) -> Row:
    soft = [float(record[_SOFT[sound]]) for sound in SOUNDS]
    if not all(0.0 <= value <= 1.0 for value in soft):
        raise ValueError("soft targets lie from 0 to 1")
    start = float(record["start_time"])
    if not 0 <= start < math.inf:
        raise ValueError(f"a second starts at 0 or later, not at {start}")
    agreement = float(record.get("agreement", 1.0))
    if not 0.0 <= agreement <= 1.0:
        raise ValueError(f"an agreement lies from 0 to 1, unlike {agreement}")
    second = LabelledSecond(
        start=int(start),
        sound=Sound(str(record["hard_target"]).lower()),
        soft=(soft[0], soft[1], soft[2], soft[3]),
        agreement=agreement,
        ambiguous=record.get("ambiguous") in (True, "1"),
    )
    return Row(
        str(record["file"]),
        second,
        str(record.get("teacher") or ""),
        str(record.get("group") or ""),
        _fold(record.get("fold")),
        _weight(record.get("weight")),
    )


def _fold(value: Any) -> int | None:
    if value in (None, ""):
        return None
    fold = float(value)  # a table with an empty fold may have made 3.0 of 3
    if fold < 0 or not fold.is_integer():
        raise ValueError(f"a fold is a whole number from 0 on, not {value!r}")
    return int(fold)


def _weight(value: Any) -> float:
    weight = 1.0 if value in (None, "") else float(value)
    if not 0 < weight < math.inf:
        raise ValueError(f"a weight lies above 0, unlike {value!r}")
    return weight
