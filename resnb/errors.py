"""The errors that resnb raises on purpose: one line that names rule, object and remedy.

A notebook shows them with the user's frames only; see `resnb.frames`.
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from resnb.frames import formatted, is_installed, user_frames

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_WORD = re.compile(r"""[^\s()\[\]{}"'#=,\\]+""")


def harmless(text: str) -> str:
    """`text` with control characters spelled out, so that it cannot steer a terminal."""
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def as_word(name: str) -> str:
    """A flow's name as one word of a magic line, in quotes if it has to be."""
    return harmless(name) if _WORD.fullmatch(name) else repr(name)


def described(error: BaseException) -> str:
    """The kind of `error` and its text, where it has one."""
    kind = type(error).__name__
    try:
        text = str(error)
    except Exception:  # noqa: BLE001 - the user's own __str__
        return kind
    text = text.lstrip()
    return f"{kind}: {text}" if text else kind


def user_line(error: BaseException | None) -> str:
    """The user's last line in the traceback of `error`, in words; empty if there is none.

    A cell has no name here, since its number is not the same in every run.
    """
    import traceback

    tb = None if error is None else error.__traceback__
    lines = [one for one in traceback.extract_tb(tb) if not is_installed(one.filename)]
    if not lines:
        return ""
    line = lines[-1]
    text = f'File "{line.filename}", line {line.lineno}'
    is_cell = ResnbError.presented(text) != text or line.filename.startswith("<")
    place = "its cell" if is_cell else Path(line.filename).name
    return f"line {line.lineno} of {place}"


def nearest(name: str, known: Iterable[str]) -> str:
    """The name in `known` that `name` is most like; empty if none is."""
    from difflib import get_close_matches

    return next(iter(get_close_matches(name, list(known), 1)), "")


def enumerated(names: Sequence[str], most: int = 5) -> str:
    """`names` in quotes, for an error; of many only the first, and how many more."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(repr, names[:most])) + more


def shown_without_ours(error: BaseException) -> BaseException:
    """Let a notebook show `error` without resnb's frames, as resnb's own errors are.

    Returns:
        `error`.
    """
    if isinstance(error, ResnbError):
        return error

    def lines() -> list[str]:
        return ResnbError.presented(formatted(error)).splitlines()

    error._render_traceback_ = lines  # type: ignore[attr-defined]
    return error


class ResnbError(Exception):
    """Base of resnb's errors."""

    def __str__(self) -> str:
        """The message, made harmless, since names and reasons in it may come from anybody."""
        return harmless(super().__str__())

    @staticmethod
    def presented(text: str) -> str:
        """A rendered traceback as it is shown; a notebook puts the names of its cells in."""
        return text

    def _render_traceback_(self) -> list[str]:
        """What IPython shows: the user's frames, then the message."""
        import traceback

        frames = [
            frame
            for frame in traceback.extract_tb(user_frames(self.__traceback__))
            if not is_installed(frame.filename)
        ]
        head = ["Traceback (most recent call last):\n"] if frames else []
        text = "".join([*head, *traceback.format_list(frames), f"{type(self).__name__}: {self}"])
        return self.presented(text).splitlines()


class GraphError(ResnbError, ValueError):
    """A flow cannot be built like this: a cycle, another flow's task, a use outside a scope."""


class GraphTypeError(GraphError, TypeError):
    """Something of the wrong type was given where a flow needs a task, or a sequence."""


class HandleError(GraphTypeError):
    """A handle, or a future, was used as if it were its value."""


class NoAttributeError(HandleError, AttributeError):
    """A handle, or a future, was asked for an attribute of its value."""


class OutsideFlowError(GraphError):
    """A task was called while no flow was being built."""


class OptionError(ResnbError, ValueError):
    """An option, parameter or argument is unknown, missing or of the wrong kind."""


class ArgumentError(OptionError, TypeError):
    """An argument or parameter is missing, surplus or given twice."""


class RunError(ResnbError, RuntimeError):
    """A run cannot be started or waited for, or something that it needs is missing."""


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
        shown = self.presented(formatted(cause))
        return [*shown.rstrip().splitlines(), f"{type(self).__name__}: {self}"]


class TaskCancelled(BaseException):
    """Raised inside the code of a running task that was cancelled or timed out."""


class CacheError(ResnbError):
    """A value cannot be kept on disk, or the folder for such values cannot be used."""


class NothingMadeError(ResnbError):
    """A resource's set-up could not begin: it has made nothing, so nothing has to be found.

    A set-up of your own may raise it, too, before it makes anything.

    Attributes:
        is_told: whether a lease knows; around it nothing is said of another one's set-up.
    """

    is_told = False


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
    "CacheError",
    "CleanupError",
    "FlowFailed",
    "GraphError",
    "GraphTypeError",
    "HandleError",
    "IllegalTransition",
    "LeaseLost",
    "LedgerError",
    "LedgerUnreachable",
    "MagicError",
    "NoAttributeError",
    "NoValueError",
    "NothingMadeError",
    "OptionError",
    "OutsideFlowError",
    "ResnbError",
    "RunError",
    "TaskCancelled",
    "is_installed",
    "nearest",
    "shown_without_ours",
    "user_frames",
    "user_line",
]
