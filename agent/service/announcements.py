"""What is known of announcements while the agent runs: the library as it is now, and what gathers itself.

A thread of its own has the library's file, so that neither a call nor a tick ever waits for it. A file
that cannot be used costs a log line; what was known before stays known, and it is tried again.
"""

import queue
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Self

import structlog

from agent.announcements.announcement import Announcement
from agent.announcements.database import LibraryError
from agent.announcements.gathering import Gathering, Limits
from agent.announcements.library import Library, Snapshot
from agent.config import AnnouncementsConfig
from agent.hearing.known import Known
from agent.hearing.pcm import Decoder
from agent.hearing.recognition import Recollection, identify
from agent.hearing.sound import Encoding

log = structlog.get_logger(__name__)

QUEUE_LENGTH = 200
"""Calls that may wait to be gathered; more are lost and counted. With excerpts of 12 s they take 40 MB."""
REFRESH_SECONDS = 1.0
RETRY_SECONDS = 5.0
TIDY_SECONDS = 600.0
FEWEST_LANDMARKS = 150
"""Speech that has fewer is too little to be told from other speech: 1.5 s of it."""
_PATIENCE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Unexplained:
    """The speech of a call that is over, which no announcement explains."""

    recollection: Recollection
    starts: frozenset[float]
    """Starts of its seconds, in seconds of audio."""
    trunk: str
    sip_code: int | None
    """The carrier's final code."""
    encoding: Encoding
    audio: bytes
    """The same speech, empty where none is kept."""


@dataclass(slots=True)
class _Open:
    library: Library
    gathering: Gathering
    snapshot: Snapshot

    @classmethod
    def at(cls, file: Path) -> Self:
        library = Library(file, _PATIENCE_SECONDS)
        try:
            return cls(library, Gathering(library), library.snapshot())
        except BaseException:
            library.close()
            raise


class Announcements:
    """Keeps the library at hand. `named` and `gather` return at once and raise nothing."""

    def __init__(
        self, config: Callable[[], AnnouncementsConfig], on_change: Callable[[Known | None], None]
    ) -> None:
        """Begin to read; `on_change` is told in another thread what is known, None where nothing is to be."""
        self._config = config
        self._on_change = on_change
        self._by_name: Mapping[str, Announcement] = {}
        self._waiting: queue.Queue[Unexplained | None] = queue.Queue(QUEUE_LENGTH)
        self._open: _Open | None = None
        self._told: Known | None = None
        self._failing = False
        self._losing = threading.Lock()
        self._retry_at = self._tidy_at = 0.0
        self.lost = 0
        """Calls whose speech could not be gathered."""
        self._worker = threading.Thread(target=self._work, name="announcements", daemon=True)
        self._worker.start()

    @property
    def known(self) -> int:
        """How many announcements are known."""
        return len(self._by_name)

    def named(self, name: str) -> Announcement | None:
        """Return the announcement of a name, None where it was removed meanwhile."""
        return self._by_name.get(name)

    def gather(self, unexplained: Unexplained) -> None:
        """Compare a call's speech with that of others, some time soon."""
        try:
            self._waiting.put_nowait(unexplained)
        except queue.Full:
            self._lose()

    def close(self, timeout_seconds: float = 2.0) -> None:
        """Gather what waits, for as long as `timeout_seconds`, and stop."""
        with suppress(queue.Full):
            self._waiting.put(None, timeout=timeout_seconds)
        self._worker.join(timeout_seconds)

    def _work(self) -> None:
        refresh_at = 0.0
        while True:
            if monotonic() >= refresh_at:
                self._guarded(self._refresh)
                refresh_at = monotonic() + REFRESH_SECONDS
            with suppress(queue.Empty):
                unexplained = self._waiting.get(timeout=max(0.0, refresh_at - monotonic()))
                if unexplained is None:
                    self._drop()
                    return
                if not self._guarded(partial(self._gather, unexplained)):
                    self._lose()

    def _lose(self) -> None:
        with self._losing:
            self.lost += 1

    def _guarded(self, job: Callable[[], None]) -> bool:
        """Do something with the library and say whether it went well; a fault is logged once."""
        if self._failing and monotonic() < self._retry_at:
            return False
        try:
            job()
        except Exception as error:  # whatever the file holds, the thread must live on
            self._drop()
            self._retry_at = monotonic() + RETRY_SECONDS
            if not self._failing:
                expected = isinstance(error, LibraryError)
                log.warning(
                    "announcements cannot be read or gathered, calls go on with what was known",
                    reason=str(error),
                    exc_info=not expected,
                )
            self._failing = True
            return False
        if self._failing:
            log.info("announcements are read and gathered again", known=self.known, lost=self.lost)
        self._failing = False
        return True

    def _refresh(self) -> None:
        """Look for changes in the file and in the configuration."""
        config = self._config()
        if self._open and (self._open.library.file != config.file or self._open.library.was_replaced()):
            self._drop()
        if self._open is None:
            self._open = _Open.at(config.file)
        elif self._open.library.change() != self._open.snapshot.change:
            self._open.snapshot = self._open.library.snapshot()
        self._open.gathering.limits = _limits(config)
        self._tell(self._open.snapshot, gathers=config.most_unknown > 0)
        if monotonic() >= self._tidy_at:  # after the telling: a locked file can be read all the same
            self._open.gathering.tidy(time.time())
            self._tidy_at = monotonic() + TIDY_SECONDS

    def _tell(self, snapshot: Snapshot, *, gathers: bool) -> None:
        # Without announcements recognition is only of use for what it collects.
        known = snapshot.known if snapshot.announcements or gathers else None
        if known is not self._told:
            self._by_name = {announcement.name: announcement for announcement in snapshot.announcements}
            self._told = known
            self._on_change(known)
            log.info("announcements are read", known=self.known, gathers=gathers)

    def _gather(self, unexplained: Unexplained) -> None:
        if self._open is None:
            self._refresh()
        assert self._open is not None
        fingerprint = unexplained.recollection.collected(unexplained.starts)
        if not self._open.gathering.limits.most_unknown or fingerprint.hashes.size < FEWEST_LANDMARKS:
            return
        known = self._open.snapshot.known
        if identify(known, fingerprint, known.allowed(unexplained.trunk)) is not None:
            return  # too short for the live call to be sure, or added since
        audio = unexplained.audio
        speech = Decoder(unexplained.encoding).decode(audio) if audio else None
        self._open.gathering.heard(fingerprint, unexplained.trunk, unexplained.sip_code, time.time(), speech)

    def _drop(self) -> None:
        if self._open is not None:
            self._open.library.close()
        self._open = None


def _limits(config: AnnouncementsConfig) -> Limits:
    return Limits(
        most_unknown=config.most_unknown,
        excerpt_seconds=config.excerpt_seconds,
        excerpts=config.most_excerpts,
        forget_after_seconds=config.forget_after_days * 86_400,
    )
