"""`DaskExecutor`: runs tasks on a Dask cluster, by default on one of all cores of this machine."""

import logging
from collections.abc import Mapping
from contextlib import suppress
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from resnb.dask.clusters import Clusters
from resnb.dask.connecting import answers, connected, disconnected, link_of
from resnb.dask.own_cluster import KernelCluster, OtherCluster
from resnb.errors import OptionError
from resnb.ledger.kernel.keeper import KEEPER
from resnb.ledger.kernel.kernel_wide import SharedResource
from resnb.ledger.kernel.lease import Lease
from resnb.ledger.kernel.request import LeaseRequest
from resnb.ledger.kernel.thread import LeaseThread
from resnb.ledger.states import OPEN
from resnb.run.engine.interrupts import awaited
from resnb.run.executors.threads import Workers
from resnb.unsupported import EXECUTOR_OPTIONS, refuse, without

if TYPE_CHECKING:
    from resnb.run.engine.engine import Engine

KERNEL_WORKERS = 8
"""Maximum number of tasks that run at the same time in the kernel, of those that must run there."""
CLOSING_LIMIT = 10.0
"""How long the end of a cluster that does not answer may hold up the next one, in seconds."""
NAME = "kernel/dask"


class DaskExecutor:
    """Runs tasks on Dask; values stay on the cluster until somebody asks for them.

    Set-up, clean-up, hooks, coroutines and what is bound to a scope's thread stay in the kernel.

    Args:
        address: a Dask client, a cluster, or a scheduler's address, none of which is ever closed;
            by default a cluster on this machine, which the kernel starts when it is first
            needed and keeps for the next runs (``%resources`` lists it as ``kernel/dask``).
        cluster_class: the class of that cluster, or where to import it from
            (``"dask_kubernetes.KubeCluster"``); by default `distributed.LocalCluster`.
        cluster_kwargs: its options.
        adapt_kwargs: options of its ``adapt``, such as ``maximum=10``; it keeps its size without.
        client_kwargs: options of the `distributed.Client` that is made for it.
        debug: whether the log of that cluster is shown.
        **options: more options of the cluster, as `distributed.LocalCluster` takes them:
            ``n_workers``, ``threads_per_worker``, ``memory_limit``, ...

    Attributes:
        address: the scheduler's address, if that was given.

    Raises:
        OptionError: there are options of a cluster or client, but it exists already.

    Example:
        >>> from distributed import Client
        >>> with Flow("sum") as flow:
        ...     total = Parameter("a") + 1
        >>> with Client(n_workers=1, processes=False, dashboard_address=":0") as client:
        ...     state = flow.run(a=1, executor=DaskExecutor(client))
        ...     total.value
        2
    """

    def __init__(  # noqa: PLR0917 - Prefect's places
        self,
        address: Any = None,
        cluster_class: Any = None,
        cluster_kwargs: Mapping[str, Any] | None = None,
        adapt_kwargs: Mapping[str, Any] | None = None,
        client_kwargs: Mapping[str, Any] | None = None,
        debug: bool | None = None,
        **options: Any,
    ) -> None:
        refuse("DaskExecutor", options, EXECUTOR_OPTIONS)
        options = {**(cluster_kwargs or {}), **without(options, EXECUTOR_OPTIONS)}
        given = {"cluster_class": cluster_class, "adapt_kwargs": adapt_kwargs}
        surplus = [*options, *(name for name, value in given.items() if value is not None)]
        if address is not None and surplus:
            message = (
                f"DaskExecutor: {min(surplus)!r} is an option of a new cluster, and a cluster was "
                "given: leave out one of the two"
            )
            raise OptionError(message)
        if cluster_class is not None:
            options["cluster_class"] = cluster_class
        elif debug:
            options.setdefault("silence_logs", logging.INFO)
        self.address = address if isinstance(address, str) else None
        self._target = address
        self._options = tuple(sorted(options.items()))
        self._adapt, self._client_options = adapt_kwargs, dict(client_kwargs or {})
        self._kind = KernelCluster if cluster_class is None else OtherCluster
        self._client: Any = None
        self._is_own = False

    @property
    def dashboard_link(self) -> str:
        """The address of the cluster's dashboard; empty before its first run, or without Bokeh."""
        return link_of(self._client)

    def start(self, engine: "Engine") -> Workers:
        """Get ready for one run.

        Raises:
            RunError: no scheduler answers.
        """
        clusters = self._on_kernels(engine) if self._target is None else self._on_given(engine)
        clusters.link = self.dashboard_link
        engine.execution.remote = clusters
        return Workers(engine, KERNEL_WORKERS)

    def close(self) -> None:
        """Close the connection that was made here, or the cluster that the kernel has started.

        Values that were not fetched are gone then.
        """
        if self._is_own and self._client is not None:
            disconnected(self._client)
        elif self._target is None:
            entry = self._entry()
            if entry.lease is not None:
                KEEPER.close([entry.lease])
        self._client = None

    def _on_given(self, engine: "Engine") -> Clusters:
        if self._client is None or self._client.status != "running":
            self._client, self._is_own = connected(self._target, repr(self), **self._client_options)
        return Clusters(engine, self._client, self._when_over)

    def _when_over(self) -> None:
        if self._is_own and self._client.status != "running":
            self.close()  # it would search for its scheduler, and complain

    def _on_kernels(self, engine: "Engine") -> Clusters:
        """Use the kernel's cluster; its lease is held for as long as the run uses it."""
        entry = self._entry()
        opened: SimpleQueue[Lease | BaseException] = SimpleQueue()
        thread = LeaseThread()

        def open_it() -> None:
            try:
                _give_up_broken(entry)
                opened.put(entry.opened(engine, lambda: self._prepared(entry, thread)))
            except BaseException as error:  # noqa: BLE001 - it is raised where the run is started
                opened.put(error)

        def release() -> None:
            unused = entry.released(engine)
            if unused is not None:
                with suppress(Exception):  # the lease keeps the reason, and stays listed
                    KEEPER.close([unused])

        thread.submit(open_it)
        try:
            lease = awaited(opened)
        except BaseException:
            thread.submit(release)  # once it is open
            raise
        finally:
            thread.close()
        if isinstance(lease, BaseException):
            raise lease
        self._client = lease.resource
        try:
            return Clusters(engine, self._client, release)
        except BaseException:
            release()
            raise

    def _entry(self) -> SharedResource:
        return KEEPER.shared(self._kind, (self._options, self._adapt, self._client_options))

    def _prepared(self, entry: SharedResource, thread: LeaseThread) -> Lease:
        """Open the lease of the kernel's cluster; on its thread."""
        manager = self._kind(*entry.arguments)
        lease = KEEPER.prepare(LeaseRequest(NAME, manager, thread))
        KEEPER.share(entry)
        if lease.state != OPEN:
            lease.set_up()
        return lease

    def __repr__(self) -> str:
        """The call that makes it, without addresses."""
        if self._target is None:
            return f"DaskExecutor({', '.join(f'{key}={value!r}' for key, value in self._options)})"
        kind = "address" if isinstance(self._target, str) else type(self._target).__name__
        return f"DaskExecutor(<{kind}>)"


def _give_up_broken(entry: SharedResource) -> None:
    """Close the kernel's cluster if it does not answer any more, so that a new one is started."""
    lease = entry.lease
    if lease is None or lease.state != OPEN or lease.in_use:
        return
    if not answers(lease.resource):
        KEEPER.close([lease], CLOSING_LIMIT)
