"""Counts of what a listening socket refused, and a log of them that cannot be flooded."""

from collections import Counter
from collections.abc import Callable
from enum import StrEnum
from time import monotonic

import structlog

log = structlog.get_logger(__name__)

QUIET_S = 10.0
"""The same reason is logged no more than once in so many seconds."""


class Refusal(StrEnum):
    """Why a connection was closed at once."""

    TOO_MANY = "too many connections"
    NOT_READY = "the service is not ready"
    TOO_SLOW = "it did not introduce itself in time"
    GONE = "it left before it had introduced itself"
    MALFORMED = "it does not speak the protocol"
    UNKNOWN = "nobody expects it"
    LATE = "no verdict could be told in time"
    FAILED = "an error of our own"


class Refusals:
    """Counts refusals by reason; each log line says how many of its kind went unsaid before it."""

    def __init__(self, listener: str, clock: Callable[[], float] = monotonic) -> None:
        """Speak for one listener, e.g. `audiosocket`."""
        self.count: Counter[Refusal] = Counter()
        """Refusals by reason since the start."""
        self._listener = listener
        self._clock = clock
        self._logged: dict[Refusal, tuple[float, int]] = {}

    def add(self, reason: Refusal, detail: str = "") -> None:
        """Count one refusal; `detail` says what it was this time."""
        self.count[reason] += 1
        now = self._clock()
        last, counted = self._logged.get(reason, (float("-inf"), 0))
        if now - last < QUIET_S:
            return
        self._logged[reason] = (now, self.count[reason])
        log.warning(
            "connection refused",
            listener=self._listener,
            reason=reason.value,
            detail=detail,
            unsaid=self.count[reason] - counted - 1,
        )
