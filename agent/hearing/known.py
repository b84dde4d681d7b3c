"""The announcements that can be recognised: their recordings on one tape, and whose they are."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from agent.hearing.landmarks import Ints
from agent.hearing.tape import Fingerprint, Tape


@dataclass(frozen=True, slots=True)
class Title:
    """What a known announcement is called."""

    name: str
    trunk: str | None = None
    """The only trunk that plays it, None: any."""


@dataclass(frozen=True, slots=True)
class Known:
    """Recordings that can be recognised, and whose they are; never changed, only replaced."""

    tape: Tape
    owners: Ints
    """The announcement that each recording belongs to, (recordings,)."""
    announcements: tuple[Title, ...]
    """What the owners count."""

    @classmethod
    def of(
        cls, recordings: Sequence[tuple[int, Fingerprint]], announcements: Sequence[Title] | None = None
    ) -> Self:
        """Know recordings by the number of the announcement that each belongs to.

        Announcements are named by their numbers where no titles are given.
        """
        owners = np.array([owner for owner, _ in recordings], np.int64)
        if announcements is None:
            announcements = [Title(str(number)) for number in range(int(owners.max(initial=-1)) + 1)]
        return cls(Tape.of([fingerprint for _, fingerprint in recordings]), owners, tuple(announcements))

    def allowed(self, trunk: str | None) -> NDArray[np.bool_] | None:
        """Return which announcements a trunk may play, (announcements,), None for all; no trunk: any."""
        if trunk is None or all(title.trunk is None for title in self.announcements):
            return None
        return np.array([title.trunk in (None, trunk) for title in self.announcements])
