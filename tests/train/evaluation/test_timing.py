"""Times are taken in turns, of the same seconds, and the first turn of each is not counted."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_info

from agent.hearing.pcm import Samples
from agent.hearing.sound import SOUNDS, Sound
from agent.train.evaluation.timing import BATCH, Hearer, hearers_of, measure, ms_of, single_thread

SECONDS = {
    sound: [np.full(8387, index + n / 10, np.float32) for n in range(3)] for index, sound in enumerate(SOUNDS)
}


@dataclass(slots=True)
class Clock:
    """A clock that hearers move on."""

    now: float = 0.0
    heard: list[tuple[str, int, float]] = field(default_factory=list)
    """Who heard, how many seconds, and the first sample of the first."""

    def __call__(self) -> float:
        return self.now

    def hearer(self, name: str, seconds_each: float) -> Hearer:
        def hear(seconds: Sequence[Samples]) -> None:
            self.heard.append((name, len(seconds), float(seconds[0][0])))
            self.now += seconds_each * len(seconds)

        return Hearer(name, hear)


def test_a_hearer_takes_as_long_as_it_takes_for_each_second() -> None:
    clock = Clock()
    times = measure([clock.hearer("slow", 0.2), clock.hearer("fast", 0.001)], SECONDS, 10, clock=clock)
    assert hearers_of(times) == ["slow", "fast"]
    for name, ms in (("slow", 200), ("fast", 1)):
        np.testing.assert_allclose(ms_of(times, name, alone=True), ms)
        np.testing.assert_allclose(ms_of(times, name, alone=False), ms)
        assert len(ms_of(times, name, alone=True)) == 10 * len(SOUNDS)
    assert {(one.sound, one.batch) for one in times} == {*((sound, 1) for sound in SOUNDS), (None, BATCH)}


def test_all_hear_the_same_seconds_in_turns() -> None:
    clock = Clock()
    measure([clock.hearer("a", 0.1), clock.hearer("b", 0.1), clock.hearer("c", 0.1)], SECONDS, 6, clock=clock)
    counted = clock.heard[3:]
    rounds = [counted[at : at + 3] for at in range(0, len(counted), 3)]
    assert all({name for name, *_ in turn} == {"a", "b", "c"} for turn in rounds)
    assert all(len({what[1:] for what in turn}) == 1 for turn in rounds)
    assert len({tuple(name for name, *_ in turn) for turn in rounds}) > 1, "the order is drawn anew"


def test_a_first_turn_is_not_counted() -> None:
    clock = Clock()
    loaded: list[bool] = []

    def hear(seconds: Sequence[Samples]) -> None:
        clock.now += 0.01 * len(seconds) + (0 if loaded else 60)
        loaded.append(True)

    assert max(
        ms_of(measure([Hearer("x", hear)], SECONDS, 2, clock=clock), "x", alone=True)
    ) == pytest.approx(10)


def test_a_sound_without_seconds_is_left_out() -> None:
    clock, rounds = Clock(), list[None]()
    some = {**SECONDS, Sound.MUSIC: []}
    times = measure([clock.hearer("x", 0.1)], some, 3, lambda: rounds.append(None), clock)
    assert Sound.MUSIC not in {one.sound for one in times}
    assert len(rounds) == 3


def test_one_core_is_used_and_others_are_given_back() -> None:
    before = torch.get_num_threads(), [pool["num_threads"] for pool in threadpool_info()]
    with single_thread():
        assert torch.get_num_threads() == 1
        assert {pool["num_threads"] for pool in threadpool_info()} == {1}
    assert (torch.get_num_threads(), [pool["num_threads"] for pool in threadpool_info()]) == before
