"""Heavy loops: the same results in order whoever works, and no work lost with a worker."""

import os
import signal
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from joblib import Parallel, delayed, parallel_config
from threadpoolctl import threadpool_info

from agent.train.errors import MaterialError
from agent.train.parallel import MOST_DEATHS, Backend, Workers, spread

HERE = Workers(jobs=1)
PROCESSES = Workers(jobs=2)
THREADS = Workers(jobs=2, backend=Backend.THREADING)


def square(number: int) -> int:
    return number * number


def process(_: int) -> int:
    return os.getpid()


def most_threads(_: int) -> int:
    np.ones((64, 64)) @ np.ones((64, 64))
    return max(int(pool["num_threads"]) for pool in threadpool_info())


def die_at_seven(grave: Path, number: int) -> int:
    if number == 7 and not grave.exists():
        grave.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def die(number: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return number


HELD: list[np.ndarray] = []
"""What a worker never gives back."""


def hold(number: int) -> int:
    """Grow past the 300 MB at which joblib takes a process for leaking; it looks once a second."""
    if not HELD and number >= 2:
        time.sleep(1.1)
        HELD.append(np.ones(40_000_000))
    return number


def refuse(number: int) -> int:
    if number == 2:
        raise MaterialError("two is no number to work with: take three")
    return number


@pytest.mark.parametrize("workers", [HERE, PROCESSES, THREADS], ids=["here", "processes", "threads"])
def test_results_come_in_the_order_of_the_items(workers: Workers) -> None:
    steps: list[int] = []
    assert list(spread(workers, square, range(40), lambda: steps.append(1))) == [n * n for n in range(40)]
    assert len(steps) == 40
    assert sorted(spread(workers, square, range(40), ordered=False)) == [n * n for n in range(40)]
    assert list(spread(workers, square, [])) == []


def test_processes_are_other_ones_and_this_one_is_enough_for_one_job() -> None:
    assert set(spread(HERE, process, range(4))) == {os.getpid()}
    assert os.getpid() not in set(spread(PROCESSES, process, range(4)))


@pytest.mark.parametrize("workers", [HERE, PROCESSES, THREADS], ids=["here", "processes", "threads"])
def test_every_worker_has_one_thread_for_its_sums(workers: Workers) -> None:
    assert set(spread(workers, most_threads, range(3))) == {1}


@pytest.mark.parametrize("workers", [HERE, PROCESSES], ids=["here", "processes"])
def test_items_are_taken_a_few_ahead_only(workers: Workers) -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for number in range(100_000):
            taken.append(number)
            yield number

    results = spread(workers, square, items())
    assert [next(results) for _ in range(3)] == [0, 1, 4]
    results.close()  # type: ignore[attr-defined]
    assert len(taken) < 100_000


@pytest.mark.parametrize("ordered", [True, False])
def test_what_a_dead_process_had_is_done_again(ordered: bool, tmp_path: Path) -> None:
    grave = tmp_path / "grave"
    results = list(spread(PROCESSES, partial(die_at_seven, grave), range(20), ordered=ordered))
    assert grave.exists()
    assert sorted(results) == list(range(20))
    assert results == sorted(results) or not ordered


def test_a_process_that_grows_is_followed_by_another_and_nothing_is_lost() -> None:
    assert list(spread(PROCESSES, hold, range(20))) == list(range(20))


def test_work_that_kills_every_process_is_given_up() -> None:
    with pytest.raises(MaterialError, match=f"{MOST_DEATHS + 1} worker processes died .* fewer --jobs"):
        list(spread(PROCESSES, die, range(3)))


@pytest.mark.parametrize("workers", [HERE, PROCESSES, THREADS], ids=["here", "processes", "threads"])
def test_an_error_in_the_work_is_raised_here(workers: Workers) -> None:
    with pytest.raises(MaterialError, match="two is no number to work with: take three"):
        list(spread(workers, refuse, range(10)))


def test_loops_of_others_run_there_too() -> None:
    with PROCESSES.engaged() as config, parallel_config(**config):
        pids = Parallel()(delayed(process)(number) for number in range(4))
    assert os.getpid() not in set(pids)


def test_nobody_is_not_enough() -> None:
    with pytest.raises(MaterialError, match="--jobs 0 leaves nobody to work"):
        list(spread(Workers(jobs=0), square, [1]))


def test_a_cluster_needs_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "agent.train.cluster", None)
    with pytest.raises(MaterialError, match=r"pip install 'earlymedia-agent\[cluster\]'"):
        list(spread(Workers(cluster="tcp://127.0.0.1:9"), square, [1]))
