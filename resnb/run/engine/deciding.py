"""Whether a row that was taken is to run: its verdict, the user's trigger, a cancel, handlers."""

from typing import TYPE_CHECKING

from resnb.graph.base.signals import TRIGGERFAIL, Signal
from resnb.graph.base.triggers import Trigger
from resnb.graph.tasks.edge import Edge
from resnb.graph.tasks.task import Task
from resnb.run.engine.hooks import handled
from resnb.run.engine.result import state_of
from resnb.run.scheduling import outcome as outcomes
from resnb.run.scheduling.outcome import Outcome
from resnb.run.scheduling.scheduler import NOT_BEGUN
from resnb.states import (
    CANCELLED,
    FIRST_FINISHED,
    MAPPED,
    PENDING,
    RETRYING,
    RUNNING,
    TRIGGER_FAILED,
    Retrying,
    State,
)

if TYPE_CHECKING:
    from resnb.run.engine.engine import Engine


def is_mapped(engine: "Engine", row: int) -> bool:
    """Whether `row` is to get children, rather than to run."""
    return row < len(engine.plan.nodes) and engine.plan.nodes[row].is_mapped


def decided(engine: "Engine", row: int, task: Task, before: int) -> Outcome | None:
    """What becomes of `row` if it is not to run, by its trigger and handlers; None if it is.

    Args:
        engine: the run.
        row: the row, which the caller has taken.
        task: its task.
        before: its state until now.
    """
    old = Retrying(result=engine.errors.get(row)) if before == RETRYING else None
    refused = _refusal(engine, row, task) if before == PENDING else None
    refused = refused or _given_up(engine, row, task)
    if refused is not None:
        chosen = handled(task, old, refused)
        return chosen if chosen.code >= FIRST_FINISHED else refused
    if not task.state_handlers:
        return None
    chosen = handled(task, old, Outcome(MAPPED if is_mapped(engine, row) else RUNNING))
    if chosen.code >= FIRST_FINISHED and chosen.code != MAPPED:
        return chosen
    return _given_up(engine, row, task)  # a handler may have done that


def _given_up(engine: "Engine", row: int, task: Task) -> Outcome | None:
    scheduler = engine.scheduler
    if task.kind == "cleanup" or not (scheduler.cancelled or scheduler.is_given_up(row)):
        return None
    return Outcome(CANCELLED, reason=scheduler.why_given_up(row) or NOT_BEGUN)


def _refusal(engine: "Engine", row: int, task: Task) -> Outcome | None:
    """The final state of `row` if it is not to run; None if it is."""
    verdict = engine.scheduler.verdicts.get(row)
    if verdict is None:
        return _own_trigger(engine, row, task)
    code, reason = verdict
    error = TRIGGERFAIL(reason) if code == TRIGGER_FAILED else None
    return Outcome(code, error=error, reason=reason)


def _own_trigger(engine: "Engine", row: int, task: Task) -> Outcome | None:
    """What a trigger function of the user's own decides; None to run.

    For a mapped task it is asked for each child.
    """
    if isinstance(task.trigger, Trigger):
        return None
    scheduler = engine.scheduler
    origin = scheduler.origin(row)
    if row == origin and engine.plan.nodes[row].is_mapped:
        return None
    upstream: dict[Edge, State] = {}
    known: dict[int, State] = {}  # one state for two edges counts once
    for edge in _edges_of(engine, origin):
        source = engine.plan.row_of[edge.upstream_task]
        block = scheduler.children.get(source)
        if edge.mapped and block is not None:
            index = scheduler.child_index(row)
            owners = engine.owners.get(origin, {}).get(source)
            source = block.first + index if owners is None else owners[index]
        if source not in known:
            known[source] = state_of(engine, source)
        upstream[edge] = known[source]
    try:
        if task.trigger(upstream):
            return None
    except Signal as signal:
        return outcomes.of_state(signal.state)
    except BaseException as error:  # noqa: BLE001 - the user's code
        reason = f"its trigger raised {outcomes.text_of(error)}"
        return Outcome(TRIGGER_FAILED, error=error, reason=reason)
    reason = "its trigger said no"
    return Outcome(TRIGGER_FAILED, error=TRIGGERFAIL(reason), reason=reason)


def _edges_of(engine: "Engine", row: int) -> list[Edge]:
    plan = engine.plan
    node = plan.nodes[row]
    explicit = [edge for edge in node.edges() if edge.upstream_task in plan.row_of]
    known = {plan.row_of[edge.upstream_task] for edge in explicit}
    derived = [Edge(plan.tasks[up], node.task) for up in plan.upstream[row] if up not in known]
    return [*explicit, *derived]


__all__ = ["decided", "is_mapped"]
