"""What a lab's client of a PBX has seen: events, to be awaited and looked up by name."""

import asyncio
import itertools
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

from agent.demo.lab import LabError


@dataclass(frozen=True)
class Happening:
    """One message of a PBX: an event, or the response to a command."""

    at: float
    """Monotonic seconds."""
    headers: tuple[tuple[str, str], ...]

    @property
    def name(self) -> str:
        """The event's name; the own name of a UserEvent or CUSTOM event; empty for a response."""
        return next(filter(None, map(self.get, ("UserEvent", "Event", "Event-Subclass", "Event-Name"))), "")

    def get(self, name: str) -> str:
        """Return a header's first value, empty if there is none."""
        return next(iter(self._values.get(name.lower(), ())), "")

    def all(self, name: str) -> list[str]:
        """Return a header's values."""
        return list(self._values.get(name.lower(), ()))

    def variables(self, prefix: str = "ChanVariable") -> dict[str, str]:
        """Return the channel variables that came along (`channelvars` of manager.conf)."""
        return dict(value.split("=", 1) for value in self.all(prefix))

    @cached_property
    def _values(self) -> dict[str, list[str]]:
        values: dict[str, list[str]] = {}
        for key, value in self.headers:
            values.setdefault(key.lower(), []).append(value)
        return values


class Happenings:
    """Every event since the beginning, oldest first."""

    def __init__(self) -> None:
        """Nothing has happened."""
        self.events: list[Happening] = []
        """All of them, oldest first."""
        self._over = ""
        self._named: defaultdict[str, list[Happening]] = defaultdict(list)
        self._news = asyncio.Condition()

    async def add(self, happening: Happening) -> None:
        """Take note of an event, and wake up who waits for it."""
        async with self._news:
            self.events.append(happening)
            self._named[happening.name].append(happening)
            self._news.notify_all()

    async def end(self, reason: str) -> None:
        """Nothing more will be seen: whoever waits, now or later, is told why."""
        async with self._news:
            self._over = reason
            self._news.notify_all()

    def still_comes(self) -> None:
        """Raise `LabError` if nothing more will be seen."""
        if self._over:
            raise LabError(f"no event comes any more: {self._over}")

    async def event(
        self,
        name: str,
        matches: Callable[[Happening], bool] = lambda _: True,
        *,
        timeout_seconds: float = 10.0,
    ) -> Happening:
        """Return the first event of that name that matches, waiting for it.

        Raises TimeoutError, or `LabError` if no event comes any more.
        """
        seen = 0
        async with asyncio.timeout(timeout_seconds), self._news:
            while True:
                for happening in itertools.islice(self._named[name], seen, None):
                    if matches(happening):
                        return happening
                seen = len(self._named[name])
                self.still_comes()
                await self._news.wait()

    def named(
        self, name: str, matches: Callable[[Happening], bool] = lambda _: True, *, first: int = 0
    ) -> Iterator[Happening]:
        """Return the events of a name seen so far, oldest first, without so many at the beginning."""
        return (event for event in itertools.islice(self._named[name], first, None) if matches(event))
