"""Which recordings to learn from when there are more labelled seconds than memory holds.

More of what is known teaches less than a little of what is not. So the groups take turns: of each one
recording that is mostly ringing, one mostly speech and so on, then a second one, until there are enough;
and in a turn the sounds take turns. Which recording comes first is drawn by lot, from its name and a seed,
whatever the order of the label files.
"""

from collections import Counter
from collections.abc import Iterable
from hashlib import blake2b
from operator import itemgetter

from agent.hearing.sound import SOUNDS, Sound


class Tally:
    """Counts labelled seconds; what it keeps grows with recordings, not with their seconds."""

    def __init__(self) -> None:
        self._seconds: dict[str, list[int]] = {}
        self._group: dict[str, str] = {}
        self._first: set[str] = set()

    def add(self, recording: str, group: str, sound: Sound, *, first: bool = False) -> None:
        """Count one second.

        Args:
            recording: its name.
            group: what must not be torn apart.
            sound: its label.
            first: take this recording before all others, as one that a person has listened to.
        """
        counts = self._seconds.setdefault(recording, [0] * len(SOUNDS))
        counts[SOUNDS.index(sound)] += 1
        self._group[recording] = group
        if first:
            self._first.add(recording)

    def draw(self, most_seconds: int, seed: int) -> frozenset[str]:
        """Choose recordings that together have at most so many labelled seconds, whole recordings only."""
        turn_of_group: Counter[tuple[str, int]] = Counter()
        turn_of_sound: Counter[tuple[bool, int, int]] = Counter()
        queue: list[tuple[bool, int, int, str]] = []
        for name in sorted(self._seconds, key=lambda name: _lot(name, seed)):
            counts = self._seconds[name]
            sound = counts.index(max(counts))
            group = self._group[name], sound
            turn = name not in self._first, turn_of_group[group]
            queue.append((*turn, turn_of_sound[*turn, sound], name))
            turn_of_group[group] += 1
            turn_of_sound[*turn, sound] += 1
        queue.sort(key=itemgetter(0, 1, 2))  # stable: what is alike stays in the order of the lot
        return frozenset(_fill(((name, sum(self._seconds[name])) for *_, name in queue), most_seconds))


def _fill(queue: Iterable[tuple[str, int]], most_seconds: int) -> Iterable[str]:
    left = most_seconds
    for name, seconds in queue:
        if seconds <= left:
            left -= seconds
            yield name


def _lot(name: str, seed: int) -> bytes:
    return blake2b(f"{seed}/{name}".encode(), digest_size=8).digest()
