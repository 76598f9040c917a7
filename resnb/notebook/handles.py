"""Handles in ordinary cells: the value of one as the last line, and errors that a library raises.

A library that checks types itself (``json.dumps(df)``, ``pd.concat([df])``) raises an error that
knows nothing of handles, below many lines of its own. What is shown in its place is the user's
line that passed the handle on, the library's message, and what the handle is.
"""

import re
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from operator import itemgetter
from typing import Any

from resnb.elsewhere import Elsewhere
from resnb.errors import ResnbError, described, is_installed, user_frames
from resnb.graph.base.stand_in import StandIn
from resnb.graph.tasks.handle import is_handle, outlook
from resnb.graph.tasks.task import Task

_NAME = re.compile(r"[^\W\d]\w*")


def show_value(task: Task) -> None:
    """Show a handle that has a value: a line that says so, and below it the value.

    A value on a cluster is not fetched for that.

    Raises:
        NotImplementedError: it has none, or is no handle; IPython shows its text then.
    """
    if not is_handle(task) or not outlook(task)[1] or isinstance(task.state.kept, Elsewhere):
        raise NotImplementedError
    from IPython import display as ipython_display

    display: Any = ipython_display.display
    display({"text/plain": task.explained() + ":"}, raw=True)
    display(task.value)


def explain_handles(shell: Any) -> Callable[[], None]:
    """Let errors about handles that other libraries raise say what a handle is.

    Returns:
        A function that undoes it.
    """
    original = shell.showtraceback

    def showtraceback(exc_tuple: Any = None, *args: Any, **options: Any) -> Any:
        with suppress(Exception):  # an error is shown in any case
            _explain(exc_tuple[1] if exc_tuple else sys.exception())
        return original(exc_tuple, *args, **options)

    shell.showtraceback = showtraceback

    def unwrap() -> None:
        if shell.__dict__.get("showtraceback") is showtraceback:
            del shell.showtraceback

    return unwrap


def _explain(error: BaseException | None) -> None:
    """Change what is shown of `error` if it is about a handle that the user's line names."""
    if isinstance(error, ResnbError) or not isinstance(error, TypeError | ValueError):
        return
    stack = traceback.walk_tb(user_frames(error.__traceback__))
    users = [one for one in stack if not is_installed(one[0].f_code.co_filename)]
    if not users:
        return
    summary = traceback.StackSummary.extract(users)
    values = {**users[-1][0].f_globals, **users[-1][0].f_locals}
    held = {name: values.get(name) for name in _NAME.findall(summary[-1].line or "")}
    passed = [
        (isinstance(one, Task) and not is_handle(one), name, one)
        for name, one in held.items()
        if isinstance(one, StandIn) and type(one).__name__ in str(error)
    ]
    if passed:
        _, name, one = min(passed, key=itemgetter(0))  # rather a handle than a definition
        head = "Traceback (most recent call last):\n"
        text = f"{described(error)}\n{one.explained(name)}"
        shown = "".join([head, *summary.format(), text])
        error._render_traceback_ = partial(_presented, shown)  # type: ignore[union-attr]


def _presented(text: str) -> list[str]:
    return ResnbError.presented(text).splitlines()
