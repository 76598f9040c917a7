"""What the lines of a ``@flow`` function can call: tasks, and other flow functions."""

from collections.abc import Callable, Mapping
from queue import Empty, SimpleQueue
from time import monotonic
from typing import TYPE_CHECKING, Any

from resnb.errors import LeaseLost, OptionError, RunError, TaskCancelled, user_frames
from resnb.graph.resources.scope import ScopeUse
from resnb.graph.tasks.function_task import FunctionTask
from resnb.graph.tasks.task import Task
from resnb.run.engine.result import state_of
from resnb.run.functions.async_run import value_of_row
from resnb.run.functions.binding import Bound, bound, items
from resnb.run.functions.engine import Call, Inbox, Watcher
from resnb.run.functions.futures import Futures, TaskFuture
from resnb.run.functions.scopes import INNERMOST
from resnb.run.scheduling.outcome import text_of
from resnb.states import CANCELLED, FIRST_FINISHED, FIRST_UNSUCCESSFUL, PENDING, TRIGGER_FAILED

if TYPE_CHECKING:
    from resnb.graph.function import FlowFunction
    from resnb.run.functions.body import Body
    from resnb.run.functions.engine import UnfoldingEngine
    from resnb.run.functions.provenance import Origins
    from resnb.run.functions.redraw import Redrawing
    from resnb.run.functions.scopes import UnfoldingScopes


class Called:
    """What the function's lines see of a run; see `active_function.ActiveFunction`.

    Attributes:
        origins: which task each value came from.
    """

    flow: "FlowFunction"
    engine: "UnfoldingEngine"
    scopes: "UnfoldingScopes"
    body: "Body"
    origins: "Origins"
    _redrawing: "Redrawing"
    _is_inline: bool
    _unasked: dict[int, Task]

    # ---- tasks

    def call(self, task: Task, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """Run `task` now; gives its value (a coroutine for that, if task and function are async).

        Raises:
            BaseException: what the task raised at its last try.
        """
        with self.body.paused:
            one = bound(task, args, kwargs, self.origins)
            if task.signature.asynchronous and self.flow.signature.asynchronous:
                return value_of_row(self, self._enter(one, None, None))  # type: ignore[arg-type]
            row = self._run_now(one)
            return state_of(self.engine, row) if one.returns_state else self.outcome(row)

    def submit(self, task: Task, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """Run `task` on a worker; gives a future."""
        with self.body.paused:
            return self._submitted(bound(task, args, kwargs, self.origins))

    def map(self, task: Task, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """Run `task` on workers, once for each item; gives a list of futures."""
        values = [one.result() if type(one) is TaskFuture else one for one in args]
        named = {k: v.result() if type(v) is TaskFuture else v for k, v in kwargs.items()}
        with self.body.paused:
            return Futures(
                self._submitted(bound(task, *one, self.origins))
                for one in items(task, tuple(values), named)
            )

    def _run_now(self, one: Bound) -> int:
        """Carry out a call; gives its row, which has ended."""
        inbox: Inbox = SimpleQueue()
        own = self._is_inline or (self.body.is_here and one.task.timeout is None)
        bound_to_lease = one.task.thread == "setup" and INNERMOST.get() is not None
        runs_here = own and not bound_to_lease and not one.task.signature.asynchronous
        row = self._enter(one, inbox if runs_here else None, inbox)
        self.engine.output.show(row)
        self.body.carry_out(inbox)
        return row

    def _submitted(self, one: Bound) -> TaskFuture:
        row = self._run_now(one) if self._is_inline else self._enter(one, None, None)
        self._unasked[row] = one.task
        return TaskFuture(self, row, one.task)  # type: ignore[arg-type]

    def _enter(self, one: Bound, inbox: Watcher | None, watcher: Watcher | None) -> int:
        """Record a task, and let it run when it can.

        Raises:
            LeaseLost: the resource of the block around it was taken away.
            RunError: resnb itself failed in this run.
        """
        if self.engine.defect is not None:
            message = f"resnb itself failed in this run: {text_of(self.engine.defect)}"
            raise RunError(message)
        block, cleanup = INNERMOST.get(), -1
        if block is not None and block.rows is not None:
            cleanup = block.rows.cleanup
            if self.engine.table.state[cleanup] != PENDING:
                lease = self.scopes.leases.get(ScopeUse(block))
                reason = "" if lease is None else f": {lease.reason}"
                raise LeaseLost(f"resource {block.name!r} was taken away{reason}")
        upstream = one.upstream()
        for row in upstream:
            self._unasked.pop(row, None)
        node = self.flow.record(
            one.task, self._sources(one.inputs), self._tasks(one.control), block
        )
        with self.engine.adding:
            if block is not None:
                self.scopes.add_member(block, len(self.engine.plan.tasks))
            row = self.engine.add(
                node, one.call, upstream, cleanup=cleanup, inbox=inbox, watcher=watcher
            )
        self._redrawing.changed(row)
        return row

    def _tasks(self, rows: list[int]) -> list[Task]:
        tasks = self.engine.plan.tasks
        return [tasks[row] for row in rows]

    def _sources(self, inputs: Mapping[str, tuple[list[int], bool]]) -> dict[str, Any]:
        tasks = self.engine.plan.tasks
        return {
            key: tasks[rows[0]] if whole else [tasks[row] for row in rows]
            for key, (rows, whole) in inputs.items()
        }

    # ---- other flow functions

    def call_flow(self, run: Callable[[], Any], flow: "FlowFunction", call: Call) -> Any:
        """Run another flow function as a task of this one.

        Args:
            run: carries it out, and gives or raises what its caller gets.
            flow: the function.
            call: what it is called with.
        """
        with self.body.paused:
            return self.outcome(self._run_now(self._as_task(flow, call, run)))

    def enter_flow(self, flow: "FlowFunction", call: Call, told: Watcher) -> tuple[int, Task]:
        """Enter an async flow function as a task of this one; gives its row.

        Args:
            flow: the function.
            call: what it is called with.
            told: is told when it may begin, or has ended without that.
        """
        with self.body.paused:
            one = self._as_task(flow, call, flow.function)
            return self._enter(one, told, told), one.task

    def _as_task(self, flow: "FlowFunction", call: Call, code: Callable[..., Any]) -> Bound:
        task = FunctionTask(code, name=flow.name)
        task._signature = flow.signature  # noqa: SLF001 - the task stands for the flow
        one = bound(task, call.args, call.kwargs, self.origins)
        if one.call.has_futures:
            message = f"flow {flow.name!r}: a future is no argument of a flow: pass its .result()"
            raise OptionError(message)
        return one._replace(call=Call((), {}, has_futures=False))

    # ---- outcomes

    def outcome(self, row: int, *, raises: bool = True) -> Any:
        """The value of `row`, which has ended.

        Raises:
            BaseException: it has none; what its task raised, if it did.
        """
        engine = self.engine
        code = engine.table.state[row]
        if FIRST_FINISHED <= code < FIRST_UNSUCCESSFUL:
            return self.origins.handed_out(engine.values[row], row)
        error, gone = engine.errors.get(row), False
        if code == CANCELLED and raises and self.body.is_here:
            kind = self.body.taken()
            error = error if kind is None else kind()
            given_up = bool(engine.scheduler.why_given_up(row))
            gone = given_up and kind is None and isinstance(error, TaskCancelled)
        if error is None or gone or (code == TRIGGER_FAILED and not engine.table.tries[row]):
            error = self._without_error(row, code)
        if not raises:
            return error
        raise error.with_traceback(user_frames(error.__traceback__))

    def _without_error(self, row: int, code: int) -> RunError:
        """Why `row` has no value, where its own code raised nothing."""
        engine = self.engine
        task = engine.plan.tasks[row]
        reason = engine.scheduler.reasons.get(row, "")
        reason = engine.scheduler.why_given_up(row) or reason
        if code != TRIGGER_FAILED:
            return RunError(f"task {task.name!r} was cancelled: {reason}")
        error = RunError(f"task {task.name!r} did not run: {reason}")
        for upstream in engine.plan.upstream[row]:
            if upstream in engine.errors and engine.table.tries[upstream]:
                error.__cause__ = engine.errors[upstream]
        return error

    def await_future(self, future: TaskFuture, timeout: float | None) -> None:
        """Wait for a future.

        Raises:
            TimeoutError: it has not ended in time.
        """
        with self.body.paused:
            self.engine.output.show(future.row)
            deadline = None if timeout is None else monotonic() + timeout
            try:
                self.body.wait_for(future.row, deadline)
            except Empty:
                message = f"task {future.name!r} has not ended within {timeout:g} s"
                raise TimeoutError(message) from None
            self.asked(future)

    def asked(self, future: TaskFuture) -> None:
        """Somebody gets to know what has become of `future`."""
        self._unasked.pop(future.row, None)

    def report_unasked(self) -> None:
        """Say which tasks failed without anybody having asked for their results."""
        for row, task in self._unasked.items():
            error = self.engine.errors.get(row)
            if error is not None and self.engine.table.state[row] != CANCELLED:
                text = f"task {task.name!r} failed, and nobody asked for its result: "
                self.engine.output.write(row, "stderr", f"{text}{text_of(error)}\n")


__all__ = ["Called"]
