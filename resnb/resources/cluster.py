"""`DaskCluster`: a cluster of any of Dask's classes, and a client of it."""

import os
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import psutil

from resnb import ResourceManager
from resnb.dask import gateway
from resnb.dask.own_cluster import (
    class_named,
    client_of,
    end,
    limit_idleness,
    refuse_unknown_options,
)
from resnb.durations import seconds
from resnb.errors import CleanupError, NothingMadeError, OptionError
from resnb.ledger.owner import start_time
from resnb.ledger.recipes.found_process import FoundProcess, Place, here, is_elsewhere
from resnb.ledger.recipes.handles import Ended, processes_of
from resnb.ledger.recipes.kinds import Kind
from resnb.resources import arguments
from resnb.resources.common import needed
from resnb.resources.process import tagged

if TYPE_CHECKING:
    from resnb.durations import Duration

TAG = "RESNB_CLUSTER"
"""The variable by which the workers on this machine are known."""
_PRE_SPAWN = f"distributed.nanny.pre-spawn-environ.{TAG}"


class FoundCluster:
    """A cluster that another process has started, as far as its clean-up needs it.

    Args:
        scheduler: the scheduler's address.
        name: the name that its gateway knows it by; empty if it has none.
        workers: the pids of workers on this machine, each with its start time.
        place: where these are seen.
        inside: whether the scheduler was in the kernel's process.
    """

    def __init__(
        self, scheduler: str, name: str, workers: list[list[int]], place: Place, *, inside: bool
    ) -> None:
        self.scheduler, self.name, self.place, self.inside = scheduler, name, place, inside
        self.workers = [FoundProcess(pid, started) for pid, started in workers]


class DaskClusterManager:
    """Starts a Dask cluster and gives a client of it; closes both.

    A cluster on this machine ends with the kernel, whatever ends that. One of a gateway is stopped
    there by its name. A flow's tasks run on it with ``DaskCluster(4).as_executor()``.

    Args:
        n_workers: the number of workers; by default what the class says.
        cluster: the class, by its import path, such as ``"dask_gateway.GatewayCluster"``.
        self_destruct: the scheduler ends the cluster when it was idle for so long, and workers
            give up looking for their scheduler after that time: a duration.
        **options: more arguments of the class.

    >>> from resnb.resources import DaskCluster
    >>> with DaskCluster(1, processes=False, dashboard_address=":0") as client:
    ...     print(client.submit(sum, [1, 2]).result())
    3
    """

    kind = "dask_cluster"
    env = ("DASK_GATEWAY__ADDRESS", "DASK_GATEWAY__PROXY_ADDRESS", "DASK_GATEWAY__AUTH__TYPE")
    find_for = "1m"  # what was begun shows up at once
    dies_with_kernel = False
    lease: Any

    def __init__(
        self,
        n_workers: int | None = None,
        cluster: str = "dask.distributed.LocalCluster",
        self_destruct: "Duration | None" = None,
        **options: Any,
    ) -> None:
        self.n_workers = arguments.count("DaskCluster", "n_workers", n_workers)
        self.cluster = arguments.text("DaskCluster", "cluster", cluster)
        self.options = options
        self.self_destruct = seconds(self_destruct, "DaskCluster: self_destruct")
        self._place = here()
        self._made: Any = None
        self._name = ""
        if gateway.is_gateway(cluster):
            gateway.check(self._connection())

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_made": None}

    def setup(self) -> Any:
        """Start the cluster, and connect to it."""
        with needed("DaskCluster needs Dask", "dask"):
            import distributed  # noqa: F401
        client = self._of_gateway() if gateway.is_gateway(self.cluster) else self._of_class()
        try:
            client.set_metadata([gateway.TAG], self.lease.id)
            if self.self_destruct is not None:
                limit_idleness(client, self.self_destruct)
        except BaseException:
            end(client)
            raise
        return client

    def _of_class(self) -> Any:
        from dask import config
        from distributed import LocalCluster

        try:
            own = class_named(self.cluster, "DaskCluster: cluster=")
        except OptionError as error:
            raise NothingMadeError(str(error)) from None
        options = dict(self.options)
        if self.n_workers is not None:
            options["n_workers"] = self.n_workers
        if self.self_destruct is not None and issubclass(own, LocalCluster):
            options.setdefault("death_timeout", self.self_destruct)
        refuse_unknown_options("DaskCluster", own, options)
        with config.set({_PRE_SPAWN: self.lease.id}):
            try:
                self._made = own(**options)
            finally:
                os.environ.pop(TAG, None)  # Dask puts it there for the workers that it starts
        self.dies_with_kernel = isinstance(self._made, LocalCluster)
        return client_of(self._made)

    def _of_gateway(self) -> Any:
        self._name = gateway.submit(self._connection(), self.options, self.lease.id)
        self.lease.record(self._handle("", self._name))
        client = self._client_of(self._name)
        if self.n_workers is not None:
            client.cluster.scale(self.n_workers)
        return client

    def _client_of(self, name: str) -> Any:
        """A client of a gateway's cluster."""
        return client_of(gateway.connect(self._connection(), name))

    def handle(self, client: Any) -> dict[str, Any]:
        """The scheduler's address, the gateway's name for it, and processes on this machine."""
        from distributed import Scheduler

        cluster = client.cluster
        name = cluster.name if gateway.is_gateway(self.cluster) else ""
        workers = [[one.pid, one.started] for one in processes_of(client)]
        inside = isinstance(getattr(cluster, "scheduler", None), Scheduler)
        return self._handle(str(getattr(cluster, "scheduler_address", "")), name, workers, inside)

    def _handle(
        self,
        scheduler: str,
        name: str,
        workers: list[list[int]] | None = None,
        inside: bool = False,
    ) -> dict[str, Any]:
        place = list(self._place)
        known = {"scheduler": scheduler, "name": name, "place": place}
        return {**known, "workers": workers or [], "inside": inside}

    def attach(self, handle: dict[str, Any]) -> Any:
        """A client, for a later kernel or a worker; for a clean-up, what that needs."""
        if getattr(getattr(self, "lease", None), "state", "") != "closing":
            if handle["name"]:
                return self._client_of(handle["name"])
            from distributed import Client

            return Client(handle["scheduler"])
        place = Place(*handle["place"])
        parts = handle["scheduler"], handle["name"], handle["workers"], place
        return FoundCluster(*parts, inside=handle["inside"])

    def find(self, lease_id: str) -> Any:
        """The cluster of a set-up that did not return."""
        if self._made is not None and lease_id == self.lease.id:
            return self._made if self._made.status.name == "running" else None
        if gateway.is_gateway(self.cluster):
            known = self._name if lease_id == self.lease.id else ""
            name = known or gateway.tagged(self._connection(), lease_id)
            return FoundCluster("", name, [], self._place, inside=False) if name else None
        workers = [[pid, started] for pid, started in _tagged(lease_id)]
        return FoundCluster("", "", workers, self._place, inside=True) if workers else None

    def cleanup(self, client: Any) -> None:
        """Close the client and its cluster; from elsewhere, stop the cluster.

        Raises:
            CleanupError: the cluster is not of this lease, or cannot be reached.
        """
        if self._made is not None and client is self._made:
            client.close()
        elif not isinstance(client, FoundCluster):
            name = client.cluster.name if gateway.is_gateway(self.cluster) else ""
            end(client)
            if name:
                gateway.stop(self._connection(), name, self.lease.id)
        elif client.name:
            gateway.stop(self._connection(), client.name, self.lease.id)
        elif client.inside:
            if not is_elsewhere(client.place):  # else it has ended with its kernel
                own = dict(_tagged(self.lease.id))
                Ended("DaskCluster", [w for w in client.workers if w.pid in own]).close()
        else:
            _shut_down(client.scheduler, self.lease.id)
        self._name = ""

    def _connection(self) -> dict[str, Any]:
        return gateway.connection_of(self.options)


def _shut_down(scheduler: str, lease_id: str) -> None:
    """End a scheduler that runs elsewhere, and its workers.

    Raises:
        CleanupError: it is of another lease, or does not answer.
    """
    from distributed import Client

    address = urlsplit(scheduler)
    try:
        socket.create_connection((address.hostname or "", address.port or 0), 10.0).close()
    except ConnectionRefusedError:
        return
    except OSError as error:
        message = f"the scheduler {scheduler} cannot be reached, so nobody knows of it: {error}"
        raise CleanupError(message) from None
    with Client(scheduler, set_as_default=False) as client:
        if client.get_metadata([gateway.TAG], "") != lease_id:
            message = f"the scheduler {scheduler} is of another lease, and is left alone"
            raise CleanupError(message)
        client.shutdown()


def _tagged(lease_id: str) -> list[tuple[int, int]]:
    """The worker processes of a lease on this machine, each with its start time."""
    found = []
    for one in tagged(TAG, lease_id):
        with suppress(psutil.Error):
            if "multiprocessing" in str(one.cmdline()):
                found.append((one.pid, start_time(one.pid) or -1))
    return found


DaskCluster = ResourceManager(DaskClusterManager, name="DaskCluster")


def _made(
    n_workers: int | None, cluster: str, self_destruct: float | None, options: dict[str, Any]
) -> DaskClusterManager:
    return DaskClusterManager(n_workers, cluster, self_destruct, **options)


KIND = Kind(
    "dask_cluster",
    _made,
    {
        "n_workers": (int, None),
        "cluster": str,
        "self_destruct": (float, None),
        "options": object,
    },
    {"scheduler": str, "name": str, "place": [str], "workers": [[int]], "inside": bool},
    manager=DaskCluster,
    module="distributed",
    install="resnb[dask]",
)
