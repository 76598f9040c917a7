"""How a run of a ``@flow`` function is judged, and what its caller gets."""

import asyncio
from typing import TYPE_CHECKING

from resnb.errors import TaskCancelled, user_frames
from resnb.run.engine.result import failures
from resnb.run.scheduling.outcome import text_of
from resnb.states import Cancelled, Failed, State, Success, TimedOut

if TYPE_CHECKING:
    from resnb.run.functions.run import FunctionRun


def judged(run: "FunctionRun") -> State:
    """The final state: the function decides, as it does in Prefect 3.

    Its ``result`` is what the function returned or raised. A state that it returned is taken as
    it is; tasks that failed without the function failing are named in the message.
    """
    name, error = run.flow.name, run.error
    if error is None:
        if isinstance(run.value, State):
            return run.value
        broken = failures(run.engine)
        return Success(f"but {broken}" if broken else "", run.value)
    stopped = isinstance(error, TaskCancelled | KeyboardInterrupt | asyncio.CancelledError)
    if run.has_timed_out and stopped:
        assert run.flow.timeout is not None
        message = f"flow {name!r} ran for longer than its timeout of {run.flow.timeout:g} s"
        run.error = TimeoutError(message)
        return TimedOut(message, run.error)
    if stopped:
        return Cancelled(f"flow {name!r} was cancelled", error)
    run.error = error.with_traceback(user_frames(error.__traceback__))
    return Failed(text_of(error), error)


__all__ = ["judged"]
