"""The folder on tmpfs through which FreeSWITCH's recordings reach the agent.

FreeSWITCH writes native recordings with mode 0600, so every file is made here beforehand: FreeSWITCH
truncates it and keeps owner and mode. The folder's group (setgid) is FreeSWITCH's. A file is gone from the
folder as soon as FreeSWITCH has it open, and from memory when both let go: whatever dies, nothing is left
behind.
"""

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from errno import ENOSPC
from hashlib import sha256
from pathlib import Path

from agent.hearing.sound import Encoding

NATIVE: dict[str, Encoding] = {"PCMU": Encoding.ULAW, "PCMA": Encoding.ALAW}
"""Codecs whose bytes are read as they are, by the name that ends the file's."""
LINEAR_ENDING = ".r8"
PREFIX = "em-"
FILE_MODE = 0o660
MIN_FREE_BYTES = 16 * 1024 * 1024
"""With less room than this no recording is begun: a full tmpfs hurts everyone on the machine."""

_FOLDER = re.compile(r"(/[\w-]+)+", re.ASCII)
_STEM = re.compile(r"[\w-]+", re.ASCII)


class SpoolError(OSError):
    """The folder cannot take a recording; the text says in one sentence why."""

    def __str__(self) -> str:
        return self.strerror or ""


@dataclass(slots=True)
class Recording:
    """The files of one recording, open for reading before FreeSWITCH knows of them."""

    path: str
    """What FreeSWITCH is told to record into; without a dot it records natively and adds the endings."""
    files: dict[str, int]
    """Descriptors by the ending of the file, e.g. `-in.PCMU`."""

    def take(self, ending: str) -> int:
        """Return a descriptor that is the caller's to close from now on."""
        return self.files.pop(ending)

    def close(self) -> None:
        """Take every file out of the folder and close what was not taken; harmless to call twice."""
        for fd in self.files.values():
            os.close(fd)
        self.files.clear()
        _clear(Path(self.path.removesuffix(LINEAR_ENDING)))


class Spool:
    """One folder; nothing but this agent's recordings in it begins with `PREFIX`."""

    def __init__(self, folder: Path) -> None:
        """Check the path; raises ValueError for one that would not reach FreeSWITCH as it is.

        A dot anywhere in it would make FreeSWITCH take what follows for a file format.
        """
        if not _FOLDER.fullmatch(str(folder)):
            raise ValueError(
                f"freeswitch.tap_folder: {folder} cannot be used, choose an absolute path of letters, "
                f"digits, '-' and '_' such as /dev/shm/earlymedia."
            )
        self._folder = folder

    def open(self) -> None:
        """Make the folder where it is missing, and clear what an agent that died left; raises SpoolError."""
        try:
            self._folder.mkdir(mode=0o770, exist_ok=True)
            for file in self._folder.glob(f"{PREFIX}*"):
                file.unlink(missing_ok=True)
        except OSError as error:
            raise self._error("cannot be used", error) from None

    def path_of(self, leg_id: str) -> str:
        """Return what a leg's native recording is called; always the same for the same leg."""
        stem = leg_id if _STEM.fullmatch(leg_id) else sha256(leg_id.encode()).hexdigest()
        return str(self._folder / f"{PREFIX}{stem}")

    def clear(self, leg_id: str) -> None:
        """Take whatever bears a leg's name out of the folder."""
        _clear(Path(self.path_of(leg_id)))

    def native(self, leg_id: str) -> Recording:
        """Make the files of a native recording, for whichever codec it will be; raises SpoolError.

        What would be recorded of our own side goes to /dev/null.
        """
        recording = self._begin(self.path_of(leg_id))
        try:
            for codec in NATIVE:
                recording.files[f"-in.{codec}"] = _new_file(f"{recording.path}-in.{codec}")
                Path(f"{recording.path}-out.{codec}").symlink_to("/dev/null")
        except OSError as error:
            recording.close()
            raise self._error("takes no recording", error) from None
        return recording

    def linear(self, leg_id: str) -> Recording:
        """Make the file of a recording of 16-bit samples; raises SpoolError."""
        recording = self._begin(self.path_of(leg_id) + LINEAR_ENDING)
        try:
            recording.files[LINEAR_ENDING] = _new_file(recording.path)
        except OSError as error:
            raise self._error("takes no recording", error) from None
        return recording

    def _begin(self, path: str) -> Recording:
        try:
            room = os.statvfs(self._folder)
        except OSError as error:
            raise self._error("takes no recording", error) from None
        if room.f_bavail * room.f_frsize < MIN_FREE_BYTES:
            least = MIN_FREE_BYTES // 2**20
            raise SpoolError(ENOSPC, f"{self._folder} has less than {least} MiB left: make room there.")
        _clear(Path(path.removesuffix(LINEAR_ENDING)))  # what an agent left that died
        return Recording(path, {})

    def _error(self, what: str, error: OSError) -> SpoolError:
        return SpoolError(
            error.errno,
            f"{self._folder} {what} ({error.strerror}): "
            f"make it with systemd-tmpfiles as docs/freeswitch.md says, and let the agent write there.",
        )


def _clear(path: Path) -> None:
    for pattern in (f"{path.name}-in.*", f"{path.name}-out.*", f"{path.name}{LINEAR_ENDING}"):
        for file in path.parent.glob(pattern):
            with suppress(OSError):
                file.unlink()


def _new_file(path: str) -> int:
    """Make a file that FreeSWITCH may write and return a descriptor to read it by."""
    fd = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
    os.fchmod(fd, FILE_MODE)  # whatever the umask
    return fd
