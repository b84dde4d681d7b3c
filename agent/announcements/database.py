"""The library's SQLite file: its schema, opening it, and saying what is wrong with it."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from agent.hearing.landmarks import HASHES
from agent.hearing.tape import PRINT_VERSION, Fingerprint
from agent.yaml_file import reason

PATIENCE_SECONDS = 10.0
"""How long a command waits for another one that changes the library."""
FILE_MODE = 0o660
"""For the agent's user and its group: what callers and callees have said may be in it."""
_SCHEMA_VERSION = 1
_SCHEMA = """
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS announcement (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, entry TEXT NOT NULL, added REAL NOT NULL);
CREATE TABLE IF NOT EXISTS recording (
    id INTEGER PRIMARY KEY, announcement INTEGER NOT NULL REFERENCES announcement ON DELETE CASCADE,
    sha256 TEXT NOT NULL UNIQUE, fingerprint BLOB NOT NULL, version INTEGER NOT NULL, pcm BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS recording_of ON recording (announcement);
CREATE TABLE IF NOT EXISTS unknown (
    id INTEGER PRIMARY KEY, calls INTEGER NOT NULL, first_seen REAL NOT NULL, last_seen REAL NOT NULL,
    fingerprint BLOB NOT NULL, version INTEGER NOT NULL, pcm BLOB);
CREATE TABLE IF NOT EXISTS sighting (
    unknown INTEGER NOT NULL REFERENCES unknown ON DELETE CASCADE, trunk TEXT NOT NULL,
    sip_code INTEGER NOT NULL, calls INTEGER NOT NULL, PRIMARY KEY (unknown, trunk, sip_code)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS change (id INTEGER PRIMARY KEY CHECK (id = 1), count INTEGER NOT NULL);
INSERT OR IGNORE INTO change VALUES (1, 0);
CREATE TRIGGER IF NOT EXISTS announcement_added AFTER INSERT ON announcement
    BEGIN UPDATE change SET count = count + 1; END;
CREATE TRIGGER IF NOT EXISTS announcement_changed AFTER UPDATE ON announcement
    BEGIN UPDATE change SET count = count + 1; END;
CREATE TRIGGER IF NOT EXISTS announcement_removed AFTER DELETE ON announcement
    BEGIN UPDATE change SET count = count + 1; END;
CREATE TRIGGER IF NOT EXISTS recording_added AFTER INSERT ON recording
    BEGIN UPDATE change SET count = count + 1; END;
CREATE TRIGGER IF NOT EXISTS recording_removed AFTER DELETE ON recording
    BEGIN UPDATE change SET count = count + 1; END;
PRAGMA user_version = 1;
COMMIT;
"""


class LibraryError(Exception):
    """The library cannot do that; its text is one sentence for the admin."""


def connect(file: Path, patience_seconds: float = PATIENCE_SECONDS) -> sqlite3.Connection:
    """Open a library, or make it where there is none; transactions are whole whatever happens to us.

    Where root makes it, it belongs to the owner of its folder, which is the agent's user.

    Raises:
        LibraryError: the file is no library, comes from a newer version, or cannot be read and written.
    """
    with explained(file):
        _make(file)
        database = sqlite3.connect(file, timeout=patience_seconds)
        try:
            (version,) = database.execute("PRAGMA user_version").fetchone()
            if version > _SCHEMA_VERSION:
                raise LibraryError(f"{file}: was made by a newer version; update the agent.")
            database.execute("PRAGMA foreign_keys = ON")
            database.execute("PRAGMA secure_delete = ON")  # what was said is gone when it is forgotten
            if version < _SCHEMA_VERSION:
                others = database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
                if others:
                    raise LibraryError(f"{file}: is a database of something else; name another file.")
                database.execute("PRAGMA journal_mode = WAL")
                database.executescript(_SCHEMA)
        except BaseException:
            database.close()
            raise
    return database


def _make(file: Path) -> None:
    """Make an empty file; SQLite gives its mode and, as root, its owner to those it makes beside it."""
    with suppress(FileExistsError):
        descriptor = os.open(file, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, FILE_MODE)
        try:
            os.fchmod(descriptor, FILE_MODE)
            if os.geteuid() == 0:
                owner = file.parent.stat()
                os.fchown(descriptor, owner.st_uid, owner.st_gid)
        finally:
            os.close(descriptor)


@contextmanager
def explained(file: Path) -> Iterator[None]:
    """Turn what SQLite complains about into a sentence."""
    try:
        yield
    except sqlite3.Error as error:
        raise LibraryError(f"{file}: {_remedy(error)}.") from error
    except OSError as error:
        raise LibraryError(f"{file}: cannot be opened ({reason(error)}); {_GIVE_RIGHTS}.") from error


_GIVE_RIGHTS = "make its folder, or run this as root or as the agent's user"


def _remedy(error: sqlite3.Error) -> str:
    match getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF:
        case sqlite3.SQLITE_NOTADB:
            return "is no library of announcements; name another file"
        case sqlite3.SQLITE_CORRUPT:
            return "is damaged; restore it from a backup or an export"
        case sqlite3.SQLITE_CANTOPEN:
            return f"cannot be opened; {_GIVE_RIGHTS}"
        case sqlite3.SQLITE_READONLY:
            return "may not be written; run this as root or as the agent's user"
        case sqlite3.SQLITE_BUSY:
            return "is in use by another command; try again"
        case sqlite3.SQLITE_FULL:
            return "does not fit on the disk; make room there"
        case _:
            return f"cannot be used ({error}); check the file and its folder"


def pack(fingerprint: Fingerprint) -> bytes:
    """Write a fingerprint as bytes: counts, hashes, frames, sub-fingerprints, all little-endian."""
    counts = np.array([fingerprint.hashes.size, len(fingerprint.prints)], "<u4")
    parts = (counts, fingerprint.hashes.astype("<u4"), fingerprint.frames.astype("<u4"), fingerprint.prints)
    return b"".join(part.tobytes() for part in parts)


def unpack(data: bytes, version: int) -> Fingerprint | None:
    """Read what `pack` wrote, None where it is of another version or was damaged."""
    if version != PRINT_VERSION or len(data) < 8:
        return None
    landmarks, frames = (int(count) for count in np.frombuffer(data, "<u4", 2))
    if len(data) != 8 + 8 * landmarks + 8 * frames:
        return None
    hashes = np.frombuffer(data, "<u4", landmarks, 8)
    places = np.frombuffer(data, "<u4", landmarks, 8 + 4 * landmarks)
    if landmarks and (hashes.max() >= HASHES or places.max() >= frames):
        return None
    return Fingerprint(
        hashes, places, np.frombuffer(data, np.uint8, 8 * frames, 8 + 8 * landmarks).reshape(frames, 8)
    )
