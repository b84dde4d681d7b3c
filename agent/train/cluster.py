"""Joblib's loops on a Dask cluster that is there already (https://distributed.dask.org); `cluster` extra."""

import logging
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from distributed import Client, KilledWorker
from joblib._dask import DaskDistributedBackend

from agent.train.errors import MaterialError

PATIENCE_SECONDS = 10
"""How long a scheduler may take to answer."""


class ClusterBackend(DaskDistributedBackend):  # type: ignore[misc]
    """Joblib's own backend, which would wait for ever for a task that ends in no result.

    A task has no result when it has killed worker after worker, when a worker cannot unpickle it, or when
    the scheduler is gone. Joblib's backend tells of such an error only whom asks for it, and nobody does.
    """

    def submit(self, func: Any, callback: Callable[[Any], None] | None = None) -> Any:
        """Start a task; `callback` gets what it returns, or the error that it ended in."""
        future: Future[Any] = super().submit(func, callback)

        def tell(done: Future[Any]) -> None:
            if callback and (error := done.exception()):
                callback(_explain(error))

        future.add_done_callback(tell)
        return future

    def retrieve_result_callback(self, out: Any) -> Any:
        """Return what a task returned, or raise what it ended in."""
        if isinstance(out, CancelledError):
            raise _explain(out)
        return super().retrieve_result_callback(out)

    def effective_n_jobs(self, n_jobs: int = 1) -> int:
        """Count the cluster's threads; 2 at least, for joblib does in this very process what one can do."""
        return max(2, int(super().effective_n_jobs(n_jobs)))


def _explain(error: BaseException) -> MaterialError:
    """Say what can be done about an error that is the cluster's and not the work's."""
    match error:
        case KilledWorker():
            return MaterialError(
                "worker after worker of the cluster died at the same work, for want of memory it may be: "
                "give workers more memory, or less to do at once"
            )
        case CancelledError():
            return MaterialError(
                "the cluster has lost what this work needs, with its scheduler or the worker that had it: "
                "give the same command again"
            )
        case _:
            reason = str(error).strip().split("\n")[0] or type(error).__name__
            return MaterialError(
                f"the cluster's workers cannot do this work ({reason}): install the same release of "
                "earlymedia, with the same extras and versions, on every one of them"
            )


@contextmanager
def cluster_backend(address: str) -> Iterator[ClusterBackend]:
    """Connect to the scheduler at an address, as `tcp://scheduler:8786`.

    Raises:
        MaterialError: nobody answers there, or no worker is known there.
    """
    try:
        # Dask's client asks again and again, and complains for long of what it did not get.
        place = urlsplit(address)
        socket.create_connection((place.hostname, place.port), PATIENCE_SECONDS).close()
        client: Any = Client(address, timeout=PATIENCE_SECONDS, set_as_default=False)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        raise MaterialError(
            f"no Dask scheduler answers at '{address}': start one with `dask scheduler`, or write its "
            "address as tcp://scheduler:8786"
        ) from error
    for noisy in ("distributed.batched", "distributed.client", "distributed.core", "tornado.application"):
        # All that they write of a lost connection stands in the sentence that the command ends with.
        logging.getLogger(noisy).setLevel(logging.CRITICAL)
    with client:
        if not client.ncores():
            raise MaterialError(
                f"the Dask scheduler at {address} has no worker: start some with `dask worker {address}`"
            )
        yield ClusterBackend(client=client)
