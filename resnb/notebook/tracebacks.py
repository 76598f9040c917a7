"""Tracebacks of cells: the user's lines, without resnb's and IPython's around them."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

from resnb.errors import MagicError, ResnbError, user_frames

_FILE = re.compile(r'^(?P<lead>[ |+-]*)File "(?P<name>[^"\n]+)"(?=, line )', re.MULTILINE)


class CellSyntaxError(MagicError):
    """Python that cannot be compiled, shown as IPython shows it.

    IPython shows a `SyntaxError` that passes through a magic with all frames around it, whatever
    the exception says of its looks; hence another class.

    Args:
        shell: IPython's shell.
        error: Python's own error.
        frames: where the user's code ran into it; None if it is the cell that is no Python.
    """

    def __init__(self, shell: Any, error: SyntaxError, frames: Any = None) -> None:
        super().__init__(f"{error.msg} (line {error.lineno})")
        self._lines = partial(_syntax_lines, shell, error, frames)

    def _render_traceback_(self) -> list[str]:
        return self._lines()


def _syntax_lines(shell: Any, error: SyntaxError, frames: Any) -> list[str]:
    import traceback

    stack = traceback.extract_tb(frames)
    lines: list[str] = shell.SyntaxTB.structured_traceback(type(error), error, stack)
    return lines


@contextmanager
def cell_being_compiled(shell: Any) -> Iterator[None]:
    """Refuse what is no Python in the block, which translates and compiles a cell.

    Raises:
        CellSyntaxError: the cell is no Python.
    """
    try:
        yield
    except SyntaxError as error:
        raise CellSyntaxError(shell, error) from None


@contextmanager
def user_lines_only(shell: Any) -> Iterator[None]:
    """Let IPython show an error of the user's code, raised inside the block, from there on.

    resnb's own errors render themselves.
    """
    try:
        yield
    except ResnbError:
        raise
    except SyntaxError as error:
        raise CellSyntaxError(shell, error, user_frames(error.__traceback__)) from None
    except BaseException as error:
        with suppress(AttributeError):  # an exception that takes no attributes is shown as it is
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
    """Let resnb's errors call a cell as IPython does, and not by its temporary file.

    Returns:
        A function that ends it.
    """
    before = ResnbError.presented
    ResnbError.presented = staticmethod(partial(_cells_named, shell))  # type: ignore[method-assign]

    def stop() -> None:
        ResnbError.presented = staticmethod(before)  # type: ignore[method-assign]

    return stop


def _cells_named(shell: Any, text: str) -> str:
    """A traceback's `text` with ``Cell In[3]`` where it has the file of that cell."""

    def named(match: re.Match[str]) -> str:
        found = shell.compile.format_code_name(match["name"])
        return match[0] if found is None else match["lead"] + " ".join(found)

    return _FILE.sub(named, text)


__all__ = ["CellSyntaxError", "call_cells_by_name", "cell_being_compiled", "user_lines_only"]
