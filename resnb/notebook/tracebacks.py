"""Tracebacks of cells: the user's lines, without resnb's and IPython's around them."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from resnb.errors import ResnbError, user_frames


@contextmanager
def user_lines_only(shell: Any) -> Iterator[None]:
    """Let IPython show an error of the user's code, raised inside the block, from there on.

    resnb's own errors render themselves.
    """
    try:
        yield
    except ResnbError:
        raise
    except BaseException as error:
        try:
            error._render_traceback_ = partial(_rendered, shell, error)  # type: ignore[attr-defined]
        except AttributeError:
            pass  # an exception that takes no attributes is shown as it is
        raise


def _rendered(shell: Any, error: BaseException) -> list[str]:
    tb = user_frames(error.__traceback__)
    if tb is None:
        return [f"{type(error).__name__}: {error}"]
    lines: list[str] = shell.InteractiveTB.structured_traceback(type(error), error, tb, tb_offset=0)
    return lines


__all__ = ["user_lines_only"]
