"""Whether a row that was taken runs: by its refusal, the user's trigger, a cancel, handlers."""

from typing import TYPE_CHECKING

from resnb.graph.base.signals import TRIGGERFAIL, Signal
from resnb.graph.base.triggers import Trigger
from resnb.graph.tasks.edge import Edge
from resnb.graph.tasks.task import Task
from resnb.run.engine.hooks import call_running_hooks, handled
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
    from resnb.run.engine.execution import Execution


def is_mapped(execution: "Execution", row: int) -> bool:
    """Whether `row` is to be expanded into children rather than run."""
    return row < len(execution.plan.nodes) and execution.plan.nodes[row].is_mapped


def decided(execution: "Execution", row: int, before: int) -> Outcome | None:
    """How `row` ends if its trigger or handlers keep it from running; None if it runs.

    `before` is the state of the row when it was taken.
    """
    task = execution.task_of(row)
    old = Retrying(result=execution.errors.get(row)) if before == RETRYING else None
    refused = _refusal(execution, row, task) if before == PENDING else None
    refused = refused or _given_up(execution, row, task)
    if refused is not None:
        chosen = handled(task, old, refused)
        return chosen if chosen.code >= FIRST_FINISHED else refused
    if not is_mapped(execution, row):
        call_running_hooks(execution, task)
    if not task.state_handlers:
        return None
    chosen = handled(task, old, Outcome(MAPPED if is_mapped(execution, row) else RUNNING))
    if chosen.code >= FIRST_FINISHED and chosen.code != MAPPED:
        return chosen
    return _given_up(execution, row, task)  # a handler may have done that


def _given_up(execution: "Execution", row: int, task: Task) -> Outcome | None:
    scheduler = execution.scheduler
    if task.kind == "cleanup" or not (scheduler.cancelled or scheduler.is_given_up(row)):
        return None
    return Outcome(CANCELLED, reason=scheduler.why_given_up(row) or NOT_BEGUN)


def _refusal(execution: "Execution", row: int, task: Task) -> Outcome | None:
    """How `row` ends if the scheduler or its trigger refuses it; None if it runs."""
    refusal = execution.scheduler.refusals.get(row)
    if refusal is None:
        return _own_trigger(execution, row, task)
    code, reason = refusal
    error = TRIGGERFAIL(reason) if code == TRIGGER_FAILED else None
    return Outcome(code, error=error, reason=reason)


def _own_trigger(execution: "Execution", row: int, task: Task) -> Outcome | None:
    """How `row` ends by a trigger function of the user's; None if it runs.

    The trigger of a mapped task is called for each child.
    """
    if isinstance(task.trigger, Trigger):
        return None
    mapped = execution.mapped
    origin = mapped.origin(row)
    if row == origin and execution.plan.nodes[row].is_mapped:
        return None
    upstream: dict[Edge, State] = {}
    known: dict[int, State] = {}  # one state for two edges counts once
    for edge in _edges_of(execution, origin):
        source = execution.plan.row_of[edge.upstream_task]
        block = mapped.children.get(source)
        if edge.mapped and block is not None:
            index = mapped.index(row)
            owners = execution.owners.get(origin, {}).get(source)
            source = block.first + index if owners is None else owners[index]
        if source not in known:
            known[source] = state_of(execution, source)
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


def _edges_of(execution: "Execution", row: int) -> list[Edge]:
    plan = execution.plan
    node = plan.nodes[row]
    explicit = [edge for edge in node.edges() if edge.upstream_task in plan.row_of]
    known = {plan.row_of[edge.upstream_task] for edge in explicit}
    derived = [Edge(plan.tasks[up], node.task) for up in plan.upstream[row] if up not in known]
    return [*explicit, *derived]
