"""Calling the methods of a manager on its lease thread: so that it can be stopped, or not.

Set-up, and the clean-up that a run waits for, can be stopped; what puts a half-made thing away
can not. A stop that comes between two calls, in lines of ours, takes effect at the next call.
"""

from collections.abc import Callable
from typing import Any

from resnb.errors import TaskCancelled
from resnb.run.engine.loop import resolve
from resnb.run.engine.slots import CURRENT, NOTHING


def plainly(function: Callable[..., Any], *args: Any) -> Any:
    """Call `function`, and wait for what it gives if that has to be awaited."""
    return resolve(function(*args))


def stoppably(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Likewise, but `Slot.stop` of the running slot stops it.

    Raises:
        TaskCancelled: it was told to stop before.
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


__all__ = ["plainly", "stoppably"]
