"""The parts of a job on the workers of a Dask cluster, wherever they are, however many of them are lost on the way.

Dask was chosen for what it asks of its users (docs/scaling.md): two small packages in pure Python, one address, and
nothing of how the workers were started. Its futures are all that is used here:

- the network goes to each worker once, under its content's name, and so does what all parts of a job share. Workers
  that come later, or again after a loss, are given both when they arrive;
- only as many parts are on their way as keep the workers busy, and results are fetched one at a time, so that neither
  the scheduler nor this process ever holds many;
- a part whose worker is lost is run again by another one.

This module needs the extra `curve-circuits[cluster]`.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any, TypeVar

import torch

from circuits.errors import CurvesError
from circuits.network import Network

try:
    from distributed import Client, LocalCluster, WorkerPlugin, as_completed, get_worker
    from distributed.scheduler import KilledWorker
except ModuleNotFoundError as error:
    raise CurvesError(f"clusters need {error.name}; pip install 'curve-circuits[cluster]'") from error

__all__ = ["Client", "connected", "spread", "workers"]

P = TypeVar("P")
R = TypeVar("R")

AHEAD = 2
"""Parts on their way for each thread of the workers: one that is run, and one that waits for it."""

_LOCAL = "local:"


class _Kept(WorkerPlugin):  # type: ignore[misc]
    """A value that the scheduler gives to each worker once, also to those that come later."""

    idempotent = True  # one of that name is there: it is not sent again

    def __init__(self, name: str, value: Any) -> None:  # noqa: ANN401 (whatever can be pickled)
        self.name, self.value = name, value


@contextmanager
def connected(where: str) -> Iterator[Client]:
    """A client of a cluster.

    Args:
        where: a scheduler's address, such as `tcp://10.0.0.1:8786`; or `local:N` for N processes on this machine, of
            one thread each, that end with the block.

    Raises:
        CurvesError: there is no scheduler, or no such number of processes.
    """
    if not where.startswith(_LOCAL):
        try:
            client = Client(where, timeout="20s")
        except (OSError, ValueError) as error:
            raise CurvesError(
                f"no scheduler answers at {where} ({error}); start one with `dask scheduler`, or give local:N"
            ) from error
        with client:
            yield client
        return
    count = where.removeprefix(_LOCAL)
    if not count.isdecimal() or int(count) < 1:
        raise CurvesError(f"{where} names no number of processes; give local:4, say")
    with (
        LocalCluster(int(count), threads_per_worker=1, processes=True, dashboard_address=":0") as own,
        Client(own) as client,
    ):
        yield client


def workers(client: Client) -> int:
    """How many parts the cluster runs at a time, at least 1."""
    threads: dict[str, int] = client.nthreads()
    return max(1, sum(threads.values()))


def spread(
    client: Client,
    net: Network,
    work: Callable[[Network, P], R],
    parts: Iterable[P],
    *,
    threads: int | None = None,
) -> Iterator[tuple[int, R]]:
    """Run the parts of a job on the workers.

    Workers need this package in the same version, and must reach what `work` and the parts speak of (image files).

    Args:
        client: of the cluster.
        net: sent to each worker once.
        work: gives the result of a part. It must depend on nothing but its arguments: a part may be run twice.
        parts: taken one by one as workers become free.
        threads: of torch for each part; by default as many as here, since results depend on it in their last bits.

    Yields:
        The number of a part and its result, as they come.

    Raises:
        CurvesError: a part was lost with one worker after another; or what `work` raises.
    """
    network = f"network {net.identity} {' '.join(net.execution.values())}"
    job = f"job {uuid.uuid4().hex}"
    for kept in (_Kept(network, net), _Kept(job, work)):
        client.register_plugin(kept)
    coming = enumerate(parts)
    running = as_completed()
    places: dict[str, int] = {}

    def submit(most: int) -> None:
        for place, part in islice(coming, max(0, most)):
            key = f"part {place} of {job}"
            places[key] = place
            running.add(client.submit(_run, network, job, threads or torch.get_num_threads(), part, key=key))

    try:
        submit(AHEAD * workers(client))
        for future in running:
            place = places.pop(future.key)
            try:
                result = future.result()
            except KilledWorker as error:
                raise CurvesError(
                    f"part {place} was lost with one worker after another; they may lack memory: give them more, or "
                    "make more parts"
                ) from error
            future.release()
            submit(AHEAD * workers(client) - len(places))
            yield place, result
    finally:
        client.cancel(list(running.futures), force=True)
        client.unregister_worker_plugin(job)


def _run(network: str, job: str, threads: int, part: Any) -> Any:  # noqa: ANN401 (of any job)
    kept = get_worker().plugins
    torch.set_num_threads(threads)
    return kept[job].value(kept[network].value, part)
