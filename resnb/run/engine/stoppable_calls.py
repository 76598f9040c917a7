"""Calls the methods of a manager on its lease thread, in a way that can be stopped or cannot.

Set-up, and the clean-up that a run waits for, can be stopped; the clean-up of a half-made thing
cannot. A stop that comes between two calls, in resnb's own lines, takes effect at the next call.
"""

from collections.abc import Callable
from typing import Any

from resnb.errors import TaskCancelled
from resnb.run.engine.loop import resolve
from resnb.run.engine.slots import CURRENT, NOTHING


def plainly(function: Callable[..., Any], *args: Any) -> Any:
    """Call `function`, and wait for its result if that is awaitable."""
    return resolve(function(*args))


def stoppably(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call `function` in the same way, but let `Slot.stop` of the current slot stop it.

    Raises:
        TaskCancelled: it was stopped before it began.
    """
    slot = CURRENT.get()
    if slot is None:
        return resolve(function(*args, **kwargs))
    if slot.stopped:
        slot.stopped = False
        raise TaskCancelled
    try:
        slot.inside = slot.row
        value = function(*args, **kwargs)
        slot.inside = NOTHING
    except BaseException:
        slot.inside = NOTHING
        raise
    return resolve(value, slot)
