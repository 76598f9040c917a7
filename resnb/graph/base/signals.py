"""Exceptions by which a task's code, or its trigger, chooses the final state."""

from datetime import UTC, datetime
from typing import Any, ClassVar

from resnb import states


class Signal(Exception):  # noqa: N818 - not an error
    """Base of the signals. Raising one ends the task in `state`.

    Args:
        message: one line of text.
        result: the value that downstream tasks receive.
    """

    state_class: ClassVar[type[states.State]] = states.State

    def __init__(self, message: str = "", result: Any = None) -> None:
        super().__init__(message)
        self.state = self.state_class(message, result)

    @property
    def result(self) -> Any:
        """The value that downstream tasks receive, or what `FAIL` keeps as the reason."""
        return self.state.result


class FAIL(Signal):
    """End as failed."""

    state_class = states.Failed

    def __init__(self, message: str = "", result: Any = None) -> None:
        super().__init__(message, result)
        if result is None:
            self.state.result = self


class TRIGGERFAIL(FAIL):
    """End without having run, because a trigger did not hold."""

    state_class = states.TriggerFailed


class SUCCESS(Signal):
    """End as successful, with the value `result`."""

    state_class = states.Success


class SKIP(Signal):
    """End as skipped."""

    state_class = states.Skipped


class RETRY(Signal):
    """End this try and try again, whatever the task's ``max_retries``.

    Args:
        message: one line of text.
        result: ignored; all signals take one.
        delay: seconds until the next try; the task's ``retry_delay`` by default.
        start_time: when to try again, instead of a delay; UTC if it has no time zone.
    """

    state_class = states.Retrying

    def __init__(
        self,
        message: str = "",
        result: Any = None,
        *,
        delay: float | None = None,
        start_time: datetime | None = None,
    ) -> None:
        super().__init__(message, result)
        if start_time is not None:
            if start_time.tzinfo is None:
                start_time = start_time.replace(tzinfo=UTC)
            delay = max(0.0, (start_time - datetime.now(UTC)).total_seconds())
        self.delay = delay


class LOOP(Signal):
    """End this round and begin another one at once, as often as it is raised.

    ``context.task_loop_count`` has the number of the round, from 1. From the second one on,
    ``context.get("task_loop_result", default)`` has the `result` of the one before. Tries count
    anew in each.
    """

    state_class = states.Retrying
