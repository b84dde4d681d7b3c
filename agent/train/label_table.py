"""The label file: the columns of the thesis, then how sure the teachers are and who they were.

`file,start_time,hard_target,soft_speech,soft_music,soft_ringing,soft_silence,agreement,ambiguous,teacher`,
one row a second. By its ending it is CSV or, for large sets, Parquet (zstd) with the same columns.
"""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from agent.hearing.sound import SOUNDS, Sound
from agent.train.errors import MaterialError
from agent.train.labelling import LabelledSecond

_SOFT = {sound: f"soft_{sound}" for sound in (Sound.SPEECH, Sound.MUSIC, Sound.RINGING, Sound.SILENCE)}
COLUMNS = ("file", "start_time", "hard_target", *_SOFT.values(), "agreement", "ambiguous", "teacher")
_ROWS_A_GROUP = 65_536


@dataclass(frozen=True, slots=True)
class Row:
    """One second of one recording."""

    file: str
    """Path below the labelled folder, with `/`."""
    second: LabelledSecond
    teacher: str
    """Who labelled it, as `describe` names an ensemble."""


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

        floats = dict.fromkeys((*_SOFT.values(), "start_time", "agreement"), pa.float32())
        types = {"ambiguous": pa.bool_(), **floats}
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
    }


def read_rows(path: Path) -> Iterator[Row]:
    """Read a label file, row by row. One that holds the thesis' columns only was agreed on by itself.

    Raises:
        MaterialError: it cannot be read, lacks a column, or a row is not understood.
    """
    line = 1
    try:
        for record in _records(path):
            line += 1
            yield _row(record)
    except OSError as error:
        raise MaterialError(
            f"{path} cannot be read ({error.strerror or error}): make it with `earlymedia train label`"
        ) from error
    except KeyError as error:
        raise MaterialError(f"{path} has no column {error}: label the recordings again") from error
    except (ValueError, TypeError) as error:
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
    second = LabelledSecond(
        start=int(float(record["start_time"])),
        sound=Sound(record["hard_target"].lower()),
        soft=(soft[0], soft[1], soft[2], soft[3]),
        agreement=float(record.get("agreement", 1.0)),
        ambiguous=record.get("ambiguous") in (True, "1"),
    )
    return Row(str(record["file"]), second, str(record.get("teacher", "")))
