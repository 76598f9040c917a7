"""Async ``@flow`` functions: coroutines of the caller's event loop, such as a cell's.

What they call runs as in any flow: plain tasks at once and on their thread (which holds the loop
up, as any plain call does), coroutines on the loop thread, where they are awaited from here.
"""

import asyncio
from typing import TYPE_CHECKING, Any

from resnb.errors import GraphError
from resnb.run.engine.interrupts import Interrupts
from resnb.run.functions.async_wait import AsyncWatcher
from resnb.run.functions.run import FunctionRun
from resnb.run.scheduling import outcome as outcomes
from resnb.run.scheduling.growth import ENDED
from resnb.run.scheduling.scheduler import NOT_BEGUN
from resnb.states import CANCELLED, FIRST_FINISHED, RUNNING, State

if TYPE_CHECKING:
    from resnb.graph.function import FlowFunction
    from resnb.run.functions.call_arguments import CallArguments


def refuse_plain(flow: "FlowFunction", outer: FunctionRun) -> None:
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


async def tried(
    flow: "FlowFunction",
    call: "CallArguments",
    outer: FunctionRun | None = None,
    *,
    returns_state: bool,
) -> Any:
    """Run `flow`, again if it fails and has tries left; returns what its caller gets."""
    for left in range(flow.retries, -1, -1):
        run = FunctionRun(flow, call.args, call.kwargs, outer=outer, is_last_try=not left)
        state = await _run(run)
        if not left or not state.is_failed():
            break
        await asyncio.sleep(flow.retry_delay)
    return run.result(state, returns_state=returns_state)


async def _run(run: FunctionRun) -> State:
    """Run the function on this loop and await its end, its clean-ups included.

    If the coroutine is closed before that, the run ends in the background.
    """
    this, loop = asyncio.current_task(), asyncio.get_running_loop()
    assert this is not None
    run.cancellation.cancel_coroutine = lambda: loop.call_soon_threadsafe(this.cancel)
    with Interrupts() as interrupts:
        workers = run.begin()
    has_ended = False
    try:
        with run.surroundings():
            call_off = run.cancellation.time_limit(run.flow.timeout)
            try:
                interrupts.deliver()
                run.value = await run.awaited_value()
            except GeneratorExit:
                raise
            except BaseException as error:  # noqa: BLE001 - the user's; raised by who called
                run.error = error
            run.cancellation.cancel_coroutine = None
            call_off()
            broken = await _finish_body(run)
            run.error = run.error or broken
        has_ended = True
    finally:
        if not has_ended:
            run.end_in_background(workers)
    if run.cancellation.was_asked_for:
        this.uncancel()
    return run.conclude(workers)


async def _finish_body(run: FunctionRun) -> BaseException | None:
    """The function has returned: close what it left open, innermost first, and wait.

    Returns:
        The first exception that broke the wait.
    """
    run.give_up_rest()
    broken = [await run.blocks.close_async(block) for block in reversed(tuple(run.blocks.open))]
    watcher = AsyncWatcher()
    run.when_all_ended(lambda: watcher.put(ENDED))
    broken.append(await watcher.wait_out())
    return next((one for one in broken if one is not None), None)


async def nested(
    flow: "FlowFunction", call: "CallArguments", outer: FunctionRun, *, returns_state: bool
) -> Any:
    """Run `flow` as a task of `outer`, whose function awaits it."""
    execution, runner, watcher = outer.execution, outer.engine.runner, AsyncWatcher()
    row = outer.calls.enter_flow(flow, call, watcher)
    table = execution.table
    if await watcher.got() != ENDED and execution.scheduler.is_given_up(row):
        execution.post(execution.scheduler.ended, row, CANCELLED, NOT_BEGUN)
    if table.state[row] >= FIRST_FINISHED:
        return outer.calls.outcome(row)
    table.move(row, RUNNING)
    execution.begin_try(row)
    try:
        value = await tried(flow, call, outer, returns_state=returns_state)
    except BaseException as error:
        result = outcomes.of_error(execution.task_of(row), error, 1, 0)
        runner.settle(row, result)
        raise
    runner.settle(row, outcomes.success(value))
    return outer.calls.recorder.provenance.handed_out(value, row)
