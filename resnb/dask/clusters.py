"""Which cluster each row of a run goes to, and what happens when one of them is given back."""

import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from resnb.dask.cluster_run import Lane
from resnb.dask.connecting import connected, disconnected, link_of
from resnb.dask.remote_value import Held
from resnb.errors import NoValueError, RunError
from resnb.run.engine import task_runner
from resnb.run.scheduling.outcome import Outcome
from resnb.run.scheduling.plan import send_away
from resnb.states import FAILED, FIRST_FINISHED, Elsewhere

if TYPE_CHECKING:
    from collections.abc import Callable

    from resnb.graph.resources.scope import Scope
    from resnb.run.engine.engine import Engine

KEPT = 100_000_000
"""How many bytes of results come to the kernel when the cluster of a scope is given back."""


_CLIENTS: dict[str, Any] = {}
"""Those made here for scopes, by the scheduler's address: one that stays open is used again."""


class Lanes:
    """The clusters of one run (see `resnb.run.engine.engine.Remote`).

    Args:
        engine: the run.
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
        self._when_over = when_over
        self._lanes: dict[Scope | None, Lane] = {}
        self._faults: dict[Scope | None, str] = {}
        self._own: dict[Scope, str] = {}
        self._left: set[Scope] = set()
        self.link = ""
        self._opening = threading.Lock()
        engine.scopes.before_close = self.leave
        if client is not None:
            send_away(engine.plan, whole=True)
            engine.scheduler.read_again()
            self._lanes[None] = Lane(engine, client, None)

    # ---- for the engine

    def take(self, row: int) -> None:
        """`row` may run."""
        scope = self._engine.plan.remote[self._engine.scheduler.origin(row)]
        lane = self._lanes.get(scope)
        if lane is not None:
            lane.take(row)
            return
        assert scope is not None
        # connecting takes a moment, and the lock is held here
        thread = self._engine.scopes.thread_of(self._engine.plan.row_of[scope.setup_task])
        thread.submit(lambda: self._engine.defended(self._open_for, scope, row))

    def claim(self) -> None:
        """A cancel begins."""
        for lane in list(self._lanes.values()):
            lane.claim()

    def over(self) -> None:
        """Every row has its final state."""
        for lane in list(self._lanes.values()):
            lane.over()

    def join(self) -> None:
        """Wait until nothing goes on."""
        for lane in list(self._lanes.values()):
            lane.join()
        self._when_over()

    def readable(self, values: list[Any]) -> "Readable":
        """The values for what runs in the kernel."""
        return Readable(self._engine, values)

    # ---- scopes

    def _open_for(self, scope: "Scope", row: int) -> None:
        """On the scope's thread: connect to its cluster, and give `row` to it."""
        with self._opening:
            if scope not in self._lanes and scope not in self._faults:
                try:
                    client = self._client_of(scope)
                    self._lanes[scope] = Lane(self._engine, client, scope)
                    self.link = link_of(client)
                except Exception as error:  # noqa: BLE001 - the user's resource
                    self._faults[scope] = str(error)
        if scope in self._lanes:
            self._lanes[scope].take(row)
        else:
            self._refuse(row, RunError(self._faults[scope]))

    def _refuse(self, row: int, error: RunError) -> None:
        engine = self._engine
        engine.post(task_runner.begun, engine, row)
        task = engine.plan.tasks[engine.scheduler.origin(row)]
        outcome = Outcome(FAILED, error=error, reason=str(error))
        task_runner.settle(engine, row, task, outcome)

    def _client_of(self, scope: "Scope") -> Any:
        resource = self._engine.values[self._engine.plan.row_of[scope.setup_task]]
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
        lane = self._lanes.get(scope)
        if lane is None:
            return
        lane.over()
        lane.join()
        with suppress(Exception):  # what cannot be fetched says so when somebody asks for it
            self._bring_home(scope, lane)
        if self.link == link_of(lane.client):
            self.link = ""  # it goes with the cluster
        client = _CLIENTS.pop(self._own.pop(scope), None)
        if client is not None:
            disconnected(client)

    def _bring_home(self, scope: "Scope", lane: Lane) -> None:
        engine = self._engine
        needed, others = self._held_by(scope)
        sizes = _sizes(lane.client, others)
        room = KEPT
        for held in sorted(others, key=lambda one: sizes.get(id(one), 0)):
            room -= sizes.get(id(held), 0)
            if room >= 0 and id(held) in sizes:
                needed.append(held)
        try:
            for held, value in zip(needed, Held.together(needed), strict=True):
                held.settle(value)
        except NoValueError:
            for held in needed:  # one by one: some may be there
                with suppress(NoValueError):
                    held.settle(held.fetched())
        for held in others:
            if held.future is not None:
                held.lose(
                    f"the value of task {held.name!r} went with the Dask cluster of scope "
                    f"{scope.name!r}: use it inside the block, or return less than "
                    f"{KEPT / 1e6:g} MB"
                )
        del engine

    def _held_by(self, scope: "Scope") -> tuple[list[Held], list[Held]]:
        """The values on the cluster of `scope`: those which other tasks still need, and others."""
        engine, plan = self._engine, self._engine.plan
        needed: list[Held] = []
        others: list[Held] = []
        for row, home in plan.remote.items():
            if home is not scope:
                continue
            awaited = any(
                plan.remote.get(after, self) is not scope
                and engine.table.state[after] < FIRST_FINISHED
                and plan.tasks[after].kind != "cleanup"
                for after in plan.downstream[row]
            )
            value = engine.values[row]
            found = value if row in engine.scheduler.children else [value]
            (needed if awaited else others).extend(
                one for one in found if isinstance(one, Held) and one.future is not None
            )
        return needed, others


def _sizes(client: Any, held: list[Held]) -> dict[int, int]:
    """How many bytes each of `held` takes on its cluster."""
    keys = {one.future.key: id(one) for one in held}
    if not keys:
        return {}
    found = client.nbytes(list(keys), summary=False)
    return {keys[key]: size for key, size in found.items() if key in keys}


class Readable:
    """The values of rows, fetched when they are looked up."""

    def __init__(self, engine: "Engine", values: list[Any]) -> None:
        self._engine = engine
        self._values = values

    def __getitem__(self, row: int) -> Any:
        value = self._values[row]
        if isinstance(value, Elsewhere):
            return value.fetched()
        return Held.together(value) if row in self._engine.scheduler.children else value


__all__ = ["KEPT", "Lanes", "Readable"]
