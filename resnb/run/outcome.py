"""What became of one try of a task's code. Pure: from an exception to a state."""

from typing import Any, NamedTuple

from resnb.errors import TaskCancelled, user_frames
from resnb.graph.signals import RETRY, Signal
from resnb.graph.task import Task
from resnb.states import CANCELLED, CLASSES, FAILED, RETRYING, SUCCESS, TIMED_OUT, State


class Outcome(NamedTuple):
    """The state that a try leads to.

    Attributes:
        code: a final state, or RETRYING.
        value: the value, or None.
        error: the exception, or None.
        reason: one line for people.
        delay: seconds until the next try.
    """

    code: int
    value: Any = None
    error: BaseException | None = None
    reason: str = ""
    delay: float = 0.0

    def state(self) -> State:
        """As a `State` object, for handlers and hooks."""
        return CLASSES[self.code](self.reason, self.value if self.error is None else self.error)


def of_error(task: Task, error: BaseException, tries: int, retries: int) -> Outcome:
    """What an exception that the task's code raised leads to.

    Args:
        task: the task.
        error: the exception.
        tries: how many tries have begun.
        retries: how many may follow the first.
    """
    left = tries <= retries
    delay = task.retry_delay or 0.0
    if isinstance(error, RETRY):
        if left:
            return Outcome(RETRYING, reason=str(error), delay=_first(error.delay, delay))
        return Outcome(FAILED, error=error, reason=str(error) or "no tries are left")
    if isinstance(error, Signal):
        state = error.state
        return of_state(state)
    trimmed = error.with_traceback(user_frames(error.__traceback__))
    reason = text_of(error)
    if isinstance(error, TaskCancelled | KeyboardInterrupt) or _is_async_cancel(error):
        return Outcome(CANCELLED, error=trimmed, reason="it was stopped while it was running")
    kinds = task.retry_on or (Exception,)
    if left and isinstance(error, kinds):
        return Outcome(RETRYING, error=trimmed, reason=reason, delay=delay)
    return Outcome(FAILED, error=trimmed, reason=reason)


def of_timeout(task: Task, limit: float, tries: int, retries: int) -> Outcome:
    """What running for longer than `limit` seconds leads to."""
    reason = f"it ran for longer than its timeout of {limit:g} s"
    error = TimeoutError(reason)
    if tries <= retries and isinstance(error, task.retry_on or (Exception,)):
        return Outcome(RETRYING, error=error, reason=reason, delay=task.retry_delay or 0.0)
    return Outcome(TIMED_OUT, error=error, reason=reason)


def of_state(state: State) -> Outcome:
    """What a state that the user's code chose itself leads to."""
    if isinstance(state.kept, BaseException):
        return Outcome(state.code, error=state.kept, reason=state.message)
    if state.is_failed():
        error = RuntimeError(state.message or state.name)
        return Outcome(state.code, value=state.kept, error=error, reason=state.message)
    return Outcome(state.code, value=state.kept, reason=state.message)


def text_of(error: BaseException) -> str:
    """An exception in one line, whatever its own ``__str__`` does or how much it says."""
    try:
        first, *more = f"{type(error).__name__}: {error}".splitlines()
    except Exception:  # noqa: BLE001 - the user's code
        return type(error).__name__
    return f"{first} [...]" if any(more) else first


def success(value: Any) -> Outcome:
    """The code returned `value`."""
    return Outcome(SUCCESS, value=value)


def _first(one: float | None, other: float) -> float:
    return other if one is None else one


def _is_async_cancel(error: BaseException) -> bool:
    kind = type(error)
    return kind.__name__ == "CancelledError" and kind.__module__.startswith("asyncio")


__all__ = ["Outcome", "of_error", "of_state", "of_timeout", "success", "text_of"]
