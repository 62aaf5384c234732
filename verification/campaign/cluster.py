"""A Dask cluster as the executor of a campaign (extra ``cluster``).

The scheduler hands each task to a worker; where a worker dies, its tasks go to another one. A
task's rows come back once, to the process that keeps the ledger: nothing is lost or counted twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass

from netlist_gen.errors import ConfigurationError

CONNECT_TIMEOUT_S = 20.0


@dataclass(frozen=True)
class ClusterWorkers:
    """An executor, and how many threads of workers stand behind it."""

    executor: Executor
    count: int


@contextmanager
def cluster(address: str | None) -> Iterator[ClusterWorkers | None]:
    """The workers of a scheduler, e.g. ``tcp://10.0.0.1:8786``; None for no address.

    Raises:
        ConfigurationError: the extra is not installed, nothing answers, or it has no worker.
    """
    if address is None:
        yield None
        return
    try:
        from distributed import Client
    except ImportError:
        raise ConfigurationError(
            "--scheduler needs the package distributed; install the extra: netlist-gen[cluster]"
        ) from None
    try:
        client = Client(address, timeout=CONNECT_TIMEOUT_S)
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"no Dask scheduler answers at {address!r} within {CONNECT_TIMEOUT_S:g} s ({error})"
        ) from None
    try:
        count = sum(client.nthreads().values())
        if not count:
            raise ConfigurationError(f"the Dask scheduler at {address} has no worker")
        # Functions of no side effect: a task may run twice, but its result counts once.
        yield ClusterWorkers(client.get_executor(pure=False, retries=5), count)
    finally:
        client.close()
