"""Tracebacks of cells: the user's lines, without those of resnb and IPython around them."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

from resnb.errors import MagicError, ResnbError, user_frames

_FILE = re.compile(r'^(?P<lead>[ |+-]*)File "(?P<name>[^"\n]+)"(?=, line )', re.MULTILINE)


class CellSyntaxError(MagicError):
    """Python that cannot be compiled, shown as IPython shows it.

    It is a class of its own because IPython shows a `SyntaxError` that passes through a magic with
    all frames around it, and ignores the exception's own rendering.

    Args:
        shell: IPython's shell.
        error: Python's own error.
        frames: the user's frames that ran into it; None if the cell itself is not Python.
    """

    def __init__(self, shell: Any, error: SyntaxError, frames: Any = None) -> None:
        super().__init__(f"{error.msg} (line {error.lineno})")
        self._shell, self._error, self._frames = shell, error, frames

    def _render_traceback_(self) -> list[str]:
        import traceback

        show = self._shell.SyntaxTB.structured_traceback
        stack = traceback.extract_tb(self._frames)
        lines: list[str] = show(type(self._error), self._error, stack)
        return lines


@contextmanager
def cell_being_compiled(shell: Any) -> Iterator[None]:
    """Report Python's errors about the cell that the block translates and compiles.

    Raises:
        CellSyntaxError: the cell is not Python.
        MagicError: Python gives up on it.
    """
    try:
        yield
    except SyntaxError as error:
        raise CellSyntaxError(shell, error) from None
    except (RecursionError, MemoryError):
        message = "the cell's code is nested too deeply for Python, or too long a sum: split it"
        raise MagicError(message) from None
    except UnicodeEncodeError as error:
        odd = error.object[error.start].encode("unicode_escape").decode()
        message = f"the cell has {odd}, half of a character, which Python cannot read: remove it"
        raise MagicError(message) from None


@contextmanager
def user_lines_only(shell: Any) -> Iterator[None]:
    """Let IPython show errors that the user's code raises in the block with its frames only.

    resnb's own errors render themselves.
    """
    try:
        yield
    except ResnbError:
        raise
    except SyntaxError as error:
        raise CellSyntaxError(shell, error, user_frames(error.__traceback__)) from None
    except BaseException as error:
        if hasattr(error, "_render_traceback_"):  # as what opens a resource shows its body's lines
            raise
        with suppress(AttributeError):  # an exception without attributes is shown whole
            error._render_traceback_ = partial(_rendered, shell, error)  # type: ignore[attr-defined]
        raise


def _rendered(shell: Any, error: BaseException) -> list[str]:
    tb = user_frames(error.__traceback__)
    if tb is None:
        name, text = type(error).__name__, str(error)
        return [f"{name}: {text}" if text else name]
    lines: list[str] = shell.InteractiveTB.structured_traceback(type(error), error, tb, tb_offset=0)
    return lines


def call_cells_by_name(shell: Any) -> Callable[[], None]:
    """Let resnb's errors name a cell as IPython does, and not by its temporary file.

    Returns:
        A function that undoes it.
    """
    before = ResnbError.presented
    ResnbError.presented = staticmethod(partial(_cells_named, shell))  # type: ignore[method-assign]

    def stop() -> None:
        ResnbError.presented = staticmethod(before)  # type: ignore[method-assign]

    return stop


def _cells_named(shell: Any, text: str) -> str:
    """The `text` of a traceback with ``Cell In[3]`` in place of the cell's file."""

    def named(match: re.Match[str]) -> str:
        found = shell.compile.format_code_name(match["name"])
        return match[0] if found is None else match["lead"] + " ".join(found)

    return _FILE.sub(named, text)
