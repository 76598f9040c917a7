"""The engine of a graph that unfolds: rows are added while it runs.

A row is entered in two steps. Its place in the arrays is made by whoever calls the task; then
`UnfoldingScheduler.join`, with the engine's lock held like every step of the scheduler, links it
to what it waits for, which may end at that very moment. Rows are joined in the order in which
they were made. Clean-ups are *held*: they wait, besides, for the end of their block.
"""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from resnb.graph.base.inputs import flat
from resnb.graph.base.triggers import all_successful
from resnb.graph.node import Node
from resnb.run.engine.cancellation import GRACE
from resnb.run.engine.clock import Clock
from resnb.run.engine.engine import NOT_COUNTED, Engine
from resnb.run.engine.slots import NOTHING
from resnb.run.functions.futures import TaskFuture, resolved
from resnb.run.functions.output import UnfoldingOutput
from resnb.run.scheduling.plan import LEASE, LOOP, SCOPE_KINDS, Plan
from resnb.run.scheduling.scheduler import NOT_BEGUN, Scheduler
from resnb.run.scheduling.state_table import Table
from resnb.states import FIRST_FINISHED, SUCCESS

if TYPE_CHECKING:
    from resnb.graph.tasks.task import Task
    from resnb.run.engine.scopes import RunScopes

HERE: Final = 3
"""A lane beside those of `resnb.run.scheduling.plan`: runs on the thread that called the task."""
ENDED: Final = -1
"""What is put into a queue when the row that it was opened for has its final state."""

Inbox = SimpleQueue[int]


class Watcher(Protocol):
    """Somebody who wants to know that a row has ended: an `Inbox`, or what looks like one."""

    def put(self, item: int, /) -> None:
        """`item` is `ENDED`; to the one on whose thread a row is to run also that row."""


class Call(NamedTuple):
    """What the code of a row is called with; futures among it stand for their values."""

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    has_futures: bool = True


class UnfoldingScheduler(Scheduler):
    """A scheduler whose plan grows; `closed` says that it will not grow any more."""

    def __init__(self, plan: Plan, table: Table, ended: Callable[[int], object]) -> None:
        super().__init__(plan, table)
        self.closed = False
        self.joined = 0
        self._cleanups: set[int] = set()
        self._held: set[int] = set()
        self._ended_row = ended
        self._watchers: dict[int, list[Watcher]] = {}

    @property
    def done(self) -> bool:
        """Whether the function has returned, and everything that it began has ended."""
        return self.closed and super().done

    def make_place(self, task: "Task") -> None:
        """A place for one more row, which waits to be joined."""
        self._missing.append(1)
        self._judged.append(task.trigger is not all_successful)

    def join(
        self, row: int, upstream: Iterable[int], cleanup: int, watcher: "Watcher | None"
    ) -> None:
        """Let `row` wait for what it depends on, and the clean-up of its scope for `row`."""
        if watcher is not None:
            self._watchers[row] = [watcher]
        self.joined += 1
        self.unfinished += 1
        plan, state = self.plan, self.table.state
        for one in upstream:
            plan.upstream[row].append(one)
            if state[one] < FIRST_FINISHED:
                plan.downstream[one].append(row)
                self._missing[row] += 1
            elif state[one] != SUCCESS:
                self._judged[row] = 1
        if cleanup >= 0:
            plan.upstream[cleanup].append(row)
            plan.downstream[row].append(cleanup)
            self._missing[cleanup] += 1
        if plan.tasks[row].kind == "cleanup":
            self._cleanups.add(row)
            self._held.add(row)
            self._missing[row] += 1
        self._one_less(row)

    def let_go(self, cleanup: int) -> None:
        """The block of `cleanup` is over: it starts when what is inside has ended."""
        if cleanup in self._held:
            self._held.discard(cleanup)
            self._one_less(cleanup)

    def close(self) -> None:
        """No more rows come."""
        self.closed = True

    def cancel(self, rows: Iterable[int] | None = None, reason: str = NOT_BEGUN) -> list[int]:
        """Give up what has not begun; gives the rows that are running. A row to come is not meant.

        Args:
            rows: as for `Scheduler.cancel`; all that have been joined by default.
            reason: why.
        """
        chosen = range(self.joined) if rows is None else [row for row in rows if row < self.joined]
        return super().cancel(chosen, reason)

    def watch(self, row: int, watcher: "Watcher") -> None:
        """Tell `watcher` once `row` has its final state."""
        if self.table.state[row] >= FIRST_FINISHED:
            watcher.put(ENDED)
        else:
            self._watchers.setdefault(row, []).append(watcher)

    def tell_everybody(self) -> None:
        """Let nobody wait for anything any more."""
        for watchers in tuple(self._watchers.values()):
            for watcher in watchers:
                watcher.put(ENDED)

    def give_up_pending(self, rows: Iterable[int], reason: str) -> None:
        """Give up what has not begun; what runs goes on, and is not tried again."""
        self.cancel(rows, reason)

    def give_up_rest(self, reason: str) -> None:
        """Likewise with everything that there is."""
        self.cancel(None, reason)

    def _one_less(self, row: int) -> None:
        self._missing[row] -= 1
        if not self._missing[row]:
            (self._release if self._judged[row] else self._queue)(row)

    def _queue_refused(self, row: int) -> None:
        self._queue(row)  # there need not be a worker: who called the task calls its handlers

    def _end(self, row: int, code: int) -> None:
        super()._end(row, code)
        self._ended_row(row)
        for watcher in self._watchers.pop(row, ()):
            watcher.put(ENDED)


class UnfoldingEngine(Engine):
    """An engine to which rows are added.

    Attributes:
        adding: held while rows are added, by whoever needs them to follow each other.
    """

    scheduler: UnfoldingScheduler
    output: UnfoldingOutput

    def __init__(
        self, plan: Plan, clock: Clock, scopes: "RunScopes", ended: Callable[[], object]
    ) -> None:
        super().__init__(plan, clock, scopes, ended)
        self._calls: dict[int, Call] = {}
        self._inboxes: dict[int, Watcher] = {}
        self.adding = threading.RLock()
        self.scheduler = UnfoldingScheduler(plan, self.table, self._forget)
        self.scheduler.refused = self.refuse
        scopes.follow(self.scheduler)
        self.output = UnfoldingOutput(self.scheduler)

    def add(
        self,
        node: Node,
        call: Call,
        upstream: Sequence[int],
        *,
        cleanup: int = -1,
        inbox: Watcher | None = None,
        watcher: Watcher | None = None,
    ) -> int:
        """Add a row, which runs as soon as it can; gives its number.

        Args:
            node: the task's node.
            call: what its code is called with.
            upstream: the rows that it waits for.
            cleanup: the clean-up of the scope that it is in, or -1.
            inbox: of the thread on which the code is to run; None for a worker (or where else
                such a task runs).
            watcher: who is told when it has ended.
        """
        with self.adding:
            row = self._add(node, call, inbox)
            self._outcomes.append((self.scheduler.join, row, upstream, cleanup, watcher))
        self.drain()
        return row

    def _add(self, node: Node, call: Call, inbox: Watcher | None) -> int:
        plan, task = self.plan, node.task
        row = len(plan.tasks)
        self._calls[row] = call
        if task.kind in SCOPE_KINDS or (task.thread == "setup" and node.scope is not None):
            plan.lanes[row] = LEASE
        elif inbox is not None:
            plan.lanes[row] = HERE
            self._inboxes[row] = inbox
        elif task.signature.asynchronous:
            plan.lanes[row] = LOOP
        if task.state_handlers or task.on_failure or task.on_cancellation:
            plan.watched.add(row)
        plan.upstream.append([])
        plan.downstream.append([])
        plan.references.append(None)
        plan.functions.append(task.run)
        plan.special.append(1)
        plan.nodes.append(node)
        self.values.append(None)
        self.scheduler.make_place(task)
        self.table.extend(1)
        plan.tasks.append(task)
        plan.row_of[task] = row
        return row

    def add_given(self, node: Node, value: Any) -> int:
        """Add a row that has its value already, such as a parameter's; before the run begins."""
        row = self._add(node, Call((), {}), None)
        self.values[row] = value
        self.table.take_over(row, SUCCESS)
        self.scheduler.joined += 1
        return row

    # ---- cancel: what comes later, such as the clean-up of a `finally` block, runs

    def cancel(self, grace: float = GRACE) -> None:
        """Give up what has not begun so far, ask what runs to stop, and still clean up."""
        self.post(self._give_up_all, grace)

    def interrupted(self, spared: int = NOTHING) -> None:
        """Likewise, soon, but for row `spared`; for a signal handler, which takes no lock."""
        self._outcomes.append((self._give_up_all, GRACE, spared))
        self._tokens.put(NOT_COUNTED)

    def _give_up_all(self, grace: float, spared: int = NOTHING) -> None:
        rows = [row for row in range(self.scheduler.joined) if row != spared]
        self.stopping.give_up(rows, NOT_BEGUN, grace)

    def arguments(
        self, row: int, values: Any = None, flattened: Callable[[Any], Any] = flat
    ) -> tuple[list[Any], dict[str, Any]]:
        """What to call the code of `row` with."""
        del values, flattened  # nothing of it runs on a cluster, and lists are flattened by map
        call = self._calls[row]
        if not call.has_futures:
            return list(call.args), dict(call.kwargs)
        return resolved(list(call.args), self._value_of), resolved(
            dict(call.kwargs), self._value_of
        )

    def _value_of(self, future: TaskFuture) -> Any:
        return self.values[future.row]

    def _forget(self, row: int) -> None:
        self._calls.pop(row, None)
        self._inboxes.pop(row, None)

    def _break_down(self, error: BaseException) -> None:
        """An error of ours ends the run: nobody waits any longer."""
        super()._break_down(error)
        self.scheduler.tell_everybody()

    def _dispatch(self, row: int) -> None:
        inbox = self._inboxes.get(row)
        if inbox is None:
            super()._dispatch(row)
        else:
            inbox.put(row)


__all__ = ["ENDED", "HERE", "Call", "Inbox", "UnfoldingEngine", "UnfoldingScheduler", "Watcher"]
