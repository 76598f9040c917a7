"""The errors that resnb raises on purpose: one line that names rule, object and remedy.

A notebook shows them with the user's frames only; see `user_frames`.
"""

import os
import re
from pathlib import Path
from types import TracebackType

_PACKAGE = f"{Path(__file__).parent}{os.sep}"
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_MAGIC_CALLS = frozenset({"run_cell_magic", "run_line_magic"})


def harmless(text: str) -> str:
    """`text` with control characters spelled out, so that it cannot steer a terminal."""
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def user_frames(tb: TracebackType | None) -> TracebackType | None:
    """The part of a traceback that begins with the user's code.

    After the call of a magic, this is the first frame of the cell's body.

    Args:
        tb: a traceback, or None.

    Returns:
        The traceback from there on; None if no frame is the user's.
    """
    found = here = tb
    while here is not None:
        if here.tb_frame.f_code.co_name in _MAGIC_CALLS and _is_internal(here):
            found = here
        here = here.tb_next
    while found is not None and _is_internal(found):
        found = found.tb_next
    return found


def _is_internal(tb: TracebackType) -> bool:
    filename = tb.tb_frame.f_code.co_filename
    return filename.startswith(_PACKAGE) or "/IPython/" in filename


def _formatted(error: BaseException) -> str:
    """`error` and its causes as Python formats them, without resnb's frames."""
    import traceback

    found = traceback.TracebackException(type(error), error, user_frames(error.__traceback__))
    related: list[traceback.TracebackException | None] = [found]
    while related:
        one = related.pop()
        if one is None:
            continue
        frames = [frame for frame in one.stack or () if not frame.filename.startswith(_PACKAGE)]
        one.stack = traceback.StackSummary.from_list(frames) if frames else None  # type: ignore[assignment]
        related += [one.__cause__, one.__context__, *(getattr(one, "exceptions", None) or ())]
    return "".join(found.format())


def shown_without_ours(error: BaseException) -> BaseException:
    """Let a notebook show `error` without resnb's frames. Returns `error`."""

    def lines() -> list[str]:
        return ResnbError.presented(_formatted(error)).splitlines()

    error._render_traceback_ = lines  # type: ignore[attr-defined]
    return error


class ResnbError(Exception):
    """Base of resnb's errors."""

    def __str__(self) -> str:
        """The message. Names and reasons in it may be anybody's."""
        return harmless(super().__str__())

    @staticmethod
    def presented(text: str) -> str:
        """A rendered traceback as it is shown. A notebook inserts the names of its cells."""
        return text

    def _render_traceback_(self) -> list[str]:
        """What IPython shows: the user's frames, then the message."""
        import traceback

        frames = [
            frame
            for frame in traceback.extract_tb(user_frames(self.__traceback__))
            if not frame.filename.startswith(_PACKAGE)
        ]
        head = ["Traceback (most recent call last):\n"] if frames else []
        text = "".join([*head, *traceback.format_list(frames), f"{type(self).__name__}: {self}"])
        return self.presented(text).splitlines()


class GraphError(ResnbError, ValueError):
    """A flow cannot be built like this: a cycle, another flow's task, a use outside a scope."""


class GraphTypeError(GraphError, TypeError):
    """Something of the wrong type was given where a flow needs a task, or a sequence."""


class OutsideFlowError(GraphError):
    """A task was called while no flow was being built."""


class OptionError(ResnbError, ValueError):
    """An option, parameter or argument is unknown, missing or of the wrong kind."""


class ArgumentError(OptionError, TypeError):
    """An argument or parameter is missing, surplus or given twice."""


class RunError(ResnbError, RuntimeError):
    """A run cannot be started, or does not have what it was asked for."""


class NoValueError(RunError):
    """A handle has no value yet, or no longer has one."""


class IllegalTransition(ResnbError, RuntimeError):  # noqa: N818 - the field's term
    """A task or lease was moved to a state that it cannot reach: a bug in resnb."""


class FlowFailed(ResnbError):  # noqa: N818 - the name of the public API
    """A run did not succeed. The message names each task that failed, and why.

    Attributes:
        state: the flow's final state.
    """

    def __init__(self, message: str, state: object = None) -> None:
        super().__init__(message)
        self.state = state

    def _render_traceback_(self) -> list[str]:
        """The failed task's frames, then the message, without the frames that started the run."""
        cause = self.__cause__
        if cause is None:
            return [f"{type(self).__name__}: {self}"]
        shown = self.presented(_formatted(cause))
        return [*shown.rstrip().splitlines(), "", f"{type(self).__name__}: {self}"]


class TaskCancelled(BaseException):
    """Raised inside the code of a running task that was cancelled or timed out."""


class CleanupError(ResnbError):
    """A resource's cleanup failed or did not end within its deadline."""


class LedgerError(ResnbError):
    """The ledger cannot be written, read or trusted. No resource was created without a record."""


class LedgerUnreachable(LedgerError):  # noqa: N818 - as `LeaseLost` is named
    """The shared ledger's server cannot be reached, now or any more."""


class LeaseLost(ResnbError):  # noqa: N818 - the name of the public API
    """The resource was cleaned up by another process while it was in use."""


class MagicError(ResnbError):
    """A magic's line or cell cannot be parsed."""


__all__ = [
    "ArgumentError",
    "CleanupError",
    "FlowFailed",
    "GraphError",
    "GraphTypeError",
    "IllegalTransition",
    "LeaseLost",
    "LedgerError",
    "LedgerUnreachable",
    "MagicError",
    "NoValueError",
    "OptionError",
    "OutsideFlowError",
    "ResnbError",
    "RunError",
    "TaskCancelled",
    "shown_without_ours",
    "user_frames",
]
