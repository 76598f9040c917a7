"""Steps that draw with pyplot, which has one current figure for the whole process.

In a notebook, a cell begins without a figure, and what it has drawn is shown when it ends. Steps
run side by side on threads, where each would draw into the figures of the others. So one step
that draws runs at a time, and its end is the end of a cell to pyplot.
"""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FunctionType
from typing import Any

_PLOTTERS = frozenset({"matplotlib.pyplot", "matplotlib.pylab", "pylab", "seaborn"})
_DRAWING = frozenset({"boxplot", "hist", "plot", "scatter_matrix"})
"""Methods by which data frames and models draw with pyplot."""
_LOOK = 0.2
"""Seconds after which a step that waits for another can be interrupted."""
_one = threading.Lock()


def draws(function: FunctionType, names: Any) -> bool:
    """Whether a step draws with pyplot.

    Args:
        function: its code.
        names: the variables of the notebook that it reads.
    """
    used = function.__code__.co_names
    if not _PLOTTERS.isdisjoint(used):  # it imports one itself
        return True
    if "matplotlib" not in sys.modules:
        return False
    found = (getattr(function.__globals__.get(one), "__name__", "") for one in names)
    return not _DRAWING.isdisjoint(used) or any(name in _PLOTTERS for name in found)


@contextmanager
def own_figures() -> Iterator[None]:
    """A block in which no other step draws, and after which no figure is the current one."""
    while not _one.acquire(timeout=_LOOK):
        pass
    try:
        yield
        _show()
    finally:
        _one.release()


def _show() -> None:
    """Show and close what was drawn, if that is what the backend does at the end of a cell."""
    backend = sys.modules.get("matplotlib_inline.backend_inline")
    pyplot = sys.modules.get("matplotlib.pyplot")
    if backend is not None and pyplot is not None and "inline" in pyplot.get_backend():
        backend.flush_figures()
