"""Labelled recordings on disk while the work lasts: `<out>.part`, so that an interruption costs little.

A line of JSON that says what the work is, then one line for each recording: `{"file", "seconds"}`, or
`{"file", "refused"}` with the reason. A crash may tear the last line; it is cut off and done again.
"""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from agent.hearing.sound import Sound
from agent.train.errors import MaterialError
from agent.train.labels.labelling import LabelledSecond


def pack(name: str, outcome: list[LabelledSecond] | str) -> bytes:
    """Write what became of a recording as one line: its seconds, or why there are none."""
    if isinstance(outcome, str):
        return json.dumps({"file": name, "refused": outcome}).encode() + b"\n"
    seconds = [
        [s.start, s.sound.value, [round(soft, 6) for soft in s.soft], round(s.agreement, 6), s.ambiguous]
        for s in outcome
    ]
    return json.dumps({"file": name, "seconds": seconds}).encode() + b"\n"


def _unpack(line: bytes) -> list[LabelledSecond] | str:
    record = json.loads(line)
    if "refused" in record:
        return str(record["refused"])
    return [
        LabelledSecond(start, Sound(sound), tuple(soft), agreement, ambiguous)
        for start, sound, soft, agreement, ambiguous in record["seconds"]
    ]


class Part:
    """An open part: what is done, by the name of the recording."""

    def __init__(self, file: BinaryIO, places: dict[str, int]) -> None:
        self._file = file
        self._places = places

    def __contains__(self, name: str) -> bool:
        return name in self._places

    def __len__(self) -> int:
        return len(self._places)

    def add(self, lines: Mapping[str, bytes]) -> None:
        """Keep what became of recordings, one line each."""
        self._file.seek(0, os.SEEK_END)
        for name, line in lines.items():
            self._places[name] = self._file.tell()
            self._file.write(line)
        self._file.flush()

    def outcome(self, name: str) -> list[LabelledSecond] | str:
        """Return the seconds of a recording, or why there are none."""
        self._file.seek(self._places[name])
        return _unpack(self._file.readline())


@contextmanager
def open_part(path: Path, terms: Mapping[str, Any]) -> Iterator[Part]:
    """Open or begin a part; one in which nothing was done does not stay.

    Args:
        path: where it lies.
        terms: what must be the same for work to be continued.

    Raises:
        MaterialError: it holds other work, or another process is at it.
        OSError: it cannot be written.
    """
    first = json.dumps({"terms": terms}).encode() + b"\n"
    with path.open("a+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise MaterialError(
                f"{path} is being written by another process: wait for it, or name another --out"
            ) from error
        part = Part(file, _resume(file, path, first))
        try:
            yield part
        finally:
            if not len(part):
                path.unlink(missing_ok=True)


def _resume(file: BinaryIO, path: Path, first: bytes) -> dict[str, int]:
    """Return where in the file each recording stands, after cutting off what is torn."""
    file.seek(0)
    found = file.readline()
    if not found.endswith(b"\n"):  # new, or torn before anything was done
        file.truncate(0)
        file.write(first)
        file.flush()
        return {}
    if found != first:
        raise MaterialError(
            f"{path} holds work with other settings: remove it to begin anew, or name another --out"
        )
    places: dict[str, int] = {}
    while True:
        at = file.tell()
        line = file.readline()
        if not line.endswith(b"\n"):
            file.truncate(at)
            return places
        places[json.loads(line)["file"]] = at
