"""How often a number was called: one budget for each, whatever the reasons, kept over restarts."""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic

import structlog

log = structlog.get_logger(__name__)

_BUSY_SECONDS = 0.5
_RETRY_SECONDS = 5.0
_PRUNE_EVERY = 1000
_CACHE_KB = 256
"""Of the file, in memory: left to itself SQLite gathers 2 MB, and counts no faster."""
_SCHEMA = f"""
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
PRAGMA cache_size = -{_CACHE_KB};
CREATE TABLE IF NOT EXISTS attempt
    (leg TEXT PRIMARY KEY, number TEXT NOT NULL, at REAL NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS attempt_of_number ON attempt (number, at);
CREATE INDEX IF NOT EXISTS attempt_by_age ON attempt (at);
"""


class Attempts:
    """Counts calls per number in SQLite, in a thread of its own.

    A database that is missing, locked or broken never hurts a call: the count is then 0, so that no
    budget counts as spent, and the fault is logged once.
    """

    def __init__(
        self,
        file: Path,
        *,
        maximum: int,
        period_seconds: float,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """Count in a file; `clock` says when to try again, whatever becomes of the time of day."""
        self._file = file
        self._maximum = maximum
        self._period = period_seconds
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="attempts")
        self._thread.submit(int)  # begins the thread now: when memory is short none could be had
        self._database: sqlite3.Connection | None = None
        self._counted = 0
        self._clock = clock
        self._failing = False
        self._retry_at = 0.0

    async def count(self, leg_id: str, number: str, now: float) -> int:
        """Count a leg once, and return the calls of its number within the period, this one included.

        Args:
            leg_id: id of the leg; counting it again adds nothing.
            number: digest of the number; an empty one is not counted.
            now: seconds since 1970.
        """
        if not number:
            return 0
        return await asyncio.get_running_loop().run_in_executor(
            self._thread, self._count_or_nothing, leg_id, number, now
        )

    def spent(self, count: int) -> bool:
        """Tell whether a count leaves no further call."""
        return count >= self._maximum

    def close(self) -> None:
        """Finish what was begun and close the database."""
        self._thread.submit(self._drop)
        self._thread.shutdown()

    def _count_or_nothing(self, leg_id: str, number: str, now: float) -> int:
        # A locked database makes each call wait: calls that come meanwhile must not queue up behind it.
        if self._failing and self._clock() < self._retry_at:
            return 0
        try:
            count = self._count(leg_id, number, now)
        except sqlite3.Error as error:
            self._drop()
            self._retry_at = self._clock() + _RETRY_SECONDS
            if not self._failing:
                log.error(
                    "attempts cannot be counted, none counts as spent",
                    file=str(self._file),
                    reason=str(error),
                )
            self._failing = True
            return 0
        if self._failing:
            log.info("attempts are counted again", file=str(self._file))
        self._failing = False
        return count

    def _count(self, leg_id: str, number: str, now: float) -> int:
        database = self._database or self._open()
        since = now - self._period
        with database:
            if self._counted % _PRUNE_EVERY == 0:
                database.execute("DELETE FROM attempt WHERE at < ?", (since,))
            database.execute("INSERT OR IGNORE INTO attempt VALUES (?, ?, ?)", (leg_id, number, now))
            query = "SELECT count(*) FROM attempt WHERE number = ? AND at >= ?"
            (count,) = database.execute(query, (number, since)).fetchone()
        self._counted += 1
        return int(count)

    def _open(self) -> sqlite3.Connection:
        self._database = sqlite3.connect(self._file, timeout=_BUSY_SECONDS)
        self._database.executescript(_SCHEMA)
        return self._database

    def _drop(self) -> None:
        if self._database is not None:
            self._database.close()
            self._database = None
