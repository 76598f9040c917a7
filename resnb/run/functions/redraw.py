"""Tells views that the graph has grown: soon, but not for every task.

Redrawing costs views a moment for each task of the graph, so the pauses grow with it.
"""

import threading
from typing import TYPE_CHECKING, Final

from resnb.events import EVENTS, StructureChanged
from resnb.run.engine.clock import Clock

if TYPE_CHECKING:
    from collections.abc import Callable

SHORTEST: Final = 0.1
PER_TASK: Final = 0.0002
"""Seconds between two events: the shortest pause, and what each task adds to it."""


class RedrawNotifier:
    """Publishes `StructureChanged` for a run whose graph grows."""

    def __init__(self, flow: str, clock: Clock) -> None:
        self._flow = flow
        self._clock = clock
        self._lock = threading.Lock()
        self._call_off: Callable[[], object] | None = None
        self._is_due = False

    def changed(self, tasks: int) -> None:
        """The graph has grown to `tasks` tasks."""
        if self._is_due:
            return
        self._is_due = True
        self._call_off = self._clock.call_later(SHORTEST + PER_TASK * tasks, self._publish)

    def finish(self) -> None:
        """The graph is complete."""
        if self._is_due and self._call_off is not None:
            self._call_off()
        EVENTS.publish(StructureChanged(self._flow))

    def _publish(self) -> None:
        self._is_due = False
        EVENTS.publish(StructureChanged(self._flow))


__all__ = ["PER_TASK", "SHORTEST", "RedrawNotifier"]
