"""Where heavy loops run: in processes or threads of this machine, or on a Dask cluster.

Joblib runs them (https://joblib.readthedocs.io). What it does not do by itself is done here and in
`cluster.py`: the work of a process that died is done again by another, and no loop waits for ever for what
cannot be done.
"""

import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from typing import Any, TypeVar

from joblib import Parallel, delayed, parallel_config
from joblib.externals.loky.process_executor import TerminatedWorkerError
from threadpoolctl import threadpool_limits

from agent.train.errors import MaterialError

Item = TypeVar("Item")
Result = TypeVar("Result")

MOST_DEATHS = 3
"""Processes that may die, one after the other without a result between, before it is the work's own fault."""


class Backend(StrEnum):
    """What works on this machine."""

    LOKY = "loky"
    """Processes: for what holds Python's lock, and for networks that threads cannot share."""
    THREADING = "threading"
    """Threads: for what lets go of Python's lock; nothing is copied."""


@dataclass(frozen=True, slots=True)
class Workers:
    """Who works on a heavy loop.

    >>> list(spread(Workers(jobs=2), math.factorial, [3, 4, 5]))
    [6, 24, 120]
    """

    jobs: int = -1
    """Processes or threads on this machine: -1 is one for each processor, 1 is this very process."""
    backend: Backend = Backend.LOKY
    cluster: str = ""
    """Address of a Dask scheduler, as `tcp://scheduler:8786`; then all its workers work instead."""

    @contextmanager
    def engaged(self) -> Iterator[dict[str, Any]]:
        """Have them ready; gives what `joblib.parallel_config` takes.

        Raises:
            MaterialError: there are no jobs, no such cluster, no worker in it, or no `cluster` extra.
        """
        if self.cluster:
            try:
                from agent.train.cluster import cluster_backend
            except ImportError as error:
                raise MaterialError(
                    "--cluster needs the `cluster` extra: install it with pip install "
                    "'earlymedia-agent[cluster]'"
                ) from error
            with cluster_backend(self.cluster) as backend:
                yield {"backend": backend, "n_jobs": -1}
            return
        if self.jobs == 0:
            raise MaterialError("--jobs 0 leaves nobody to work: give 1 or more, or -1 for all processors")
        config: dict[str, Any] = {"backend": self.backend.value, "n_jobs": self.jobs}
        if self.backend is Backend.LOKY:
            config["inner_max_num_threads"] = 1
        # One thread of BLAS or OpenMP for each worker: they fight for processors otherwise, and sums that
        # are cut in other parts come out otherwise in the last digit.
        with threadpool_limits(1):
            yield config


def spread(
    workers: Workers,
    function: Callable[[Item], Result],
    items: Iterable[Item],
    step: Callable[[], None] = lambda: None,
    *,
    ordered: bool = True,
) -> Iterator[Result]:
    """Call a function on every item, wherever the workers are, and yield the results as they come.

    Items are taken a few ahead of the results, so there may be more of them than memory holds. An item whose
    worker dies is done again by another; the function must not mind.

    Args:
        workers: who works.
        function: what is done. It is pickled with every item, by its name where it can be imported: let
            it hold little, and the paths of what is large.
        items: what it is done to; pickled likewise.
        step: called for each result.
        ordered: whether results come in the order of the items, or as soon as there are any.

    Raises:
        MaterialError: there is no such cluster, or the work kills one worker after the other.
            What `function` raises is raised here, and ends the loop.
    """
    todo = enumerate(items)
    under_way: dict[int, Item] = {}
    shared = workers.cluster or workers.backend is Backend.THREADING
    call = _call_bounded if shared else _call

    def tasks(source: Iterable[tuple[int, Item]]) -> Iterator[Any]:
        for index, item in source:
            under_way[index] = item
            yield delayed(call)(function, _Task(index, item))

    deaths = 0
    with workers.engaged() as config:
        while True:
            source = chain([(index, under_way[index]) for index in sorted(under_way)], todo)
            with parallel_config(**config):
                parallel = Parallel(return_as="generator" if ordered else "generator_unordered")
            try:
                with _closing(parallel(tasks(source))) as results:
                    for index, result in results:
                        del under_way[index]
                        deaths = 0
                        step()
                        yield result
                return
            except TerminatedWorkerError as error:
                deaths += 1
                if deaths > MOST_DEATHS:
                    raise MaterialError(
                        f"{deaths} worker processes died at the same work, for want of memory it may be: "
                        "give fewer --jobs, or less to do at once"
                    ) from error


@dataclass(frozen=True, slots=True)
class _Task:
    """An item and its number.

    Having slots, it takes no weak reference. So joblib sends it inside the task; it would leave another
    object with one worker of the cluster, whose death took it from every task that needs it.
    """

    index: int
    item: Any


def _call(function: Callable[[Any], Result], task: _Task) -> tuple[int, Result]:
    return task.index, function(task.item)


def _call_bounded(function: Callable[[Any], Result], task: _Task) -> tuple[int, Result]:
    """Bound threads where that is no matter of the process: OpenMP counts them for each of its callers."""
    with threadpool_limits(1):
        return _call(function, task)


@contextmanager
def _closing(results: Any) -> Iterator[Any]:
    """Close a loop however it ends; joblib would warn of results that an interruption leaves behind."""
    try:
        yield results
    finally:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            results.close()
