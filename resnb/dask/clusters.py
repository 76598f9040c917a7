"""Which cluster each row of a run goes to, and what happens when a cluster is given back."""

import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from resnb.dask.cluster_run import ClusterRun
from resnb.dask.connecting import connected, disconnected, link_of
from resnb.dask.remote_value import RemoteValue
from resnb.elsewhere import Elsewhere
from resnb.errors import NoValueError, RunError
from resnb.graph.resources.scope import ScopeUse
from resnb.run.scheduling.plan import send_away
from resnb.states import FIRST_FINISHED

if TYPE_CHECKING:
    from collections.abc import Callable

    from resnb.graph.resources.scope import Scope
    from resnb.run.engine.engine import Engine
    from resnb.run.engine.execution import Execution

KEPT = 100_000_000
"""Maximum size in bytes of the results that are fetched when a scope's cluster is given back."""


_CLIENTS: dict[str, Any] = {}
"""Clients that were made here for scopes, by the scheduler's address; they are used again."""


class Clusters:
    """The clusters of one run (see `resnb.run.executors.remote.Remote`).

    Args:
        client: the run's own cluster, for every task that can run there; None for none.
        when_over: called once the run uses that cluster no longer.
    """

    def __init__(
        self,
        engine: "Engine",
        client: Any = None,
        when_over: "Callable[[], object]" = lambda: None,
    ) -> None:
        self._engine = engine
        self._execution = engine.execution
        self._when_over = when_over
        self._runs: dict[Scope | None, ClusterRun] = {}
        self._faults: dict[Scope | None, str] = {}
        self._own: dict[Scope, str] = {}
        self._left: set[Scope] = set()
        self.link = ""
        self._opening = threading.Lock()
        engine.execution.scopes.before_close = self.leave
        if client is not None:
            send_away(engine.execution.plan, whole=True)
            self._runs[None] = ClusterRun(engine, client, None)

    # ---- for the engine

    def take(self, row: int) -> None:
        """`row` may run."""
        scope = self._execution.plan.remote[self._execution.mapped.origin(row)]
        run = self._runs.get(scope)
        if run is not None:
            run.take(row)
            return
        assert scope is not None
        # connecting takes a moment, and the lock is held here
        thread = self._execution.scopes.thread_for(ScopeUse(scope))
        thread.submit(lambda: self._execution.feed.defended(self._open_for, scope, row))

    def claim(self) -> None:
        """A cancel begins."""
        for run in list(self._runs.values()):
            run.claim()

    def over(self) -> None:
        """Every row has its final state."""
        for run in list(self._runs.values()):
            run.over()

    def join(self) -> None:
        """Wait until nothing goes on any more."""
        for run in list(self._runs.values()):
            run.join()
        self._when_over()

    def readable(self, values: list[Any]) -> "Readable":
        """The values for what runs in the kernel."""
        return Readable(self._execution, values)

    # ---- scopes

    def _open_for(self, scope: "Scope", row: int) -> None:
        """On the scope's thread: connect to its cluster, and give `row` to it."""
        with self._opening:
            if scope not in self._runs and scope not in self._faults:
                try:
                    client = self._client_of(scope)
                    self._runs[scope] = ClusterRun(self._engine, client, scope)
                    self.link = link_of(client)
                except Exception as error:  # noqa: BLE001 - the user's resource
                    self._faults[scope] = str(error)
        if scope in self._runs:
            self._runs[scope].take(row)
        else:
            self._engine.runner.refuse(row, RunError(self._faults[scope]))

    def _client_of(self, scope: "Scope") -> Any:
        row = self._execution.plan.row_of.get(scope.setup_task)
        if row is None:  # an earlier run has left it open
            resource = self._execution.scopes.leases[ScopeUse(scope)].resource
        else:
            resource = self._execution.values[row]
        key = resource if isinstance(resource, str) else getattr(resource, "scheduler_address", "")
        client = _CLIENTS.get(key)
        if client is None or client.status != "running":
            client, own = connected(resource, f"scope {scope.name!r} is an executor")
            if own:
                _CLIENTS[key] = client
        self._own[scope] = key
        return client

    def leave(self, scope: "Scope") -> None:
        """The cluster of `scope` is given back: fetch what others need, and what is small."""
        run = self._runs.get(scope)
        if run is None:
            return
        run.over()
        run.join()
        with suppress(Exception):  # whoever asks for what cannot be fetched gets an error
            self._fetch_values(scope, run)
        if self.link == link_of(run.client):
            self.link = ""  # it goes with the cluster
        client = _CLIENTS.pop(self._own.pop(scope), None)
        if client is not None:
            disconnected(client)

    def _fetch_values(self, scope: "Scope", run: ClusterRun) -> None:
        needed, others = self._values_on(scope)
        sizes = _sizes(run.client, others)
        room: float = KEPT
        for value in sorted(others, key=lambda one: sizes.get(id(one), 0)):
            room -= sizes.get(id(value), 0)
            if room >= 0 and id(value) in sizes:
                needed.append(value)
        try:
            for one, value in zip(needed, RemoteValue.together(needed), strict=True):
                one.settle(value)
        except NoValueError:
            for one in needed:  # one by one: some may be there
                with suppress(NoValueError):
                    one.settle(one.fetched())
        for one in others:
            if one.future is not None:
                one.lose(
                    f"the value of task {one.name!r} went with the Dask cluster of scope "
                    f"{scope.name!r}: use it inside the block, or return less than "
                    f"{KEPT / 1e6:g} MB"
                )

    def _values_on(self, scope: "Scope") -> tuple[list[RemoteValue], list[RemoteValue]]:
        """The values on the cluster of `scope`: those that other tasks still need, and others."""
        execution, plan = self._execution, self._execution.plan
        needed: list[RemoteValue] = []
        others: list[RemoteValue] = []
        for row, home in plan.remote.items():
            if home is not scope:
                continue
            awaited = any(
                plan.remote.get(after, self) is not scope
                and execution.table.state[after] < FIRST_FINISHED
                and plan.tasks[after].kind != "cleanup"
                for after in plan.downstream[row]
            )
            value = execution.values[row]
            found = value if row in execution.mapped.children else [value]
            (needed if awaited else others).extend(
                one for one in found if isinstance(one, RemoteValue) and one.future is not None
            )
        return needed, others


def _sizes(client: Any, values: list[RemoteValue]) -> dict[int, float]:
    """How many bytes each of `values` takes on its cluster; those of a bundle share its size."""
    groups: dict[str, list[int]] = {}
    for one in values:
        groups.setdefault(one.future.key, []).append(id(one))
    if not groups:
        return {}
    found = client.nbytes(list(groups), summary=False)
    return {
        one: size / len(groups[key]) for key, size in found.items() for one in groups.get(key, ())
    }


class Readable:
    """The values of rows, fetched when they are looked up."""

    def __init__(self, execution: "Execution", values: list[Any]) -> None:
        self._execution = execution
        self._values = values

    def __getitem__(self, row: int) -> Any:
        value = self._values[row]
        if isinstance(value, Elsewhere):
            return value.fetched()
        return RemoteValue.together(value) if row in self._execution.mapped.children else value
