"""Async ``@flow`` functions: coroutines of the caller's event loop, such as a cell's.

What they call runs as in any flow: plain tasks at once and on their thread (which holds the loop
up, as any plain call does), coroutines on the loop thread, where they are awaited from here. Who
is cancelled while it awaits a task stops that task; a clean-up is awaited all the same.
"""

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from resnb.errors import FlowFailed, GraphError, shown_without_ours
from resnb.run.engine.cancellation import GRACE
from resnb.run.engine.interrupts import LOOK, Interrupts
from resnb.run.engine.task_runner import settle
from resnb.run.functions.engine import ENDED, Call
from resnb.run.scheduling import outcome as outcomes
from resnb.run.scheduling.scheduler import NOT_BEGUN
from resnb.states import CANCELLED, FIRST_FINISHED, RUNNING, State

if TYPE_CHECKING:
    from resnb.graph.function import FlowFunction
    from resnb.run.functions.futures import TaskFuture
    from resnb.run.functions.run import FunctionRun
    from resnb.run.functions.scopes import Block


class _Told:
    """Looks like a queue, and lets a coroutine of this loop go on when something is put in."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.item: asyncio.Future[int] = self._loop.create_future()

    def put(self, item: int, /) -> None:
        with suppress(RuntimeError):  # the loop is closed, and nobody waits
            self._loop.call_soon_threadsafe(self._set, item)

    def _set(self, item: int) -> None:
        if not self.item.done():
            self.item.set_result(item)

    async def got(self) -> int:
        """What was put in first; each turn lets a Ctrl-C through, for which nobody wakes us."""
        while not self.item.done():
            await asyncio.wait([self.item], timeout=LOOK)
        return self.item.result()

    async def got_for_certain(self) -> asyncio.CancelledError | None:
        """Wait likewise, also when cancelled; gives the cancel."""
        cancelled = None
        while not self.item.done():
            try:
                await self.got()
            except asyncio.CancelledError as error:
                cancelled = error
        return cancelled


async def row_ended(run: "FunctionRun", row: int) -> None:
    """Wait for the end of `row`, which a cancel stops.

    Raises:
        CancelledError: the awaiting task was cancelled; the row has ended.
    """
    told = _Told()
    run.engine.post(run.engine.scheduler.watch, row, told)
    try:
        await told.got()
    except asyncio.CancelledError:
        reason = "what awaited it was cancelled"
        run.engine.post(run.engine.stopping.give_up, [row], reason, GRACE)
        await told.got_for_certain()
        raise


async def value_of_row(run: "FunctionRun", row: int) -> Any:
    """The value of a task that was called in an async function."""
    run.engine.output.show(row)
    await row_ended(run, row)
    return run.outcome(row)


async def value_of_future(run: "FunctionRun", future: "TaskFuture") -> Any:
    """The value of a future."""
    run.asked(future)
    return await value_of_row(run, future.row)


# ---- blocks


async def entered(run: "FunctionRun", block: "Block") -> Any:
    """Set up the resource of `block`; gives the resource."""
    try:
        with run.body.paused:
            rows = run.begin_block(block)
        for row in (rows.init, rows.setup):
            await row_ended(run, row)
            resource = run.outcome(row)
    except BaseException:
        if block in run.blocks:
            await _closed(run, block)
        raise
    block.is_innermost()
    return resource


async def left(run: "FunctionRun", block: "Block", error: BaseException | None) -> None:
    """Wait for what was begun in `block`, and clean up, unless that comes later."""
    if run.end_block(block, error):
        cancelled = await _closed(run, block)
        if cancelled is not None:
            raise cancelled


async def _closed(run: "FunctionRun", block: "Block") -> asyncio.CancelledError | None:
    assert block.rows is not None
    told = _Told()
    run.engine.post(run.engine.scheduler.watch, block.rows.cleanup, told)
    run.engine.post(run.engine.scheduler.let_go, block.rows.cleanup)
    cancelled = await told.got_for_certain() if run.engine.defect is None else None
    run.blocks.pop(block, None)
    run.scopes.let_thread_go(block)
    return cancelled


# ---- runs


async def call_async(
    flow: "FlowFunction", call: Call, outer: "FunctionRun | None", *, returns_state: bool
) -> Any:
    """Run `flow`; gives what it returns, or the state."""
    if outer is not None:
        return await _nested(flow, call, outer, returns_state=returns_state)
    try:
        return await _tried(flow, call, None, returns_state=returns_state)
    except FlowFailed:
        raise
    except BaseException as error:
        shown_without_ours(error)
        raise


def refuse_plain(flow: "FlowFunction", outer: "FunctionRun") -> None:
    """Refuse to call async `flow` where nobody can await it.

    Raises:
        GraphError: the function that calls it is not async.
    """
    if not outer.flow.signature.asynchronous:
        message = (
            f"flow {flow.name!r} is async and cannot be called in {outer.flow.name!r}, which is "
            f"not: make that `async def`, too, and write `await {flow.name}(...)`"
        )
        raise GraphError(message)


async def _tried(
    flow: "FlowFunction", call: Call, outer: "FunctionRun | None", *, returns_state: bool
) -> Any:
    from resnb.run.functions.api import given
    from resnb.run.functions.run import FunctionRun

    for more in range(flow.retries, -1, -1):
        run = FunctionRun(flow, call.args, call.kwargs, outer=outer, is_last_try=not more)
        state = await _run(run)
        if not more or not state.is_failed():
            break
        await asyncio.sleep(flow.retry_delay)
    return given(run, state, returns_state=returns_state)


async def _run(run: "FunctionRun") -> State:
    """Run the function on this loop and await its end, its clean-ups included."""
    this, loop = asyncio.current_task(), asyncio.get_running_loop()
    assert this is not None
    run.cancel_coroutine = lambda: loop.call_soon_threadsafe(this.cancel)
    with Interrupts() as interrupts:
        workers = run.begin()
    with run.surroundings():
        call_off = run.limit()
        try:
            interrupts.deliver()
            run.value = await run.awaited_value()
        except BaseException as error:  # noqa: BLE001 - the user's; it is raised by who called
            run.error = error
        run.cancel_coroutine = None
        call_off()
        cancelled = await _finished(run)
        run.error = run.error or cancelled
    if run.is_cancelled:
        this.uncancel()
    run.conclude(workers)
    return run.wait()


async def _finished(run: "FunctionRun") -> asyncio.CancelledError | None:
    """The function has returned: close what it left open, innermost first, and wait."""
    run.give_up_rest()
    cancelled = [await _closed(run, block) for block in reversed(tuple(run.blocks))]
    told = _Told()
    run.when_all_ended(lambda: told.put(ENDED))
    cancelled.append(await told.got_for_certain())
    return next((one for one in cancelled if one is not None), None)


async def _nested(
    flow: "FlowFunction", call: Call, outer: "FunctionRun", *, returns_state: bool
) -> Any:
    """Run `flow` as a task of `outer`, whose function awaits it."""
    engine, told = outer.engine, _Told()
    row, task = outer.enter_flow(flow, call, told)
    table = engine.table
    if await told.got() != ENDED and engine.scheduler.is_given_up(row):
        engine.post(engine.scheduler.ended, row, CANCELLED, NOT_BEGUN)
    if table.state[row] >= FIRST_FINISHED:
        return outer.outcome(row)
    table.move(row, RUNNING)
    table.tries[row] += 1
    table.started[row] = engine.clock.now()
    try:
        value = await _tried(flow, call, outer, returns_state=returns_state)
    except BaseException as error:
        result = outcomes.of_error(task, error, 1, 0)
        settle(engine, row, task, result)
        raise
    settle(engine, row, task, outcomes.success(value))
    return outer.origins.handed_out(value, row)


__all__ = [
    "call_async",
    "entered",
    "left",
    "refuse_plain",
    "row_ended",
    "value_of_future",
    "value_of_row",
]
