"""`reviewed.csv`: what a person has heard, a label file of its own that outranks every teacher.

Whatever is said is on the disk before anything else is asked. The file is replaced as a whole, so that a
crash leaves the one before or the one after.
"""

import os
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from agent.hearing.sound import SOUNDS, Sound
from agent.train.errors import MaterialError
from agent.train.labels.label_table import Row, read_rows, write_rows
from agent.train.labels.labelling import LabelledSecond
from agent.train.student.examples import REVIEWED

NAME = "reviewed.csv"

Place = tuple[str, int]
"""A recording and the start of a second in it."""


class Reviewed:
    """The labels of one person at work. Use it from one thread at a time."""

    def __init__(self, path: Path) -> None:
        """Open the file, or begin with none.

        Raises:
            MaterialError: it is there and not understood.
        """
        self._path = path
        self._rows: dict[Place, Row] = {}
        self._undo: list[dict[Place, Row | None]] = []
        if path.exists():
            self._rows = {(row.file, row.second.start): row for row in read_rows(path)}

    def __len__(self) -> int:
        return len(self._rows)

    def sound(self, file: str, start: int) -> Sound | None:
        """Return what was said of a second."""
        row = self._rows.get((file, start))
        return None if row is None else row.second.sound

    def label(self, file: str, starts: Iterable[int], sound: Sound | None) -> None:
        """Say what seconds of a recording sound like; None takes back what was said.

        Raises:
            MaterialError: the file cannot be written; then nothing was said.
        """
        new: dict[Place, Row | None] = {
            (file, start): None if sound is None else _row(file, start, sound) for start in starts
        }
        old = {place: self._rows.get(place) for place in new}
        self._put(new)
        self._undo.append(old)

    def undo(self) -> Place | None:
        """Take back what was said last, and return the first second that it was about.

        None where nothing was said since the file was opened.

        Raises:
            MaterialError: the file cannot be written; then nothing was taken back.
        """
        while self._undo:
            self._put(self._undo[-1])
            if before := self._undo.pop():
                return min(before)
        return None

    def _put(self, changes: Mapping[Place, Row | None]) -> None:
        rows = {**self._rows, **changes}
        kept = {place: rows[place] for place in sorted(rows)}
        whole = {place: row for place, row in kept.items() if row is not None}
        try:
            _replace(self._path, whole.values())
        except OSError as error:
            raise MaterialError(
                f"{self._path} cannot be written ({error.strerror or error}): make room for it"
            ) from error
        self._rows = whole


def _row(file: str, start: int, sound: Sound) -> Row:
    soft = [float(sound is each) for each in SOUNDS]
    second = LabelledSecond(start, sound, (soft[0], soft[1], soft[2], soft[3]), 1.0, ambiguous=False)
    return Row(file, second, REVIEWED)


def _replace(path: Path, rows: Iterable[Row]) -> None:
    descriptor, name = tempfile.mkstemp(prefix=path.name, suffix=".part", dir=path.parent)
    draft = Path(name)
    try:
        os.fchmod(descriptor, 0o640)
        write_rows(draft, rows, path.suffix)
        os.fsync(descriptor)
        draft.replace(path)
    finally:
        os.close(descriptor)
        with suppress(FileNotFoundError):
            draft.unlink()
