"""Exceptions by which a task's code (or its trigger) chooses its own final state."""

from datetime import UTC, datetime
from typing import Any, ClassVar

from resnb import states


class Signal(Exception):  # noqa: N818 - it is no error
    """Base of the signals; raising one ends the task in `state`.

    Args:
        message: one line for people.
        result: the value that downstream tasks receive.
    """

    state_class: ClassVar[type[states.State]] = states.State

    def __init__(self, message: str = "", result: Any = None) -> None:
        super().__init__(message)
        self.state = self.state_class(message, result)


class FAIL(Signal):
    """End as failed."""

    state_class = states.Failed

    def __init__(self, message: str = "", result: Any = None) -> None:
        super().__init__(message, result)
        if result is None:
            self.state.result = self


class TRIGGERFAIL(FAIL):
    """End as not having run because of a trigger."""

    state_class = states.TriggerFailed


class SUCCESS(Signal):
    """End as successful, with `result` as the value."""

    state_class = states.Success


class SKIP(Signal):
    """End as skipped."""

    state_class = states.Skipped


class RETRY(Signal):
    """Give this try up and try again, however many tries the task has had.

    Args:
        message: one line for people.
        result: ignored, there for the sake of the common form.
        delay: seconds until the next try; None stands for the task's ``retry_delay``.
        start_time: when the next try begins, in place of a delay; without a time zone in UTC.
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


__all__ = ["FAIL", "RETRY", "SKIP", "SUCCESS", "TRIGGERFAIL", "Signal"]
