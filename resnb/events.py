"""Events: immutable records of lifecycle steps, for displays and logs.

Events exist only for rare steps: a flow's structure changed, a run began or ended, a lease changed
state. Tasks publish none; views sample the state table instead. Listeners are called on the thread
that publishes and must return at once. A listener that raises does not disturb the publisher: its
error is printed to standard error.
"""

import traceback
from collections.abc import Callable
from typing import NamedTuple, NoReturn, TypeAlias

from resnb.unsupported import EVENTS as UNSUPPORTED
from resnb.unsupported import refuse_name


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
    """The listeners of one kernel; they outlive runs and flows.

    Any thread may add or remove one. Each step on the dictionary is atomic, so there is no lock,
    which a finalizer that removes a listener could deadlock on.
    """

    def __init__(self) -> None:
        self._listeners: dict[object, Listener] = {}

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` for each event from now on.

        Returns:
            A function that stops it; calling it twice does no harm.
        """
        key = object()
        self._listeners[key] = listener

        def stop() -> None:
            self._listeners.pop(key, None)

        return stop

    def publish(self, event: Event) -> None:
        """Call every listener with `event`."""
        for listener in self._listeners.copy().values():
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


def __getattr__(name: str) -> NoReturn:
    refuse_name("resnb.events", name, UNSUPPORTED)
