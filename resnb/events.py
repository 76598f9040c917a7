"""Events: immutable records of lifecycle steps, for whoever displays or logs them.

Tasks make no events (views sample the state table); events exist only for steps that are rare:
a flow's structure changed, a run began or ended, a lease changed state. Listeners are called on
the thread that publishes, must return at once, and never hurt the publisher: their errors
are printed to standard error.
"""

import traceback
from collections.abc import Callable
from typing import NamedTuple, TypeAlias


class StructureChanged(NamedTuple):
    """Tasks or edges of a flow were added or removed."""

    flow: str


class RunBegan(NamedTuple):
    """A run of a flow was started."""

    flow: str


class RunEnded(NamedTuple):
    """A run of a flow has ended, its scopes included."""

    flow: str
    state: str


class LeaseChanged(NamedTuple):
    """A lease moved to another state."""

    lease: str
    name: str
    state: str


Event: TypeAlias = StructureChanged | RunBegan | RunEnded | LeaseChanged
Listener: TypeAlias = Callable[[Event], None]


class Events:
    """A set of listeners, which outlives runs and flows (one for each kernel)."""

    def __init__(self) -> None:
        self._listeners: tuple[Listener, ...] = ()

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` for each event from now on.

        Returns:
            A function that ends it; calling that twice does no harm.
        """
        self._listeners = (*self._listeners, listener)

        def stop() -> None:
            self._listeners = tuple(one for one in self._listeners if one is not listener)

        return stop

    def publish(self, event: Event) -> None:
        """Tell every listener of `event`."""
        for listener in self._listeners:
            try:
                listener(event)
            except Exception as error:  # noqa: BLE001 - a view must not stop a run
                traceback.print_exception(error)


EVENTS = Events()
"""The kernel's events."""

__all__ = [
    "EVENTS",
    "Event",
    "Events",
    "LeaseChanged",
    "Listener",
    "RunBegan",
    "RunEnded",
    "StructureChanged",
]
