"""The end of a run, for those who wait for it: who may wait, and who is told."""

import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from resnb.errors import RunError
from resnb.run.active import active_inside
from resnb.run.engine.slots import CURRENT

if TYPE_CHECKING:
    from collections.abc import Callable

    from resnb.run.active import ActiveRun
    from resnb.run.engine.slots import Slot


class Conclusion:
    """Whether one run has ended, its clean-ups and hooks included.

    Attributes:
        reached: set at the end.
        calls: called at the end, on some thread; never, if they are added later.
    """

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.calls: list[Callable[[], object]] = []

    def reach(self) -> None:
        """The run has ended: tell those who asked for it."""
        self.reached.set()
        for call in tuple(self.calls):
            with suppress(Exception):  # such as a loop that is closed: the others are told
                call()


def refuse_endless_wait(run: "ActiveRun", own: "Slot", *, has_begun: bool) -> None:
    """Make sure that `run` can end while the caller waits for it.

    Args:
        run: the run.
        own: the slot of its hooks and handlers.
        has_begun: whether it has begun.

    Raises:
        RunError: it was never begun, goes on in another process, or is waiting for the caller.
    """
    slot, name = CURRENT.get(), run.flow.name
    if not has_begun:
        message = f"there is nothing to wait for: this run of flow {name!r} has not begun"
    elif run.execution.forked:
        message = f"flow {name!r} runs in the parent of this forked process, and ends there"
    elif slot is own:
        message = f"a state handler of flow {name!r} cannot wait for the run it is called by"
    elif slot is not None and any(
        slot.output is one.execution.output for one in active_inside(run)
    ):
        message = f"a task of flow {name!r} cannot wait for the run it is part of"
    else:
        return
    raise RunError(message)
