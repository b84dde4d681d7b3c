"""Keeps early media on disk in a thread of its own, so that no disk ever holds a call."""

import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import structlog

from agent.hearing.sound import Encoding
from agent.service.kept import KeptCall
from agent.service.shelf import Limits, Shelf

log = structlog.get_logger(__name__)

QUEUE_BYTES = 16_000_000
"""Audio that may wait for the disk; a recording that would need more is given up and counted."""
TIDY_EVERY_SECONDS = 600.0
"""How often recordings that are too old are looked for while no call ends."""
_JOB_BYTES = 500


class Keeper:
    """Takes what calls say and gives it to the shelf. Every method returns at once and raises nothing."""

    def __init__(self, limits: Limits) -> None:
        self._shelf = Shelf(limits)
        self._waiting: queue.SimpleQueue[tuple[str, int, Callable[[], object]] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._waiting_bytes = 0
        self._given_up: set[str] = set()
        self._failing = False
        self.kept = 0
        """Recordings that are whole."""
        self.lost = 0
        """Recordings that could not be kept."""
        self._writer = threading.Thread(target=self._work, name="keeper", daemon=True)
        self._writer.start()
        self._put("", self._shelf.tidy)

    def begin(self, name: str, encoding: Encoding) -> None:
        """Begin a recording; a name is used once."""
        self._put(name, partial(self._shelf.begin, name, encoding))

    def write(self, name: str, data: bytes) -> None:
        """Add audio to a recording."""
        self._put(name, partial(self._shelf.write, name, data), len(data))

    def finish(self, name: str, call: KeptCall, cut_bytes: int = 0) -> None:
        """Keep a recording without its last bytes."""
        self._put(name, partial(self._finish, name, call, cut_bytes))
        self._given_up.discard(name)

    def discard(self, name: str) -> None:
        """Give up a recording that nobody wants any more."""
        self._put(name, partial(self._shelf.discard, name))
        self._given_up.discard(name)

    def move(self, limits: Limits) -> None:
        """Go by other limits from now on."""
        self._put("", partial(self._shelf.move, limits))

    def close(self, timeout_seconds: float = 2.0) -> None:
        """Write what waits, for as long as `timeout_seconds`, and stop; what has no end is given up."""
        self._waiting.put(None)
        self._writer.join(timeout_seconds)

    def _put(self, name: str, job: Callable[[], object], cost: int = 0) -> None:
        """Let the thread do something for a recording, or do without the recording where too much waits."""
        if name in self._given_up:
            return
        cost += _JOB_BYTES
        with self._lock:
            fits = self._waiting_bytes + cost <= QUEUE_BYTES
            self._waiting_bytes += cost if fits else 0
        if fits:
            self._waiting.put((name, cost, job))
        elif name:
            self._given_up.add(name)
            self._waiting.put((name, 0, partial(self._shelf.discard, name)))
            self._lose("the disk is too slow")

    def _work(self) -> None:
        while True:
            try:
                waiting = self._waiting.get(timeout=TIDY_EVERY_SECONDS)
            except queue.Empty:
                waiting = ("", 0, self._shelf.tidy)
            if waiting is None:
                self._shelf.clear()
                return
            name, cost, job = waiting
            try:
                job()
            except Exception as error:  # whatever one recording suffers, the next is to be kept
                self._lose(getattr(error, "strerror", None) or str(error), recordings=bool(name))
                with suppress(OSError):
                    self._shelf.discard(name)
            with self._lock:
                self._waiting_bytes -= cost

    def _finish(self, name: str, call: KeptCall, cut_bytes: int) -> None:
        if self._shelf.finish(name, call, cut_bytes):
            with self._lock:
                self.kept += 1
                known, self._failing = self._failing, False
            if known:
                log.info("early media is kept again", folder=str(self._shelf.limits.folder), lost=self.lost)

    def _lose(self, reason: str, recordings: int = 1) -> None:
        with self._lock:
            self.lost += recordings
            known, self._failing = self._failing, True
        if not known:
            log.warning(
                "early media cannot be kept, calls go on without it",
                folder=str(self._shelf.limits.folder),
                reason=reason,
            )
