"""What one run consists of: plan, scheduler, scopes, output, clock, and the rows' values.

The value of a row that failed is its exception. A value on a cluster stays there until it is looked
up through `Execution.readable`.
"""

from collections.abc import Callable, Mapping, Sequence
from time import time
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from resnb.elsewhere import LetGo
from resnb.graph.base.inputs import flat
from resnb.graph.base.signals import TRIGGERFAIL
from resnb.run.engine.feed import Feed
from resnb.run.engine.surroundings import given
from resnb.run.letting_go import LettingGo
from resnb.run.output.writer import Output
from resnb.run.scheduling.plan import argument

if TYPE_CHECKING:
    from resnb.graph.tasks.task import Task
    from resnb.run.engine.clock import Clock
    from resnb.run.engine.slots import Slot
    from resnb.run.executors.remote import Remote
    from resnb.run.scheduling.outcome import Outcome
    from resnb.run.scheduling.scheduler import Scheduler
    from resnb.run.scopes.run_scopes import RunScopes
    from resnb.states import State


class Execution:
    """One run in progress, or the record of one that has ended.

    Attributes:
        feed: through which outcomes reach the scheduler.
        values: the value of each row; argument lists are read from here.
        items: for each mapped row what its children are mapped over, by argument.
        owners: for each mapped row, and each row whose values it flattens, the child that gave each
            item.
        columns: the arguments of all children of a mapped row, where these are plain calls.
        loops: for each row that raised LOOP, the number of its round, from 1, and the last result.
        run_id: identifies the run.
        surroundings: what `resnb.context` had been given where the run began.
        remote: what runs rows on clusters, if any do.
        add_worker: starts a worker, which may replace one that hangs; None if the executor cannot.
        began: when the run began, in seconds of its clock, and in seconds since the epoch.
        over: when everything had ended, in seconds of its clock; None before.
        forked: whether this is a forked child, in which the run does not go on.
        defect: an internal error, or what interrupted the engine, that ended the run.
    """

    def __init__(self, scheduler: "Scheduler", scopes: "RunScopes", clock: "Clock") -> None:
        self.scheduler = scheduler
        self.plan = scheduler.plan
        self.table = scheduler.table
        self.mapped = scheduler.mapped
        self.scopes = scopes
        self.clock = clock
        self.feed = Feed(scheduler, clock)
        self.post = self.feed.post
        self.after = self.feed.after
        self.output = Output(scheduler)
        self.values: list[Any] = [None] * len(self.plan.tasks)
        self.errors: dict[int, BaseException] = {}
        self.items: dict[int, dict[str, Sequence[Any]]] = {}
        self.owners: dict[int, dict[int, list[int]]] = {}
        self.columns: dict[int, Sequence[Sequence[Any]]] = {}
        self.loops: dict[int, tuple[int, Any]] = {}
        self.run_id = str(uuid4())
        self.surroundings: Mapping[str, Any] = given()
        self.remote: Remote | None = None
        self.slots: list[Slot] = []
        self.add_worker: Callable[..., bool] | None = None
        self.began = (clock.now(), time())
        self.over: float | None = None
        self.forked = False
        self.defect: BaseException | None = None
        self._kept: dict[int, list[Any]] = {}
        self._letting_go: LettingGo | None = None
        scheduler.refused = self._refuse
        if self.plan.flow.keep_values == "terminal" and not self.plan.grows:
            self._letting_go = LettingGo(self)
            scheduler.on_end = self._letting_go.ended

    def task_of(self, row: int) -> "Task":
        """The task of `row`, which may be a child of a mapped one."""
        tasks = self.plan.tasks
        return tasks[row] if row < len(tasks) else tasks[self.mapped.origin(row)]

    def is_special(self, row: int) -> bool:
        """Whether running `row` takes more than calling its code."""
        return bool(self.plan.special[self.mapped.origin(row)])

    def begin_try(self, row: int, worker: int = 0) -> None:
        """A try of `row` begins, on the worker with that number."""
        self.table.tries[row] += 1
        self.table.worker[row] = worker
        self.table.started[row] = self.clock.now()

    # ---- values

    def receive(self) -> None:
        """Take over the values of the states that were given to the run.

        Raises:
            NoValueError: one was on a cluster that is gone.
        """
        for row, state in self.plan.given.items():
            children = getattr(state, "map_states", ())
            self.values[row] = (
                [self._received(one) for one in children] if children else self._received(state)
            )
        for row, states in self.plan.kept.items():
            self._kept[row] = [self._received(one) if one.is_finished() else None for one in states]
        if self._letting_go is not None:
            self._letting_go.begin()

    def _received(self, state: "State") -> Any:
        is_there = self.remote is not None or isinstance(state.kept, LetGo)
        return state.kept if is_there else state.result

    def kept_values(self, row: int) -> list[Any]:
        """The values of those children of `row` that need not run again; None for the others.

        To be called once, when the row gets its children: the values are not kept here after that.
        """
        return self._kept.pop(row)

    @property
    def readable(self) -> Any:
        """The value of each row, for what runs in the kernel."""
        return self.values if self.remote is None else self.remote.readable(self.values)

    def arguments(
        self, row: int, values: Any = None, flattened: Callable[[Any], Any] = flat
    ) -> tuple[list[Any], dict[str, Any]]:
        """What to call the code of `row` with.

        `values` stands in for the values in the kernel, and `flattened` takes a level of nesting
        out of a value.
        """
        plan = self.plan
        values = self.readable if values is None else values
        if plan.grows:
            return plan.added[row].arguments.actual(values)
        origin = self.mapped.origin(row)
        items: dict[str, Sequence[Any]] = {}
        if row != origin:
            items, index = self.items[origin], self.mapped.index(row)
        node = plan.nodes[origin]
        actual = {
            key: items[key][index] if key in items else argument(value, plan.row_of, values)
            for key, value in node.inputs.items()
        }
        for key in node.flattened - node.mapped:
            actual[key] = flattened(actual[key])
        pairs = list(actual.items())
        return [value for _, value in pairs[: node.positional]], dict(pairs[node.positional :])

    def store(self, row: int, value: Any) -> None:
        """Keep the value of `row`; a child's goes into the list that is its mapped row's value."""
        if row < len(self.plan.tasks):
            self.values[row] = value
        else:
            self.values[self.mapped.origin(row)][self.mapped.index(row)] = value

    def keep(self, row: int, outcome: "Outcome") -> None:
        """Keep the value of `row`, or its exception, which stands for the value if it failed."""
        value = outcome.value
        if outcome.error is not None:
            self.errors[row] = outcome.error
            value = outcome.error if value is None else value
        self.store(row, value)

    def _refuse(self, row: int, reason: str) -> None:
        """Keep the error of `row`, which ends because of its trigger without having run."""
        self.errors[row] = error = TRIGGERFAIL(reason)
        self.store(row, error)
