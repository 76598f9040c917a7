"""Which frames of a traceback are the user's, and tracebacks without resnb's frames."""

import contextlib
import os
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from traceback import TracebackException

_PACKAGE = f"{Path(__file__).parent}{os.sep}"
_READY_MADE = (f"{_PACKAGE}resources{os.sep}", f"{_PACKAGE}dask{os.sep}")
_BLOCKS = contextlib.__file__  # its frames stand between resnb's own
_MAGIC_CALLS = frozenset({"run_cell_magic", "run_line_magic"})


def user_frames(tb: TracebackType | None) -> TracebackType | None:
    """The part of a traceback that begins with the user's code.

    After the call of a magic, this is the first frame of the cell's body. A library that one of
    resnb's own resources has called is not the user's.

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
    before = None
    while found is not None and _is_internal(found):
        before, found = found, found.tb_next
    if before is not None and before.tb_frame.f_code.co_filename.startswith(_READY_MADE):
        while found is not None and is_installed(found.tb_frame.f_code.co_filename):
            found = found.tb_next
    return found


def _is_internal(tb: TracebackType) -> bool:
    filename = tb.tb_frame.f_code.co_filename
    return _is_ours(filename) or "/IPython/" in filename


def _is_ours(filename: str) -> bool:
    return filename.startswith(_PACKAGE) or filename == _BLOCKS


def is_installed(filename: str) -> bool:
    """Whether a file belongs to Python, to an installed package or to resnb, not to the user."""
    return _is_ours(filename) or filename.startswith(("<frozen ", *_installed()))


@cache
def _installed() -> tuple[str, ...]:
    import sysconfig

    folders = ("stdlib", "platstdlib", "purelib", "platlib")
    return tuple({f"{sysconfig.get_path(name)}{os.sep}" for name in folders})


def formatted(error: BaseException) -> str:
    """`error` and its causes as Python formats them, without resnb's frames.

    The message alone is enough for an error of a library that none of the user's lines has called.
    """
    import traceback

    found = traceback.TracebackException(type(error), error, user_frames(error.__traceback__))
    if not _has_users_line(found):
        return "".join(found.format_exception_only())
    is_stop = not isinstance(error, Exception)  # then a library's own frames do not matter
    ends_in_ours = bool(found.stack) and _is_ours(found.stack[-1].filename)
    related: list[traceback.TracebackException | None] = [found]
    while related:
        one = related.pop()
        if one is None:
            continue
        is_left_out = is_installed if is_stop else _is_ours
        frames = [frame for frame in one.stack or () if not is_left_out(frame.filename)]
        if ends_in_ours and all(is_installed(frame.filename) for frame in frames):
            frames = []  # only those of a library that resnb has called
        one.stack = traceback.StackSummary.from_list(frames) if frames else None  # type: ignore[assignment]
        related += [one.__cause__, one.__context__, *(getattr(one, "exceptions", None) or ())]
    return "".join(found.format())


def _has_users_line(found: "TracebackException") -> bool:
    """Whether a line of the user's is in the traceback of an error, its causes or its group."""
    related: list[TracebackException | None] = [found]
    while related:
        one = related.pop()
        if one is None:
            continue
        if not all(is_installed(frame.filename) for frame in one.stack or ()):
            return True
        related += [one.__cause__, one.__context__, *(getattr(one, "exceptions", None) or ())]
    return False
