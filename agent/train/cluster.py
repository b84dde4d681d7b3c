"""Joblib's loops on a Dask cluster that is there already (https://distributed.dask.org); `cluster` extra."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

from distributed import Client
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
                callback(error)

        future.add_done_callback(tell)
        return future


@contextmanager
def cluster_backend(address: str) -> Iterator[ClusterBackend]:
    """Connect to the scheduler at an address, as `tcp://scheduler:8786`.

    Raises:
        MaterialError: nobody answers there, or no worker is known there.
    """
    try:
        client: Any = Client(address, timeout=PATIENCE_SECONDS, set_as_default=False)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        raise MaterialError(
            f"no Dask scheduler answers at {address}: start one with `dask scheduler`, or mend the address"
        ) from error
    with client:
        if not client.ncores():
            raise MaterialError(
                f"the Dask scheduler at {address} has no worker: start some with `dask worker {address}`"
            )
        yield ClusterBackend(client=client)
