"""How long students and their teacher take for a second of audio, measured in one run, turn by turn."""

import random
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from threadpoolctl import threadpool_limits

from agent.hearing.pcm import Samples
from agent.hearing.sound import Sound

BATCH = 32
"""Seconds in a batch of many."""


@dataclass(frozen=True, slots=True)
class Hearer:
    """Something that names the sound of seconds."""

    name: str
    hear: Callable[[Sequence[Samples]], object]
    """Takes seconds of (8387,) samples at 8 kHz; all that it does from there to its answer is counted."""
    note: str = ""
    """What a reader of its times should know."""


@dataclass(frozen=True, slots=True)
class Times:
    """How long one hearer took, in milliseconds of processor time for each second of audio."""

    hearer: str
    sound: Sound | None
    """What it heard; None is a batch of all sounds."""
    batch: int
    """Seconds that were heard at once."""
    ms: tuple[float, ...]
    """One for each turn."""


def measure(
    hearers: Sequence[Hearer],
    seconds: Mapping[Sound, Sequence[Samples]],
    rounds: int,
    step: Callable[[], None] = lambda: None,
    clock: Callable[[], float] = time.process_time,
) -> list[Times]:
    """Time hearers on one second alone, sound by sound, and on batches of many, on one core.

    In each round each hearer hears the same seconds, in an order that is drawn anew, so that whatever
    else the machine does falls on all alike. Nothing is loaded in a turn, and a first turn of each is
    not counted.

    Args:
        hearers: who takes part.
        seconds: (8387,) samples at 8 kHz, some for each sound; a sound that has none is left out.
        rounds: turns of each hearer for each sound. Batches, which average over many seconds by
            themselves, get a fifth of them and two at least.
        step: called after each round.
        clock: seconds, from any start. Processor time, of all threads, so that work elsewhere on the machine
            does not count; on a machine with nothing else to do it is the time that passes.
    """
    order = random.Random(0)  # noqa: S311  (an order, no secret)
    kinds = {sound: list(some) for sound, some in seconds.items() if some}
    many = [second for some in kinds.values() for second in some]
    ms: dict[tuple[str, Sound | None, int], list[float]] = {}
    with single_thread():
        for hearer in hearers:
            hearer.hear(many[:1])
        for turn in range(rounds):
            tasks: list[tuple[Sound | None, list[Samples]]] = [
                (sound, [some[turn % len(some)]]) for sound, some in kinds.items()
            ]
            if turn % 5 == 0 or turn == 1:
                tasks.append((None, order.choices(many, k=BATCH)))
            for sound, batch in tasks:
                for hearer in order.sample(hearers, len(hearers)):
                    begun = clock()
                    hearer.hear(batch)
                    took = (clock() - begun) * 1000 / len(batch)
                    ms.setdefault((hearer.name, sound, len(batch)), []).append(took)
            step()
    return [
        Times(*key, tuple(values))
        for hearer in hearers
        for key, values in ms.items()
        if key[0] == hearer.name
    ]


def hearers_of(times: Sequence[Times]) -> list[str]:
    """Name who took part, in order."""
    return list(dict.fromkeys(one.hearer for one in times))


def ms_of(times: Sequence[Times], hearer: str, *, alone: bool) -> list[float]:
    """Return all turns of a hearer with one second alone, of any sound, or all with batches."""
    return [ms for one in times if one.hearer == hearer and (one.sound is not None) is alone for ms in one.ms]


@contextmanager
def single_thread() -> Iterator[None]:
    """Keep numpy, scikit-learn and, where it is loaded, PyTorch on one core."""
    torch = sys.modules.get("torch")
    threads = torch.get_num_threads() if torch else 0
    try:
        if torch:
            torch.set_num_threads(1)
        with threadpool_limits(1):
            yield
    finally:
        if torch:
            torch.set_num_threads(threads)
