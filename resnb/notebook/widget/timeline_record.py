"""The record of a flow's latest run, from which its timeline is made."""

from typing import TYPE_CHECKING, TypeAlias

from resnb.graph.resources.scope import WHOLE, ScopeUse
from resnb.run.inspection import running_for
from resnb.run.lease_memory import lease_word
from resnb.run.memory import FlowMemory, memory_of
from resnb.run.scheduling.plan import CALLER, LEASE, REMOTE, WORKER
from resnb.view.names import shown
from resnb.view.sketch import Sketch, sketch
from resnb.view.timeline.record import EXECUTOR, LOOP, Block, ResourceUse, RunRecord

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from resnb.graph.flow import Flow
    from resnb.graph.resources.scope import Scope
    from resnb.graph.tasks.task import Task
    from resnb.ledger.kernel.lease import Lease
    from resnb.run.engine.execution import Execution
    from resnb.run.scheduling.plan import PlannedScope

_Moments: TypeAlias = tuple[float, float]
"""The time when a run began: on its clock, and since the epoch."""


class FlowTimes:
    """The times of a flow's latest run; see `resnb.view.live.run_times`.

    Args:
        flow: the flow.
    """

    def __init__(self, flow: "Flow") -> None:
        self._flow = flow

    def seconds_of(self, task: "Task") -> float | None:
        """How long the latest try of `task` took, or has been taking; None if none has begun."""
        memory = memory_of(self._flow)
        took = memory.duration_of(task)
        return running_for(memory, task) if took is None or took < 0 else took

    def record_of(self, drawn: Sketch) -> RunRecord | None:
        """The record of the latest run; None if there is none."""
        return record_of(self._flow, drawn)


def record_of(flow: "Flow", drawn: Sketch | None = None) -> RunRecord | None:
    """The record of the latest run of `flow` until now; None if it has not run.

    Args:
        flow: the flow.
        drawn: its sketch, if there is one already.
    """
    memory = memory_of(flow)
    execution = memory.latest_run
    if execution is None:
        return None
    plan, table, drawn = execution.plan, execution.table, drawn or sketch(flow)
    names = {task: node.label for task, node in zip(drawn.tasks, drawn.outline.nodes, strict=True)}
    clusters = {
        scope: one.label for scope, one in zip(drawn.scopes, drawn.outline.clusters, strict=True)
    }
    blocks = tuple(
        Block(one.first, one.last, row) for row, one in dict(execution.mapped.children).items()
    )
    uses, places = _uses(execution, memory, clusters)
    over = execution.over  # read first: a run that is over does not change any more
    began = execution.began
    return RunRecord(
        drawn.outline.name,
        memory.code,
        began[0],
        max(execution.clock.now(), began[0]),
        over,
        bytes(table.state),
        table.started[:],
        table.ended[:],
        table.tries[:],
        table.worker[:],
        _workers(execution),
        tuple(names.get(task) or shown(task.name) for task in plan.tasks),
        tuple(task.kind for task in plan.tasks),
        tuple(_home(execution, row, places) for row in range(len(plan.tasks))),
        blocks,
        uses,
    )


def _workers(execution: "Execution") -> tuple[str, ...]:
    """The workers' labels in the order of their numbers, which may have gaps."""
    numbered = dict(execution.table.workers)
    labels = [""] * max(numbered.values(), default=0)
    for label, number in numbered.items():
        labels[number - 1] = label
    return tuple(labels)


def _home(execution: "Execution", row: int, places: "Sequence[int]") -> int:
    """The lane in which `row` ran; `places` has the index of each scope's first use."""
    lane = execution.plan.lanes.get(row, WORKER)
    if lane in (WORKER, REMOTE, CALLER):
        return EXECUTOR
    return places[execution.plan.scope_of[row]] if lane == LEASE else LOOP


def _uses(
    execution: "Execution", memory: FlowMemory, labels: "Mapping[Scope, str]"
) -> tuple[tuple[ResourceUse, ...], list[int]]:
    """The uses of all scopes, and for each scope the index of its first one."""
    uses: list[ResourceUse] = []
    places: list[int] = []
    scopes = tuple(execution.plan.scopes)
    for planned, rows in zip(scopes, _inside(scopes), strict=True):
        places.append(len(uses))
        scope = planned.scope
        label = labels.get(scope) or shown(scope.name)
        block = execution.mapped.children.get(planned.setup) if scope.is_mapped else None
        items = range(WHOLE, 0) if block is None else range(block.last - block.first)
        in_step = execution.scopes.rows.in_step(scope)
        for item in items:
            use = _use(planned, memory, item, rows, execution.began)
            uses.append(use._replace(label=ScopeUse(scope, item).named(label), in_step=in_step))
    return tuple(uses), places


def _inside(scopes: "Sequence[PlannedScope]") -> list[set[int]]:
    """For each scope the rows in its block, with those of nested scopes."""
    found: dict[Scope, set[int]] = {one.scope: set() for one in scopes}
    for one in scopes:
        for outer in one.scope.around():
            own = () if outer is one.scope else (one.init, one.setup, one.cleanup)
            found[outer].update(one.members, own)
    return list(found.values())


def _use(
    planned: "PlannedScope", memory: FlowMemory, item: int, inside: set[int], began: _Moments
) -> ResourceUse:
    scope, setup, cleanup = planned.scope, planned.setup, planned.cleanup
    lease = memory.lease_of(scope, item)
    gone = _moment(lease, "closed", began)
    return ResourceUse(
        scope.name,
        lease_word(lease),
        setup,
        cleanup,
        frozenset(inside - {-1, setup, cleanup}),
        _moment(lease, "open", began),
        _moment(lease, "closing", began),
        _moment(lease, "failed", began) if gone is None else gone,
        item,
    )


def _moment(lease: "Lease | None", state: str, began: _Moments) -> float | None:
    """The time when `lease` entered `state`, on the run's clock."""
    if lease is None or state not in lease.changed:
        return None
    clock, epoch = began
    return clock + lease.changed[state] - epoch
