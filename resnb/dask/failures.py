"""What a try's code raised, as bytes, and back."""

import pickle

from resnb.dask.workers.exceptions import dumped
from resnb.run.scheduling.outcome import text_of


class Failure:
    """In place of a value: what a try's code raised, or (without `error`) why it did not run."""

    __slots__ = ("error", "reason")

    def __init__(self, error: bytes | None, reason: str = "") -> None:
        self.error = error
        self.reason = reason


def failure_of(error: BaseException) -> Failure:
    """`error` and its traceback as a `Failure`; an exception that does not pickle goes as text."""
    from tblib import Traceback

    frames = None
    if error.__traceback__ is not None:
        # the first frame is resnb's
        after = error.__traceback__.tb_next
        frames = None if after is None else Traceback(after).to_dict()
    try:
        data = dumped(error)
    except Exception:  # noqa: BLE001 - the user's class
        data = dumped(RuntimeError(text_of(error)))
    return Failure(pickle.dumps((data, frames)))


def error_of(failure: Failure) -> BaseException | None:
    """What was raised on the worker, with its traceback; None if nothing was."""
    if failure.error is None:
        return None
    data, frames = pickle.loads(failure.error)  # noqa: S301 - a worker's of ours
    try:
        error: BaseException = pickle.loads(data)  # noqa: S301 - likewise
    except Exception as fault:  # noqa: BLE001 - the user's class
        error = RuntimeError(f"an exception that does not load here: {text_of(fault)}")
    if frames is not None:
        from tblib import Traceback

        error = error.with_traceback(Traceback.from_dict(frames).as_traceback())
    return error
