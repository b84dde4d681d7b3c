"""Known announcements and their recordings in one SQLite file."""

import hashlib
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from agent.announcements.announcement import Announcement
from agent.announcements.database import (
    PATIENCE_SECONDS,
    LibraryError,
    connect,
    explained,
    pack,
    unpack,
)
from agent.hearing.known import Known
from agent.hearing.mel import log_mel
from agent.hearing.pcm import SAMPLE_RATE, Samples
from agent.hearing.recognition import identify
from agent.hearing.spectrogram import power_spectrogram
from agent.hearing.tape import PRINT_VERSION, Fingerprint

SHORTEST_SECONDS, LONGEST_SECONDS = 2.5, 300.0
_FEWEST_LANDMARKS = 60


@dataclass(frozen=True, slots=True)
class Shelved:
    """An announcement as the library has it."""

    announcement: Announcement
    added: float
    """Seconds since 1970."""
    recordings: int
    seconds: float
    """Length of all its recordings."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The library as it was at one moment, ready to recognise by."""

    change: int
    """Grows with every change of the library."""
    announcements: tuple[Announcement, ...]
    known: Known
    """Owners count `announcements`."""


class Library:
    """The library; every change is whole or not there, whatever happens meanwhile.

    Every method raises LibraryError where the file cannot be used. Use it from one thread.
    """

    def __init__(self, file: Path, patience_seconds: float = PATIENCE_SECONDS) -> None:
        """Open a library, or make it; wait at most so long for others that change it."""
        self.file = file
        self.database = connect(file, patience_seconds)
        self._identity = _identity(file)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self.database.close()

    def was_replaced(self) -> bool:
        """Say whether the file is not the one that was opened any more: it was removed or restored."""
        return _identity(self.file) != self._identity

    def add(self, announcement: Announcement, recordings: Iterable[Samples]) -> None:
        """Add recordings, (n,) at 8 kHz each, to an announcement; what it says of itself replaces what stood.

        Raises:
            LibraryError: a recording is too short, says too little, or is known under another name.
        """
        self.add_all([(announcement, recordings)])

    def add_all(self, items: Iterable[tuple[Announcement, Iterable[Samples]]]) -> None:
        """Add many announcements, all of them or, where one is refused, none."""
        with explained(self.file), self.database:
            self.database.execute("BEGIN IMMEDIATE")
            new = [
                (announcement.name, fingerprint)
                for announcement, recordings in items
                for fingerprint in self._shelve(announcement, recordings)
            ]
            self._refuse_confusion(new)
            self._forget_unknown([fingerprint for _, fingerprint in new])

    def remove(self, name: str) -> None:
        """Forget an announcement and its recordings; raises LibraryError where there is none."""
        with explained(self.file), self.database:
            if not self.database.execute("DELETE FROM announcement WHERE name = ?", (name,)).rowcount:
                raise self._no_such(name)

    def shelved(self) -> list[Shelved]:
        """Return all announcements by name."""
        query = """SELECT entry, added, count(recording.id), coalesce(sum(length(pcm)), 0) FROM announcement
            LEFT JOIN recording ON recording.announcement = announcement.id GROUP BY name ORDER BY name"""
        with explained(self.file):
            return [
                Shelved(self._read(entry), added, count, size / 2 / SAMPLE_RATE)
                for entry, added, count, size in self.database.execute(query)
            ]

    def recordings(self, name: str) -> list[Samples]:
        """Return an announcement's recordings, (n,) at 8 kHz; raises LibraryError where there is none."""
        query = "SELECT pcm FROM recording WHERE announcement = ? ORDER BY id"
        with explained(self.file):
            found = self.database.execute("SELECT id FROM announcement WHERE name = ?", (name,)).fetchone()
            if found is None:
                raise self._no_such(name)
            return [from_pcm16(pcm) for (pcm,) in self.database.execute(query, found)]

    def change(self) -> int:
        """Return how often the library was changed; asking each second costs nothing."""
        with explained(self.file):
            return int(self.database.execute("SELECT count FROM change").fetchone()[0])

    def snapshot(self) -> Snapshot:
        """Return all of it, ready to recognise by."""
        with explained(self.file), self.database:
            self.database.execute("BEGIN")
            return self._snapshot()

    def _snapshot(self) -> Snapshot:
        rows = self.database.execute("SELECT id, entry FROM announcement ORDER BY name").fetchall()
        place = {row: index for index, (row, _) in enumerate(rows)}
        query = "SELECT announcement, fingerprint, version, id FROM recording ORDER BY id"
        recordings = [
            (place[owner], unpack(data, version) or self._made_anew(row))
            for owner, data, version, row in self.database.execute(query)
        ]
        (change,) = self.database.execute("SELECT count FROM change").fetchone()
        announcements = tuple(self._read(entry) for _, entry in rows)
        known = Known.of(recordings, [announcement.title for announcement in announcements])
        return Snapshot(change, announcements, known)

    def _made_anew(self, row: int) -> Fingerprint:
        (pcm,) = self.database.execute("SELECT pcm FROM recording WHERE id = ?", (row,)).fetchone()
        return fingerprint_of(from_pcm16(pcm))

    def _enter(self, announcement: Announcement) -> int:
        update = "ON CONFLICT (name) DO UPDATE SET entry = excluded.entry RETURNING id"
        entry = announcement.model_dump_json(exclude_unset=True)
        row = self.database.execute(
            f"INSERT INTO announcement (name, entry, added) VALUES (?, ?, ?) {update}",  # noqa: S608
            (announcement.name, entry, time.time()),
        ).fetchone()
        return int(row[0])

    def _shelve(self, announcement: Announcement, recordings: Iterable[Samples]) -> Iterator[Fingerprint]:
        """Enter an announcement and its recordings; yield the fingerprints of those that are new."""
        owner = self._enter(announcement)
        for recording in recordings:
            seconds = recording.size / SAMPLE_RATE
            if not SHORTEST_SECONDS <= seconds <= LONGEST_SECONDS:
                raise LibraryError(
                    f"'{announcement.name}': a recording lasts {seconds:.1f} s; "
                    f"give one of {SHORTEST_SECONDS:g} to {LONGEST_SECONDS:g} s."
                )
            fingerprint = fingerprint_of(recording)
            if fingerprint.hashes.size < _FEWEST_LANDMARKS:
                raise LibraryError(
                    f"'{announcement.name}': a recording holds too little speech to be known by; give more."
                )
            pcm = to_pcm16(recording)
            digest = hashlib.sha256(pcm).hexdigest()
            query = """SELECT name FROM announcement
                WHERE id = (SELECT announcement FROM recording WHERE sha256 = ?)"""
            if (row := self.database.execute(query, (digest,)).fetchone()) is None:
                self.database.execute(
                    "INSERT INTO recording (announcement, sha256, pcm, fingerprint, version)"
                    " VALUES (?, ?, ?, ?, ?)",
                    (owner, digest, pcm, pack(fingerprint), PRINT_VERSION),
                )
                yield fingerprint
            elif row[0] != announcement.name:
                raise _confused(announcement.name, row[0])

    def _refuse_confusion(self, new: Sequence[tuple[str, Fingerprint]]) -> None:
        """Raise LibraryError where something new is recognised as another announcement, old or new."""
        snapshot = self._snapshot()
        names = np.array([announcement.name for announcement in snapshot.announcements])
        for name, fingerprint in new:
            if (match := identify(snapshot.known, fingerprint, names != name)) is not None:
                raise _confused(name, str(names[match.owner]))

    def _forget_unknown(self, new: Sequence[Fingerprint]) -> None:
        """Forget the unknown announcements that are known now."""
        known = Known.of([(0, fingerprint) for fingerprint in new])
        query = "SELECT id, fingerprint, version FROM unknown"
        explained_now = [
            (row,)
            for row, data, version in self.database.execute(query)
            if (unknown := unpack(data, version)) is not None and identify(known, unknown) is not None
        ]
        self.database.executemany("DELETE FROM unknown WHERE id = ?", explained_now)

    def _read(self, entry: str) -> Announcement:
        try:
            return Announcement.model_validate_json(entry)
        except ValueError as error:
            raise LibraryError(f"{self.file}: is damaged; restore it from a backup or an export.") from error

    def _no_such(self, name: str) -> LibraryError:
        return LibraryError(
            f"{self.file}: knows no announcement '{name}'; see `earlymedia announcements list`."
        )


def _identity(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _confused(name: str, other: str) -> LibraryError:
    return LibraryError(
        f"'{name}': a recording is already known as '{other}'; remove that first, or add it under that name."
    )


def fingerprint_of(recording: Samples) -> Fingerprint:
    """Take the fingerprint of (n,) samples at 8 kHz."""
    return Fingerprint.of(log_mel(power_spectrogram(recording)))


def to_pcm16(samples: Samples) -> bytes:
    """Return samples in [-1, 1) as signed 16-bit little-endian."""
    pcm: bytes = np.clip(np.rint(samples * 32768.0), -32768, 32767).astype("<i2").tobytes()
    return pcm


def from_pcm16(data: bytes) -> Samples:
    """Return what `to_pcm16` wrote."""
    return np.frombuffer(data, "<i2", len(data) // 2).astype(np.float32) / np.float32(32768)
