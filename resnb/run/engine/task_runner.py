"""Running rows that take more than calling their code, and settling their outcomes.

Rows come here that are mapped, have a trigger, handlers or hooks of the user's or a time limit, are
coroutines, or belong to a scope. All others go the short way in `Engine.work`.

One completed task takes three steps: its code has returned (`perform`, `perform_async`, or a
cluster's driver), handlers and hooks settle its outcome (`settle`), and the feed hands that to the
scheduler.
"""

import threading
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from resnb.graph.base.kinds import SCOPE_KINDS
from resnb.ledger.kernel.process_exit import end_child
from resnb.run.engine.attempt import Attempt
from resnb.run.engine.deciding import decided, is_mapped
from resnb.run.engine.hooks import considered, handled, run_hooks
from resnb.run.engine.loop import LOOP
from resnb.run.engine.mapping import expand, mapped_inputs
from resnb.run.engine.slots import CURRENT, NOTHING, Slot
from resnb.run.scheduling import outcome as outcomes
from resnb.run.scheduling.outcome import Outcome, has_made
from resnb.run.scheduling.scheduler import NOT_BEGUN
from resnb.states import CANCELLED, FIRST_FINISHED, LEGAL, RETRYING, RUNNING, SUCCESS, Running

if TYPE_CHECKING:
    from resnb.graph.tasks.task import Task
    from resnb.run.engine.cancellation import Cancellation
    from resnb.run.engine.execution import Execution


class TaskRunner:
    """Runs rows of one run."""

    def __init__(self, execution: "Execution", cancellation: "Cancellation") -> None:
        self._execution = execution
        self._cancellation = cancellation

    # ---- running code

    def perform(self, row: int, slot: Slot | None) -> bool:
        """Run `row`, which the caller has taken, on this thread.

        Args:
            row: the row.
            slot: the slot of the thread; None if it is no worker.

        Returns:
            Whether the thread was given up meanwhile, so that it must end.
        """
        if slot is None:
            slot = Slot(threading.get_ident(), self._execution.output)
            token = CURRENT.set(slot)
            try:
                return self.perform(row, slot)
            finally:
                CURRENT.reset(token)
        slot.row = row
        if not self.begin(row, slot.worker):
            slot.row = NOTHING
            return False
        task = self._execution.task_of(row)
        is_scope_step = task.kind in SCOPE_KINDS
        stop = slot.stop if is_scope_step else slot.interrupt
        attempt = self._attempt(row, task, slot, partial(stop, row))
        try:
            code, args, kwargs = self._code(attempt)
            slot.inside = NOTHING if is_scope_step else row  # those steps are resnb's own lines
            value = code(*args, **kwargs)
            slot.inside = NOTHING
        except BaseException as error:  # noqa: BLE001 - it is the user's, and becomes a state
            slot.inside = NOTHING
            outcome = self.error_outcome(row, error)
        else:
            outcome = self._value_outcome(value)
        args = kwargs = None  # type: ignore[assignment]  # values of other rows may be freed now
        replaced = self.end(attempt, outcome)
        del outcome  # its error's traceback would keep this frame and its values alive
        slot.row = NOTHING
        return replaced

    def perform_async(self, row: int) -> None:
        """Run the coroutine of `row` on the loop thread."""
        import asyncio

        execution = self._execution

        async def run() -> None:
            slot = Slot(0, execution.output)
            CURRENT.set(slot)
            slot.row = row
            if not self.begin(row):
                return
            this, loop = asyncio.current_task(), asyncio.get_running_loop()
            assert this is not None
            task = execution.task_of(row)
            stop = partial(loop.call_soon_threadsafe, this.cancel)
            attempt = self._attempt(row, task, slot, stop)
            try:
                code, args, kwargs = self._code(attempt)
                value = await code(*args, **kwargs)
            except BaseException as error:  # noqa: BLE001 - the user's, and becomes a state
                outcome = self.error_outcome(row, error)
            else:
                outcome = self._value_outcome(value)
            args = kwargs = None  # type: ignore[assignment]
            self.end(attempt, outcome)
            del outcome

        async def defended() -> None:
            try:
                await run()
            except BaseException as error:  # noqa: BLE001 - internal; it must not hang the run
                execution.post(execution.feed.break_down, error)

        LOOP.submit(defended())

    def begin(self, row: int, worker: int = 0) -> bool:
        """Begin a try of `row`, which was taken; false if it is not to run, and is settled."""
        execution = self._execution
        before = execution.table.state[row]
        execution.table.move(row, RUNNING)
        refused = decided(execution, row, before)
        if refused is not None:
            self.conclude(row, refused)
            return False
        execution.begin_try(row, worker)
        if not is_mapped(execution, row):
            return True
        try:
            inputs = mapped_inputs(execution, row)
        except BaseException as error:  # noqa: BLE001 - the user's values
            self.settle(row, outcomes.failure(error))
        else:
            expand(execution, row, inputs)
        return False

    def refuse(self, row: int, error: BaseException) -> None:
        """Fail `row`, which cannot run, without a further try."""
        self._execution.post(self.begun, row)
        self.settle(row, outcomes.failure(error))

    def begun(self, row: int) -> None:
        """Mark `row` as running, unless it is; with the lock held."""
        table = self._execution.table
        if LEGAL[table.state[row]][RUNNING]:
            table.move(row, RUNNING)

    def _code(self, attempt: Attempt) -> tuple[Callable[..., Any], list[Any], dict[str, Any]]:
        """What to call for `attempt`, and with what."""
        execution, row, kind = self._execution, attempt.row, attempt.task.kind
        args, kwargs = execution.arguments(row)
        if kind == "init":
            return execution.scopes.init, [row, args, kwargs], {}
        if kind == "setup":
            return execution.scopes.set_up, [attempt, args[0]], {}
        if kind == "cleanup":
            last_try = execution.table.tries[row] > self._retries(row)
            return execution.scopes.clean_up, [row], {"last_try": last_try}
        return execution.plan.functions[execution.mapped.origin(row)], args, kwargs

    # ---- time limits

    def _attempt(self, row: int, task: "Task", slot: Slot, stop: Callable[[], object]) -> Attempt:
        limit = task.timeout
        if limit is None and task.kind == "cleanup":
            limit = self._execution.scopes.options_of(row).cleanup_timeout
        attempt = Attempt(row, task, slot, limit, stop)
        self._cancellation.attempts[row] = attempt
        self.limit_time(attempt)
        return attempt

    def limit_time(self, attempt: Attempt) -> None:
        """The code of `attempt` begins: start its time limit, if it has one."""
        if attempt.limit is not None:
            call_later = self._execution.clock.call_later
            attempt.call_off = call_later(attempt.limit, partial(self._time_out, attempt))

    def _time_out(self, attempt: Attempt) -> None:
        if attempt.claim():
            token = CURRENT.set(slot := Slot(0, self._execution.output))
            slot.row = attempt.row
            self._execution.feed.defended(self._timed_out, attempt)
            CURRENT.reset(token)

    def _timed_out(self, attempt: Attempt) -> None:
        execution, row, task = self._execution, attempt.row, attempt.task
        assert attempt.limit is not None
        tries = execution.table.tries[row]
        outcome = outcomes.of_timeout(task, attempt.limit, tries, self._retries(row))
        outcome = considered(execution, task, outcome)
        outcome = handled(task, Running(), outcome)
        if outcome.code != RETRYING:
            execution.keep(row, outcome)
            execution.table.ended[row] = execution.clock.now()
            run_hooks(execution, row, outcome)
        add_worker = execution.add_worker
        if add_worker and attempt.slot in execution.slots and attempt.take_place():
            add_worker(replacing=True)
        execution.post(self._cancellation.overran, attempt, outcome)

    # ---- outcomes

    def end(self, attempt: Attempt, outcome: Outcome) -> bool:
        """The code of `attempt` has returned; returns whether its worker was replaced meanwhile."""
        if attempt.claim():
            self._cancellation.attempts.pop(attempt.row, None)
            self.settle(attempt.row, outcome, attempt.undo)
            return False
        if attempt.undo is not None:
            attempt.undo()
        self._execution.post(self._cancellation.returned, attempt)
        return not attempt.take_place()

    def settle(self, row: int, outcome: Outcome, undo: Callable[[], object] | None = None) -> None:
        """Give `row` the state of `outcome`, after the user's handlers and hooks.

        `undo` takes back what the code has made, if the row does not end as a success.
        """
        task = self._execution.task_of(row)
        if task.state_handlers:
            outcome = handled(task, Running(), outcome)
        if outcome.code < FIRST_FINISHED and outcome.code != RETRYING:
            outcome = outcome._replace(code=SUCCESS)
        if undo is not None and not has_made(outcome.code):
            undo()
            undo = None
        if outcome.code == RETRYING:
            self._execution.post(self._cancellation.retry, row, outcome)
            return
        self._execution.table.ended[row] = self._execution.clock.now()
        self.conclude(row, outcome, undo)

    def conclude(
        self, row: int, outcome: Outcome, undo: Callable[[], object] | None = None
    ) -> None:
        """Keep what `row` ended with, call its hooks, and let the scheduler know."""
        self._execution.keep(row, outcome)
        run_hooks(self._execution, row, outcome)
        self._execution.post(self._ended, row, outcome, undo)

    def _ended(self, row: int, outcome: Outcome, undo: Callable[[], object] | None) -> None:
        execution = self._execution
        ended = execution.scheduler.ended(row, outcome.code, outcome.reason)
        if not ended and undo is not None:  # it was given up meanwhile
            execution.scopes.thread_of(row).submit(undo)

    def error_outcome(self, row: int, error: BaseException) -> Outcome:
        """The outcome of a try of `row` whose code raised `error`."""
        if self._execution.forked:
            end_child(error)
        task, tries = self._execution.task_of(row), self._execution.table.tries[row]
        outcome = outcomes.of_error(task, error, tries, self._retries(row))
        if outcome.code == CANCELLED:
            outcome = outcome._replace(reason=self._why_stopped(row) or outcome.reason)
        return considered(self._execution, task, outcome)

    def _why_stopped(self, row: int) -> str:
        """Why `row` was stopped alone, such as for its resource; empty if the whole run was."""
        why = self._execution.scheduler.why_given_up(row)
        return "" if why == NOT_BEGUN else why

    def _value_outcome(self, value: Any) -> Outcome:
        if self._execution.forked:
            end_child()
        return outcomes.success(value)

    def _retries(self, row: int) -> int:
        task = self._execution.task_of(row)
        if task.kind == "cleanup":
            return task.max_retries or self._execution.scopes.options_of(row).cleanup_retries
        return task.max_retries
