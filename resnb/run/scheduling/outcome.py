"""The outcome of one try of a task's code: which state follows from a value or an exception."""

from typing import Any, NamedTuple

from resnb.durations import seconds
from resnb.errors import TaskCancelled, described, user_frames
from resnb.graph.base.signals import FAIL, LOOP, RETRY, Signal
from resnb.graph.tasks.task import Task
from resnb.states import (
    CANCELLED,
    CLASSES,
    FAILED,
    FIRST_FINISHED,
    FIRST_UNSUCCESSFUL,
    RETRYING,
    SKIPPED,
    SUCCESS,
    TIMED_OUT,
    State,
)


class Outcome(NamedTuple):
    """The state that a try leads to.

    Attributes:
        code: a final state, or RETRYING.
        reason: one line for people.
        delay: seconds until the next try.
        instead_of: how the task would have ended if there were no next try; None if nothing
            failed.
        loops: whether the next try is the next round of a loop, which gets `value`.
    """

    code: int
    value: Any = None
    error: BaseException | None = None
    reason: str = ""
    delay: float = 0.0
    instead_of: int | None = None
    loops: bool = False

    def state(self) -> State:
        """The `State` object, for handlers and hooks."""
        return CLASSES[self.code](self.reason, self.value if self.error is None else self.error)


def of_error(task: Task, error: BaseException, tries: int, retries: int) -> Outcome:
    """The outcome of a try whose code raised; `tries` have begun, `retries` may follow one."""
    if isinstance(error, RETRY):
        delay = pause_after(task, tries) if error.delay is None else error.delay
        return Outcome(RETRYING, reason=str(error), delay=delay)
    if isinstance(error, LOOP):
        return Outcome(RETRYING, value=error.result, reason=str(error), loops=True)
    if isinstance(error, Signal) and not isinstance(error, FAIL):
        return of_state(error.state)
    if isinstance(error, FAIL):
        return _again(task, of_state(error.state), error, tries, retries)
    trimmed = error.with_traceback(user_frames(error.__traceback__))
    reason = text_of(error)
    if is_stop(error):
        return Outcome(CANCELLED, error=trimmed, reason="it was stopped while it was running")
    return _again(task, Outcome(FAILED, error=trimmed, reason=reason), error, tries, retries)


def of_timeout(task: Task, limit: float, tries: int, retries: int) -> Outcome:
    """The outcome of a try that ran for longer than `limit` seconds."""
    reason = f"it ran for longer than its timeout of {limit:g} s"
    error = TimeoutError(reason)
    return _again(task, Outcome(TIMED_OUT, error=error, reason=reason), error, tries, retries)


def _again(task: Task, end: Outcome, error: BaseException, tries: int, retries: int) -> Outcome:
    """Another try if `error` is to be retried and tries are left, else `end`."""
    if tries <= retries and isinstance(error, task.retry_on or (Exception,)):
        delay = pause_after(task, tries)
        return end._replace(code=RETRYING, delay=delay, instead_of=end.code)
    return end


def pause_after(task: Task, tries: int) -> float:
    """The pause before the next try, in seconds, once `tries` have ended.

    A list that is too short goes on with its last item.
    """
    delay = task.retry_delay
    if callable(delay):
        owner = f"task {task.name!r}: retry_delay"
        delay = tuple(seconds(one, owner) or 0.0 for one in delay(task.max_retries))
    if isinstance(delay, tuple):
        return delay[min(tries, len(delay)) - 1] if delay else 0.0
    return delay or 0.0


def of_state(state: State) -> Outcome:
    """The outcome of a try whose code chose its state."""
    if isinstance(state.kept, BaseException):
        return Outcome(state.code, error=state.kept, reason=state.message)
    if state.is_failed():
        error = RuntimeError(state.message or state.name)
        return Outcome(state.code, value=state.kept, error=error, reason=state.message)
    return Outcome(state.code, value=state.kept, reason=state.message)


def text_of(error: BaseException) -> str:
    """An exception and its notes in one line, even if its ``__str__`` fails or is long."""
    first, *more = described(error).splitlines()
    notes = [str(one) for one in getattr(error, "__notes__", ())]
    return "; ".join([f"{first} [...]" if any(more) else first, *notes]).splitlines()[0]


def failure(error: BaseException) -> Outcome:
    """`error` fails the row, and no further try would end otherwise."""
    return Outcome(FAILED, error=error, reason=text_of(error))


def has_made(code: int) -> bool:
    """Whether a set-up that ended with `code` made something."""
    return FIRST_FINISHED <= code < FIRST_UNSUCCESSFUL and code != SKIPPED


def success(value: Any) -> Outcome:
    """The outcome of a try whose code returned `value`."""
    return Outcome(SUCCESS, value=value)


def is_stop(error: BaseException) -> bool:
    """Whether `error` is what stops code: a cancel, also one of asyncio's, or a Ctrl-C."""
    kind = type(error)
    if isinstance(error, TaskCancelled | KeyboardInterrupt):
        return True
    return kind.__name__ == "CancelledError" and kind.__module__.startswith("asyncio")
