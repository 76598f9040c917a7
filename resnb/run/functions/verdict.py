"""How a run of a ``@flow`` function is judged."""

import asyncio
from typing import TYPE_CHECKING, Any

from resnb.errors import TaskCancelled, user_frames
from resnb.run.engine.result import failures
from resnb.run.scheduling.outcome import text_of
from resnb.states import Cancelled, Failed, State, Success, TimedOut

if TYPE_CHECKING:
    from resnb.graph.function import FlowFunction
    from resnb.run.engine.execution import Execution

_STOPS = (TaskCancelled, KeyboardInterrupt, asyncio.CancelledError, GeneratorExit)


def judged(
    flow: "FlowFunction",
    execution: "Execution",
    value: Any,
    error: BaseException | None,
    *,
    has_timed_out: bool,
) -> State:
    """The final state: the function decides, as it does in Prefect 3.

    Its ``result`` is what the function returned or raised. A state that it returned is taken as
    it is; tasks that failed without the function failing are named in the message.
    """
    name = flow.name
    if error is None:
        if isinstance(value, State):
            return value
        broken = failures(execution)
        return Success(f"but {broken}" if broken else "", value)
    stopped = isinstance(error, _STOPS)
    if has_timed_out and stopped:
        assert flow.timeout is not None
        message = f"flow {name!r} ran for longer than its timeout of {flow.timeout:g} s"
        return TimedOut(message, TimeoutError(message))
    if stopped:
        return Cancelled(f"flow {name!r} was cancelled", error)
    return Failed(text_of(error), error.with_traceback(user_frames(error.__traceback__)))


__all__ = ["judged"]
