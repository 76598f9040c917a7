"""Every error that resnb raises on purpose: one clear line with the rule, the object, the remedy.

In a notebook they show the user's frames only, never resnb's own: see `user_frames`.
"""

import os
from pathlib import Path
from types import TracebackType

_PACKAGE = f"{Path(__file__).parent}{os.sep}"
_MAGIC_CALLS = frozenset({"run_cell_magic", "run_line_magic"})


def user_frames(tb: TracebackType | None) -> TracebackType | None:
    """The part of a traceback that begins with the user's code.

    Where a magic was called, that is the first line of the cell's body, not the call of the magic.

    Args:
        tb: a traceback, or None.

    Returns:
        The rest of `tb` from there on; None if no frame is the user's.
    """
    found = here = tb
    while here is not None:
        if here.tb_frame.f_code.co_name in _MAGIC_CALLS and _is_ours(here):
            found = here
        here = here.tb_next
    while found is not None and _is_ours(found):
        found = found.tb_next
    return found


def _is_ours(tb: TracebackType) -> bool:
    filename = tb.tb_frame.f_code.co_filename
    return filename.startswith(_PACKAGE) or "/IPython/" in filename


def _formatted(error: BaseException) -> str:
    """`error` and what led to it as Python formats them, without frames of resnb's."""
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
    """Let a notebook show `error` without resnb's frames; gives `error` itself."""

    def lines() -> list[str]:
        return ResnbError.presented(_formatted(error)).splitlines()

    error._render_traceback_ = lines  # type: ignore[attr-defined]
    return error


class ResnbError(Exception):
    """Base of resnb's errors."""

    @staticmethod
    def presented(text: str) -> str:
        """A rendered traceback as it is shown; a notebook puts the names of its cells in."""
        return text

    def _render_traceback_(self) -> list[str]:
        """What IPython shows: the user's own lines, then the message (IPython's protocol)."""
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
    """A flow that cannot be built like this: a cycle, a foreign task, a use outside a scope."""


class OutsideFlowError(GraphError):
    """A task was called while no flow was being built."""


class OptionError(ResnbError, ValueError):
    """An option, a parameter or an argument that is unknown, missing or of the wrong kind."""


class RunError(ResnbError, RuntimeError):
    """A run that cannot be started or asked for what it does not have."""


class NoValueError(RunError):
    """A handle was asked for a value which it does not have (yet, or any more)."""


class IllegalTransition(ResnbError, RuntimeError):  # noqa: N818 - the field's term
    """A task or lease was moved to a state that it cannot reach: a defect of resnb itself."""


class FlowFailed(ResnbError):  # noqa: N818 - the name of the public API
    """A run did not succeed; the message names each task that failed, and why.

    Attributes:
        state: the flow's final state.
    """

    def __init__(self, message: str, state: object = None) -> None:
        super().__init__(message)
        self.state = state

    def _render_traceback_(self) -> list[str]:
        """The failed task's own frames, then the message: where the run was started is known."""
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
    """The ledger cannot be written, read or trusted; nothing was created that it does not know."""


class LedgerUnreachable(LedgerError):  # noqa: N818 - as `LeaseLost` is named
    """The shared ledger's server cannot be reached, now or any more."""


class LeaseLost(ResnbError):  # noqa: N818 - the name of the public API
    """The resource was cleaned up by somebody else while it was still in use."""


class MagicError(ResnbError):
    """A magic line or cell that cannot be read."""


__all__ = [
    "CleanupError",
    "FlowFailed",
    "GraphError",
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
