"""The plan of a run: a flow (or a part of it) as arrays.

Row numbers follow the order in which tasks were added. The plan of a flow never changes; that of
a ``@flow`` function grows while the function runs.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from resnb.graph.arguments import Collection, Constant
from resnb.graph.base.kinds import SCOPE_KINDS
from resnb.graph.base.triggers import all_successful
from resnb.run.caching.lasting import is_kept
from resnb.run.scheduling.growth import AddedRow, AddedRows

if TYPE_CHECKING:
    from resnb.graph.arguments import Input
    from resnb.graph.flow import Flow
    from resnb.graph.node import Node
    from resnb.graph.resources.scope import Scope
    from resnb.graph.tasks.task import Task
    from resnb.states import State

WORKER: Final = 0
LEASE: Final = 1
LOOP: Final = 2
REMOTE: Final = 3
CALLER: Final = 4
"""Where the code of a row runs: on the executor, on its scope's lease thread, on the loop thread,
on a cluster, or on the thread that called the task (in a ``@flow`` function)."""


class PlannedScope(NamedTuple):
    """A scope's own rows, and those of its members (-1: not part of this run)."""

    scope: "Scope"
    init: int
    setup: int
    cleanup: int
    members: Sequence[int]


class Plan:
    """The arrays of a run.

    Args:
        grows: whether rows are added while the run goes on.

    Attributes:
        upstream: the rows that a row waits for.
        downstream: the rows that wait for a row.
        references: the rows whose values are a row's arguments, if these are all plain references
            passed by position; None if they have to be assembled.
        judged: 1 where more than "all upstream rows succeeded" decides whether a row runs.
        special: 1 where running a row takes more than calling its code.
        watched: the rows with handlers or hooks that are called even if the code does not run.
        lanes: where the code of a row runs, if not on the executor.
        scope_of: the index of the scope that a row belongs to or is a member of.
        given: the final states that were given to the run.
        remote: the rows that run on a cluster: that of a scope, or (None) the whole run's.
        sends_away: whether rows that are added, and can run there, run on the run's cluster.
        kept: for mapped rows of which some children need not run again, the children's states.
        added: the rows that were added and have not ended.
    """

    def __init__(self, flow: "Flow", *, grows: bool = False) -> None:
        self.flow = flow
        self.grows = grows
        self.tasks: list[Task] = []
        self.nodes: list[Node] = []
        self.row_of: dict[Task, int] = {}
        self.upstream: list[Sequence[int]] = []
        self.downstream: list[Sequence[int]] = []
        self.references: list[tuple[int, ...] | None] = []
        self.functions: list[Callable[..., Any]] = []
        self.judged = bytearray()
        self.special = bytearray()
        self.watched: set[int] = set()
        self.lanes: dict[int, int] = {}
        self.scopes: list[PlannedScope] = []
        self.scope_of: dict[int, int] = {}
        self.given: dict[int, State] = {}
        self.remote: dict[int, Scope | None] = {}
        self.sends_away = False
        self.kept: dict[int, list[State]] = {}
        self.added = AddedRows()

    def scopes_around(self, row: int) -> list[int]:
        """The scopes around `row`, from the inside out; those of its own task included."""
        index = self.scope_of.get(row, -1)
        if index < 0:
            return []
        return [
            known
            for scope in self.scopes[index].scope.around()
            for known, planned in enumerate(self.scopes)
            if planned.scope is scope
        ]

    def link(self, upstream: int, downstream: int, *, waits: bool = True) -> None:
        """Let row `downstream` depend on row `upstream`, and wait for it unless it has ended."""
        self.upstream[downstream] = with_one(self.upstream[downstream], upstream)
        if waits:
            self.downstream[upstream] = with_one(self.downstream[upstream], downstream)

    def append(self, node: "Node", added: AddedRow) -> int:
        """Make a place for one more row, which nothing refers to yet; returns its number."""
        task, row = node.task, len(self.tasks)
        lane = lane_of(node)
        if added.inbox is not None and lane != LEASE:
            lane = CALLER
        if lane == WORKER and self.sends_away and task.kind != "parameter":
            lane = REMOTE
            self.remote[row] = None
        if lane != WORKER:
            self.lanes[row] = lane
        if task.state_handlers or task.on_failure or task.on_cancellation:
            self.watched.add(row)
        self.added[row] = added
        self.upstream.append([])
        self.downstream.append([])
        self.references.append(None)
        self.functions.append(_looking_first(self, node) if is_kept(task) else task.run)
        self.judged.append(task.trigger is not all_successful)
        self.special.append(1)
        self.nodes.append(node)
        self.tasks.append(task)
        self.row_of[task] = row
        return row

    def add_scope(self, planned: PlannedScope) -> int:
        """Add a scope, whose own rows have been added; returns its index."""
        index = len(self.scopes)
        self.scope_of.update(dict.fromkeys((planned.init, planned.setup, planned.cleanup), index))
        self.scopes.append(planned)
        return index


def with_one(rows: Sequence[int], row: int) -> Sequence[int]:
    """`rows` and `row`; a list, as rows that are added have, is changed in place."""
    if isinstance(rows, list):
        rows.append(row)
        return rows
    return (*rows, row)


def lane_of(node: "Node") -> int:
    """Where the code of a task runs, clusters aside."""
    task = node.task
    if task.kind in SCOPE_KINDS or (task.thread == "setup" and node.scope is not None):
        return LEASE
    signature = task._signature  # noqa: SLF001 - a cached property, read 10,000 times
    return LOOP if signature is not None and signature.asynchronous else WORKER


def send_away(plan: Plan, *, whole: bool = False) -> None:
    """Let rows run on a cluster: those in a scope that is their executor, or all that can.

    Of a plan that grows, only rows that are yet to come.

    Coroutines, parameters and what is bound to a scope's thread stay in the kernel.
    """
    plan.sends_away = plan.grows and whole
    for row, task in enumerate(plan.tasks):
        if plan.grows or row in plan.lanes or row in plan.given or task.kind == "parameter":
            continue
        index = plan.scope_of.get(row, -1)
        around = plan.scopes[index].scope.around() if index >= 0 else ()
        scope = next((one for one in around if one.executes), None)
        if scope is not None or whole:
            plan.remote[row] = scope
    for row in plan.remote:
        plan.lanes[row] = REMOTE
        plan.judged[row] = 1
    for row in (*plan.remote, *plan.given):
        for after in plan.downstream[row]:
            plan.special[after] |= after not in plan.lanes  # its arguments have to be fetched


def argument(value: "Input", row_of: "Mapping[Task, int]", values: Any) -> Any:
    """The actual argument for `value`, from the run's values."""
    if isinstance(value, Constant):
        return value.value
    if isinstance(value, Collection):
        kind = value.kind
        parts = [argument(item, row_of, values) for item in value.items]
        if kind is dict:
            return dict(zip(parts[::2], parts[1::2], strict=True))
        return slice(*parts) if kind is slice else kind(parts)
    return values[row_of[value]]


def _looking_first(plan: Plan, node: "Node") -> Callable[..., Any]:
    from resnb.run.caching.tasks import looking_first

    return next(looking_first(plan.flow, [node])) or node.task.run
