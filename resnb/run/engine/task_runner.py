"""Running a row that takes more than calling its code.

Mapped rows, triggers and handlers of the user's own, time limits, hooks, coroutines, and the
three tasks of a scope come here; everything else goes the short way in `Engine.work`.
"""

import threading
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from resnb.graph.tasks.task import Task
from resnb.run.engine.attempt import Attempt
from resnb.run.engine.deciding import decided, is_mapped
from resnb.run.engine.forks import end_child
from resnb.run.engine.hooks import handled, run_hooks
from resnb.run.engine.loop import LOOP
from resnb.run.engine.mapping import expand, mapped_over
from resnb.run.engine.slots import CURRENT, NOTHING, Slot
from resnb.run.scheduling import outcome as outcomes
from resnb.run.scheduling.codes import has_made
from resnb.run.scheduling.outcome import Outcome
from resnb.run.scheduling.plan import SCOPE_KINDS
from resnb.states import (
    FIRST_FINISHED,
    LEGAL,
    RETRYING,
    RUNNING,
    SUCCESS,
    Running,
)

if TYPE_CHECKING:
    from resnb.run.engine.engine import Engine


def perform(engine: "Engine", row: int, slot: Slot | None) -> bool:
    """Run `row` on this thread and report what became of it.

    Args:
        engine: the run.
        row: the row, which the caller has taken.
        slot: the worker's slot; None on a thread that is no worker.

    Returns:
        Whether the thread was given up meanwhile, so that it must end.
    """
    if slot is None:
        slot = Slot(threading.get_ident(), engine.output)
        token = CURRENT.set(slot)
        try:
            return perform(engine, row, slot)
        finally:
            CURRENT.reset(token)
    slot.row = row
    task = engine.plan.tasks[engine.scheduler.origin(row)]
    if not _begin(engine, row, task, slot.worker):
        slot.row = NOTHING
        return False
    own = task.kind in SCOPE_KINDS
    attempt = _attempt(engine, row, task, slot, partial(slot.stop if own else slot.interrupt, row))
    try:
        code, args, kwargs = _code(engine, attempt)
        slot.inside = NOTHING if own else row  # a scope's steps are lines of ours
        value = code(*args, **kwargs)
        slot.inside = NOTHING
    except BaseException as error:  # noqa: BLE001 - it is the user's, and becomes a state
        slot.inside = NOTHING
        if engine.forked:
            end_child(error)
        result = of_error(engine, row, task, error)
    else:
        if engine.forked:
            end_child()
        result = outcomes.success(value)
    replaced = end(engine, attempt, result)
    slot.row = NOTHING
    return replaced


def perform_async(engine: "Engine", row: int) -> None:
    """Run the coroutine of `row` on the loop thread."""
    import asyncio

    task = engine.plan.tasks[engine.scheduler.origin(row)]
    slot = Slot(0, engine.output)

    async def defended() -> None:
        CURRENT.set(slot)
        try:
            await run()
        except BaseException as error:  # noqa: BLE001 - an error of ours must not hang the run
            engine.defended(_raise, error)

    async def run() -> None:
        slot.row = row
        if not _begin(engine, row, task):
            return
        this = asyncio.current_task()
        assert this is not None
        loop = asyncio.get_running_loop()
        attempt = _attempt(engine, row, task, slot, lambda: loop.call_soon_threadsafe(this.cancel))
        try:
            args, kwargs = engine.arguments(row)
            value = await task.run(*args, **kwargs)
        except BaseException as error:  # noqa: BLE001 - it is the user's, and becomes a state
            if engine.forked:
                end_child(error)
            result = of_error(engine, row, task, error)
        else:
            if engine.forked:
                end_child()
            result = outcomes.success(value)
        end(engine, attempt, result)

    LOOP.submit(defended())


def _raise(error: BaseException) -> None:
    raise error


def failed(engine: "Engine", row: int, error: BaseException) -> None:
    """Report that the code of a plain row raised."""
    if engine.forked:
        end_child(error)
    task = engine.plan.tasks[engine.scheduler.origin(row)]
    settle(engine, row, task, of_error(engine, row, task, error))


def settle(
    engine: "Engine",
    row: int,
    task: Task,
    outcome: Outcome,
    undo: Callable[[], object] | None = None,
) -> None:
    """Give `row` the state of `outcome`, by way of the user's handlers and hooks.

    Args:
        engine: the run.
        row: the row.
        task: its task.
        outcome: what became of its code.
        undo: takes back what its code has made, if the row is not to end as having made it.
    """
    outcome = handled(task, Running(), outcome)
    if outcome.code < FIRST_FINISHED and outcome.code != RETRYING:
        outcome = outcome._replace(code=SUCCESS)
    if undo is not None and not has_made(outcome.code):
        undo()
        undo = None
    if outcome.code == RETRYING:
        engine.post(engine.stopping.retry, row, outcome)
        return
    engine.table.ended[row] = engine.clock.now()
    conclude(engine, row, task, outcome, undo)


def conclude(
    engine: "Engine",
    row: int,
    task: Task,
    outcome: Outcome,
    undo: Callable[[], object] | None = None,
) -> None:
    """Keep what `row` ended with, call the hooks, and report its final state."""
    engine.keep(row, outcome)
    run_hooks(engine, row, task, outcome.state())
    engine.post(engine.stopping.settled, row, outcome, undo)


def _begin(engine: "Engine", row: int, task: Task, worker: int = 0) -> bool:
    """Mark `row` as running; false if it is not to run after all (its state is set then)."""
    table = engine.table
    before = table.state[row]
    table.move(row, RUNNING)
    refused = decided(engine, row, task, before)
    if refused is not None:
        conclude(engine, row, task, refused)
        return False
    table.tries[row] += 1
    table.worker[row] = worker
    table.started[row] = engine.clock.now()
    if is_mapped(engine, row):
        given = mapped_over(engine, row, task)
        if isinstance(given, Outcome):
            settle(engine, row, task, given)
        else:
            expand(engine, row, given)
        return False
    return True


def begun(engine: "Engine", row: int) -> None:
    """Mark `row` as running, unless it is; with the lock held."""
    if LEGAL[engine.table.state[row]][RUNNING]:
        engine.table.move(row, RUNNING)


def _code(
    engine: "Engine", attempt: Attempt
) -> tuple[Callable[..., Any], list[Any], dict[str, Any]]:
    """What to call for `attempt`, and with what."""
    row, kind = attempt.row, attempt.task.kind
    args, kwargs = engine.arguments(row)
    if kind == "init":
        return engine.scopes.init, [row, args, kwargs], {}
    if kind == "setup":
        return engine.scopes.set_up, [attempt, args[0]], {}
    if kind == "cleanup":
        last_try = engine.table.tries[row] > _retries(engine, row, attempt.task)
        return engine.scopes.clean_up, [row], {"last_try": last_try}
    return engine.plan.functions[engine.scheduler.origin(row)], args, kwargs


def _attempt(
    engine: "Engine", row: int, task: Task, slot: Slot, stop: Callable[[], object]
) -> Attempt:
    limit = task.timeout
    if limit is None and task.kind == "cleanup":
        limit = engine.scopes.options_of(row).cleanup_timeout
    attempt = Attempt(row, task, slot, limit, stop)
    engine.stopping.attempts[row] = attempt
    time_begins(engine, attempt)
    return attempt


def time_begins(engine: "Engine", attempt: Attempt) -> None:
    """The code of `attempt` begins: so does its time limit."""
    if attempt.limit is not None:
        call_later = engine.clock.call_later
        attempt.call_off = call_later(attempt.limit, partial(_time_out, engine, attempt))


def _time_out(engine: "Engine", attempt: Attempt) -> None:
    if attempt.claim():
        token = CURRENT.set(slot := Slot(0, engine.output))
        slot.row = attempt.row
        engine.defended(_timed_out, engine, attempt)
        CURRENT.reset(token)


def _timed_out(engine: "Engine", attempt: Attempt) -> None:
    row, task = attempt.row, attempt.task
    assert attempt.limit is not None
    result = outcomes.of_timeout(
        task, attempt.limit, engine.table.tries[row], _retries(engine, row, task)
    )
    result = handled(task, Running(), result)
    if result.code != RETRYING:
        engine.keep(row, result)
        engine.table.ended[row] = engine.clock.now()
        run_hooks(engine, row, task, result.state())
    if engine.replaces_workers and attempt.slot in engine.slots and attempt.take_place():
        engine.add_worker(replacing=True)
    engine.post(engine.stopping.overran, attempt, result)


def end(engine: "Engine", attempt: Attempt, result: Outcome) -> bool:
    """The code of `attempt` has returned; gives whether its worker was replaced meanwhile."""
    if attempt.claim():
        engine.stopping.attempts.pop(attempt.row, None)
        settle(engine, attempt.row, attempt.task, result, attempt.undo)
        return False
    if attempt.undo is not None:
        attempt.undo()
    engine.post(engine.stopping.returned, attempt)
    return not attempt.take_place()


def of_error(engine: "Engine", row: int, task: Task, error: BaseException) -> Outcome:
    """What an exception that the code of `row` raised leads to."""
    return outcomes.of_error(task, error, engine.table.tries[row], _retries(engine, row, task))


def _retries(engine: "Engine", row: int, task: Task) -> int:
    if task.kind == "cleanup":
        return task.max_retries or engine.scopes.options_of(row).cleanup_retries
    return task.max_retries


__all__ = [
    "begun",
    "conclude",
    "end",
    "failed",
    "of_error",
    "perform",
    "perform_async",
    "settle",
    "time_begins",
]
