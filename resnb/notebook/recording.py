"""From a flow's latest run to the record that its timeline is made of."""

from typing import TYPE_CHECKING, TypeAlias

from resnb.run.memory import FlowMemory, memory_of
from resnb.run.plan import LEASE, REMOTE, WORKER
from resnb.view.names import shown
from resnb.view.sketch import Sketch, sketch
from resnb.view.timeline.record import EXECUTOR, LOOP, Block, Record, Use

if TYPE_CHECKING:
    from collections.abc import Sequence

    from resnb.graph.flow import Flow
    from resnb.graph.scope import Scope
    from resnb.ledger.lease import Lease
    from resnb.run.engine import Engine
    from resnb.run.plan import PlannedScope

_Moments: TypeAlias = tuple[float, float]
"""When a run began: on its clock, and since the epoch."""


def recorded(flow: "Flow", drawn: Sketch | None = None) -> Record | None:
    """What the latest run of `flow` wrote down until now; None if there is none to tell of.

    Args:
        flow: the flow.
        drawn: its sketch, if that has been made already.
    """
    memory = memory_of(flow)
    engine = memory.latest_run
    if engine is None:
        return None
    plan, table, drawn = engine.plan, engine.table, drawn or sketch(flow)
    names = {task: node.label for task, node in zip(drawn.tasks, drawn.outline.nodes, strict=True)}
    clusters = {
        scope: one.label for scope, one in zip(drawn.scopes, drawn.outline.clusters, strict=True)
    }
    blocks = tuple(
        Block(one.first, one.last, row) for row, one in dict(engine.scheduler.children).items()
    )
    over = engine.over  # first, for a run that is over changes no more
    began = engine.began
    return Record(
        drawn.outline.name,
        memory.flow_code(),
        began[0],
        max(engine.clock.now(), began[0]),
        over,
        bytes(table.state),
        table.started[:],
        table.ended[:],
        table.tries[:],
        table.worker[:],
        _workers(engine),
        tuple(names.get(task) or shown(task.name) for task in plan.tasks),
        tuple(task.kind for task in plan.tasks),
        tuple(_home(engine, row) for row in range(len(plan.tasks))),
        blocks,
        tuple(
            _use(one, memory, clusters.get(one.scope) or shown(one.scope.name), rows, began)
            for one, rows in zip(plan.scopes, _inside(plan.scopes), strict=True)
        ),
    )


def _workers(engine: "Engine") -> tuple[str, ...]:
    """Their labels in the order of their numbers, which may have gaps."""
    numbered = dict(engine.table.workers)
    labels = [""] * max(numbered.values(), default=0)
    for label, number in numbered.items():
        labels[number - 1] = label
    return tuple(labels)


def _home(engine: "Engine", row: int) -> int:
    lane = engine.plan.lanes.get(row, WORKER)
    if lane in (WORKER, REMOTE):
        return EXECUTOR
    return engine.plan.scope_of[row] if lane == LEASE else LOOP


def _inside(scopes: "Sequence[PlannedScope]") -> list[set[int]]:
    """For each scope the rows in its block, those of scopes inside included."""
    found: dict[Scope, set[int]] = {one.scope: set() for one in scopes}
    for one in scopes:
        for outer in one.scope.around():
            own = () if outer is one.scope else (one.init, one.setup, one.cleanup)
            found[outer].update(one.members, own)
    return list(found.values())


def _use(
    planned: "PlannedScope", memory: FlowMemory, label: str, inside: set[int], began: _Moments
) -> Use:
    scope, setup, cleanup = planned.scope, planned.setup, planned.cleanup
    lease = memory.lease_of(scope)
    gone = _moment(lease, "closed", began)
    return Use(
        label,
        memory.lease_state(scope),
        setup,
        cleanup,
        frozenset(inside - {-1, setup, cleanup}),
        _moment(lease, "open", began),
        _moment(lease, "closing", began),
        _moment(lease, "failed", began) if gone is None else gone,
    )


def _moment(lease: "Lease | None", state: str, began: _Moments) -> float | None:
    """When `lease` came into `state`, on the run's clock."""
    if lease is None or state not in lease.changed:
        return None
    clock, epoch = began
    return clock + lease.changed[state] - epoch


__all__ = ["recorded"]
