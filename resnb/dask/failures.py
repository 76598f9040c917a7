"""What a try's code raised, as bytes, and back.

Once distributed is imported, exceptions pickle by the rules of tblib, with their causes and
tracebacks; but of a built-in exception with an ``__init__`` of its own, such as `SystemExit`, these
keep its arguments without what it makes of them.
"""

import io
import pickle
from functools import cache
from typing import Any

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
    data = _pickled(error) or _pickled_by_tblib(error) or _pickled(RuntimeError(text_of(error)))
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


def _pickled(error: BaseException) -> bytes | None:
    """`error` as bytes; None if it does not become an exception again."""
    try:
        data = io.BytesIO()
        _pickler()(data).dump(error)
        loaded = pickle.loads(data.getvalue())  # noqa: S301 - what we have pickled ourselves
    except Exception:  # noqa: BLE001 - the user's class
        return None
    return data.getvalue() if isinstance(loaded, BaseException) else None


def _pickled_by_tblib(error: BaseException) -> bytes | None:
    """Likewise, without calling an ``__init__`` that takes something else than the arguments."""
    from tblib import pickling_support

    pickling_support.install(error)
    return _pickled(error)


@cache
def _pickler() -> Any:
    import cloudpickle

    class Pickler(cloudpickle.Pickler):  # type: ignore[misc]
        def reducer_override(self, found: Any) -> Any:
            if isinstance(found, BaseException) and _is_cut_by_tblib(type(found)):
                reduced: Any = found.__reduce__()
                _, args, *state = reduced
                links = found.__cause__, found.__context__, found.__suppress_context__
                return _linked, (type(found), args, found.__traceback__, links), *state
            return super().reducer_override(found)

    return Pickler


def _is_cut_by_tblib(kind: type[BaseException]) -> bool:
    inherited = {BaseException.__init__, OSError.__init__}
    is_plain = kind.__reduce__ is BaseException.__reduce__
    return kind.__module__ == "builtins" and is_plain and kind.__init__ not in inherited


def _linked(
    kind: type[BaseException],
    args: tuple[Any, ...],
    traceback: Any,
    links: tuple[BaseException | None, BaseException | None, bool],
) -> BaseException:
    error = kind(*args).with_traceback(traceback)
    error.__cause__, error.__context__, error.__suppress_context__ = links
    return error
