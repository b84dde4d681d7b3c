"""A folder of kept recordings: `NAME.wav`, every sample as received, and `NAME.json`, one line on the call.

A recording grows as `NAME.part`, bare audio, and gets its names when it is whole, the line last: where there
is a line there is a recording. The oldest go when all together are too large or one is too old.
"""

import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from agent.hearing.sound import Encoding
from agent.service.kept import KeptCall, wav_header
from agent.service.packing import packed

FILE_MODE, FOLDER_MODE = 0o640, 0o750
LONGEST_SECONDS = 600.0
"""What comes later is not kept: early media ends long before, and so a recording fits into memory."""
_SHORTEST_SECONDS = 1.0
_BUFFER_BYTES = 16_384


@dataclass(frozen=True, slots=True)
class Limits:
    """Where recordings lie, how much room they may take, and for how long."""

    folder: Path
    max_bytes: int
    max_age_seconds: float


@dataclass(slots=True)
class _Growing:
    path: Path
    file: BinaryIO
    encoding: Encoding
    data_bytes: int = 0


@dataclass(frozen=True, slots=True)
class _Whole:
    at: float
    """Seconds since 1970."""
    size: int


class Shelf:
    """The folder. It blocks, and every method may raise OSError; use it from one thread."""

    def __init__(self, limits: Limits) -> None:
        self._growing: dict[str, _Growing] = {}
        self._whole: dict[str, _Whole] = {}
        self._known = False
        self.limits = limits

    def move(self, limits: Limits) -> None:
        """Go by other limits from now on; recordings that have begun stay where they are."""
        self._known = self._known and limits.folder == self.limits.folder
        self.limits = limits
        self.tidy()

    def begin(self, name: str, encoding: Encoding) -> None:
        """Begin a recording; a name is used once."""
        self.limits.folder.mkdir(FOLDER_MODE, parents=True, exist_ok=True)
        self.tidy()  # where the oldest cannot be removed nothing may be added
        path = self.limits.folder / f"{name}.part"
        self._growing[name] = _Growing(path, _create(path), encoding)

    def write(self, name: str, data: bytes) -> None:
        """Add audio to a recording; one that was given up or is long enough is passed over."""
        if growing := self._growing.get(name):
            most = round(LONGEST_SECONDS * growing.encoding.bytes_per_second)
            data = data[: most - growing.data_bytes]
            growing.file.write(data)
            growing.data_bytes += len(data)

    def finish(self, name: str, call: KeptCall, cut_bytes: int = 0) -> bool:
        """Keep a recording without its last bytes; say whether anything of it was worth keeping."""
        if (growing := self._growing.get(name)) is None:
            return False
        growing.file.close()
        rate = growing.encoding.bytes_per_second
        keep_bytes = max(0, growing.data_bytes - cut_bytes)
        keep_bytes -= keep_bytes % (rate // 8000)  # no half sample
        if keep_bytes < _SHORTEST_SECONDS * rate:
            self.discard(name)
            return False
        encoding, data = packed(growing.encoding, growing.path.read_bytes()[:keep_bytes])
        growing.path.write_bytes(wav_header(encoding, len(data)) + data + bytes(len(data) % 2))
        del self._growing[name]
        size = growing.path.stat().st_size
        try:
            line = growing.path.with_suffix(".line")
            with _create(line) as lines:
                lines.write(call.model_dump_json().encode() + b"\n")
            growing.path.rename(growing.path.with_suffix(".wav"))
            line.rename(growing.path.with_suffix(".json"))
        except OSError:
            _remove(growing.path)
            raise
        if growing.path.parent == self.limits.folder:
            self._whole[name] = _Whole(time.time(), size)
        self.tidy()
        return True

    def discard(self, name: str) -> None:
        """Give up a recording that has begun."""
        if growing := self._growing.pop(name, None):
            with suppress(OSError):  # what could not be written cannot be flushed either
                growing.file.close()
            _remove(growing.path)

    def clear(self) -> None:
        """Give up every recording that has begun."""
        for name in list(self._growing):
            with suppress(OSError):
                self.discard(name)

    def tidy(self) -> None:
        """Remove what is too old, and the oldest of what is too much."""
        if not self._known:
            self._look()
        oldest = sorted(self._whole.items(), key=lambda item: item[1].at)
        room = self.limits.max_bytes - sum(whole.size for whole in self._whole.values())
        for name, whole in oldest:
            if room >= 0 and time.time() - whole.at <= self.limits.max_age_seconds:
                break
            _remove(self.limits.folder / f"{name}.part")
            del self._whole[name]
            room += whole.size

    def _look(self) -> None:
        """Find what an earlier run has left: whole recordings, and pieces that nobody will finish."""
        self._whole.clear()
        if self.limits.folder.is_dir():
            for piece in ("*.part", "*.line"):
                for path in self.limits.folder.glob(piece):
                    if path.stem not in self._growing:
                        _remove(path)
            for path in self.limits.folder.glob("*.wav"):
                status = path.stat()
                self._whole[path.stem] = _Whole(status.st_mtime, status.st_size)
        self._known = True


def _create(path: Path) -> BinaryIO:
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags, FILE_MODE)
    os.fchmod(descriptor, FILE_MODE)  # whatever the umask
    return os.fdopen(descriptor, "wb", buffering=_BUFFER_BYTES)


def _remove(part: Path) -> None:
    for suffix in (".part", ".json", ".line", ".wav"):
        part.with_suffix(suffix).unlink(missing_ok=True)
