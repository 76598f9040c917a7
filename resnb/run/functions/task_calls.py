"""What the lines of a ``@flow`` function can call: tasks, and other flow functions."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from queue import Empty, SimpleQueue
from time import monotonic
from typing import TYPE_CHECKING, Any

from resnb.errors import OptionError, RunError, TaskCancelled, user_frames
from resnb.graph.tasks.function_task import FunctionTask
from resnb.graph.tasks.task import Task
from resnb.run.engine.result import state_of
from resnb.run.functions.async_wait import row_ended
from resnb.run.functions.binding import BoundCall, bound, items
from resnb.run.functions.call_arguments import NO_ARGUMENTS, CallArguments
from resnb.run.functions.called_values import CalledValues
from resnb.run.functions.futures import Futures, TaskFuture
from resnb.run.functions.scopes import INNERMOST
from resnb.run.scheduling.outcome import text_of
from resnb.states import CANCELLED, FIRST_FINISHED, FIRST_UNSUCCESSFUL, TRIGGER_FAILED, State

if TYPE_CHECKING:
    from resnb.graph.function import FlowFunction
    from resnb.run.engine.engine import Engine
    from resnb.run.functions.body import FunctionBody, Inbox
    from resnb.run.functions.recorder import Recorder
    from resnb.run.scheduling.growth import Watcher


class _Noted:
    """A watcher that calls `note` before it passes the end on."""

    def __init__(self, note: Callable[[], object], inbox: "Watcher") -> None:
        self._note = note
        self._inbox = inbox

    def put(self, item: int, /) -> None:
        """It has ended."""
        self._note()
        self._inbox.put(item)


class TaskCalls:
    """The calls of one run's function.

    Args:
        is_inline: whether submitted tasks run on the function's thread, too.
    """

    def __init__(
        self,
        engine: "Engine",
        body: "FunctionBody",
        recorder: "Recorder",
        *,
        is_inline: bool,
    ) -> None:
        self.engine = engine
        self.body = body
        self.recorder = recorder
        self._execution = engine.execution
        self._is_inline = is_inline
        self._unasked: dict[int, Task] = {}
        self._values = CalledValues(self._execution, recorder.flow)

    # ---- tasks

    def call(self, task: Task, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """Run `task` now; returns its value (a coroutine for that, if task and function are async).

        Raises:
            BaseException: what the task raised at its last try.
        """
        with self.body.paused:
            one = bound(task, args, kwargs, self.recorder.provenance)
            if not (task.signature.asynchronous and self.recorder.flow.signature.asynchronous):
                row = self._run_now(one)
                found = self.state_of(row) if one.returns_state else self.outcome(row)
                self._values.handed_over(row)
                return found
            row = self._add(one, None, None)
        return self._called_async(row)  # made here, because the pause may end with an exception

    def submit(self, task: Task, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """Run `task` on a worker; returns a future, or, if that is asked for, the final state."""
        with self.body.paused:
            one = bound(task, args, kwargs, self.recorder.provenance)
            future = self._submitted(one)
        return future.wait() if one.returns_state else future

    def map(self, task: Task, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """Run `task` on workers, once for each item; returns futures, or the final states."""
        values = [one.result() if type(one) is TaskFuture else one for one in args]
        named = {k: v.result() if type(v) is TaskFuture else v for k, v in kwargs.items()}
        with self.body.paused:
            calls = [
                bound(task, *one, self.recorder.provenance)
                for one in items(task, tuple(values), named)
            ]
            futures = Futures(self._submitted(one) for one in calls)
        return futures.wait() if any(one.returns_state for one in calls) else futures

    def _run_now(self, one: BoundCall) -> int:
        """Make a call and wait for its end; returns its row."""
        inbox: Inbox = SimpleQueue()
        own = self._is_inline or (self.body.is_here and one.task.timeout is None)
        bound_to_lease = one.task.thread == "setup" and INNERMOST.get() is not None
        runs_here = own and not bound_to_lease and not one.task.signature.asynchronous
        row = self._add(one, inbox if runs_here else None, inbox)
        self._execution.output.show(row)
        self.body.carry_out(inbox)
        return row

    def _submitted(self, one: BoundCall) -> TaskFuture:
        row = self._run_now(one) if self._is_inline else self._add(one, None, None)
        self._unasked[row] = one.task
        future = TaskFuture(self, row, one.task)
        self._values.watch(future)
        return future

    def _add(self, one: BoundCall, inbox: "Watcher | None", watcher: "Watcher | None") -> int:
        row = self.recorder.add_task(one, inbox, watcher)
        if self._unasked:
            for upstream in one.upstream():
                self._unasked.pop(upstream, None)
        return row

    # ---- other flow functions

    def call_flow(self, run: Callable[[], Any], flow: "FlowFunction", call: CallArguments) -> Any:
        """Run another flow function as a task of this one; `run` runs it, as its caller sees it."""
        with self.body.paused:
            row = self._run_now(self._as_task(flow, call, run))
            value = self.outcome(row)
            self._values.handed_over(row)
            return value

    def enter_flow(self, flow: "FlowFunction", call: CallArguments, watcher: "Watcher") -> int:
        """Enter an async flow function as a task of this one; returns its row.

        `watcher` gets the row when it may begin, or `ENDED` if it has ended without that.
        """
        with self.body.paused:
            one = self._as_task(flow, call, flow.function)
            return self._add(one, watcher, watcher)

    def _as_task(
        self, flow: "FlowFunction", call: CallArguments, code: Callable[..., Any]
    ) -> BoundCall:
        task = FunctionTask(code, name=flow.name)
        task._signature = flow.signature  # noqa: SLF001 - the task stands for the flow
        one = bound(task, call.args, call.kwargs, self.recorder.provenance)
        if one.arguments.has_futures:
            message = f"flow {flow.name!r}: a future is no argument of a flow: pass its .result()"
            raise OptionError(message)
        return one._replace(arguments=NO_ARGUMENTS)

    # ---- outcomes

    def state_of(self, row: int) -> State:
        """The state of `row` as it is now."""
        return state_of(self._execution, row)

    async def _value_async(self, row: int) -> Any:
        """The value of a task that an async function awaits."""
        self._execution.output.show(row)
        await row_ended(self.engine, row)
        return self.outcome(row)

    async def _called_async(self, row: int) -> Any:
        """The value of a task that an async function has called."""
        value = await self._value_async(row)
        self._values.handed_over(row)
        return value

    async def value_of_future(self, future: TaskFuture) -> Any:
        """The value of a future that an async function awaits."""
        self._unasked.pop(future.row, None)
        return await self._value_async(future.row)

    def outcome(self, row: int, *, raises: bool = True) -> Any:
        """The value of `row`, which has ended.

        Raises:
            BaseException: it has none; what its task raised, if it did.
        """
        execution = self._execution
        code = execution.table.state[row]
        if FIRST_FINISHED <= code < FIRST_UNSUCCESSFUL:
            return self.recorder.provenance.handed_out(execution.readable[row], row)
        error, gone = execution.errors.get(row), False
        if code == CANCELLED and raises and self.body.is_here:
            noted = self.body.taken()
            error = noted or error
            given_up = bool(execution.scheduler.why_given_up(row))
            gone = given_up and noted is None and isinstance(error, TaskCancelled)
        if error is None or gone or (code == TRIGGER_FAILED and not execution.table.tries[row]):
            error = self._without_error(row, code)
        if not raises:
            return error
        raise error.with_traceback(user_frames(error.__traceback__))

    def _without_error(self, row: int, code: int) -> RunError:
        """The reason why `row` has no value although its own code raised nothing."""
        execution = self._execution
        name = self.recorder.flow.label_of(execution.plan.tasks[row])
        reason = execution.scheduler.reasons.get(row, "")
        reason = execution.scheduler.why_given_up(row) or reason
        if code != TRIGGER_FAILED:
            return RunError(f"task {name!r} was cancelled: {reason}")
        error = RunError(f"task {name!r} did not run: {reason}")
        for upstream in execution.plan.upstream[row]:
            if upstream in execution.errors and execution.table.tries[upstream]:
                error.__cause__ = execution.errors[upstream]
        return error

    def await_future(self, future: TaskFuture, timeout: float | None) -> None:
        """Wait for a future.

        Raises:
            TimeoutError: it has not ended in time.
        """
        with self.body.paused:
            self._execution.output.show(future.row)
            deadline = None if timeout is None else monotonic() + timeout
            try:
                self.body.wait_for(future.row, deadline)
            except Empty:
                name = self.recorder.flow.label_of(future.task)
                message = f"task {name!r} has not ended within {timeout:g} s"
                raise TimeoutError(message) from None
            self._unasked.pop(future.row, None)

    def completed(
        self, futures: Sequence[TaskFuture], timeout: float | None
    ) -> Iterator[TaskFuture]:
        """`futures` in the order in which they end.

        Raises:
            TimeoutError: not all have ended in time.
        """
        inbox: Inbox = SimpleQueue()
        ended: deque[TaskFuture] = deque()
        deadline = None if timeout is None else monotonic() + timeout
        for future in futures:
            self._execution.output.show(future.row)
            watcher = _Noted(partial(ended.append, future), inbox)
            self._execution.post(self._execution.plan.added.watch, future.row, watcher)
        for left in range(len(futures), 0, -1):
            with self.body.paused:
                try:
                    self.body.carry_out(inbox, deadline)
                except Empty:
                    message = f"{left} of {len(futures)} tasks have not ended within {timeout:g} s"
                    raise TimeoutError(message) from None
            yield ended.popleft()

    def report_unasked(self) -> None:
        """Report the failed tasks whose results were never asked for."""
        for row, task in self._unasked.items():
            error = self._execution.errors.get(row)
            if error is not None and self._execution.table.state[row] != CANCELLED:
                name = self.recorder.flow.label_of(task)
                text = f"task {name!r} failed, and nobody asked for its result: "
                self._execution.output.write(row, "stderr", f"{text}{text_of(error)}\n")
