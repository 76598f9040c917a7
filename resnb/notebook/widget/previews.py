"""Calling what users wrote only to look at a value: it may hang, and must hold nobody up.

Each call has a daemon thread of its own, and a second. Code that goes on after that is asked to
stop; as long as it does not, nobody waits for it again, and the number of such threads is
bounded. What it prints goes nowhere.
"""

import threading
from collections.abc import Callable
from typing import Any, TypeAlias

from resnb.run.engine.slots import Slot
from resnb.run.output.routing import heard_by

PATIENCE = 1.0
"""Seconds that a preview may take."""
MOST = 4
"""How many calls that do not return are put up with."""

Wait: TypeAlias = Callable[[threading.Event, float], bool]


class TooSlow(Exception):  # noqa: N818 - what became of a call, no error of ours
    """The call has not returned in time; the message says so in a few words."""


class Previews:
    """Calls functions of users within a time limit.

    Args:
        patience: the limit in seconds.
        wait: waits for an event, for so many seconds at most.
    """

    def __init__(self, patience: float = PATIENCE, wait: Wait = threading.Event.wait) -> None:
        self._patience = patience
        self._wait = wait
        self._stuck: dict[int, _Call] = {}
        self._lock = threading.Lock()

    def call(self, function: Callable[[Any], Any], value: Any) -> Any:
        """What `function` gives for `value`.

        Raises:
            TooSlow: it has not returned in time, or did not the last time and is still at it.
            BaseException: what it raised.
        """
        with self._lock:
            self._stuck = {key: one for key, one in self._stuck.items() if not one.over.is_set()}
            if id(value) in self._stuck:
                raise TooSlow("its repr takes too long")
            if len(self._stuck) >= MOST:
                raise TooSlow("no preview: those of other values have not returned yet")
            call = self._stuck[id(value)] = _Call(function, value)
        call.start()
        if self._wait(call.over, self._patience):
            return call.outcome()
        call.stop()
        raise TooSlow("its repr takes too long")

    def stuck(self) -> int:
        """How many calls have not returned."""
        return sum(not one.over.is_set() for one in tuple(self._stuck.values()))


class _Call:
    """One call, on a thread of its own; holds the value, so that its id stays its own."""

    def __init__(self, function: Callable[[Any], Any], value: Any) -> None:
        self.over = threading.Event()
        self._function = function
        self._value = value
        self._found: Any = None
        self._error: BaseException | None = None
        self._slot: Slot | None = None
        self._thread = threading.Thread(target=self._work, name="resnb-widget-preview", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ask the code to stop; it does so at its next line of Python, if ever."""
        if self._slot is not None:
            self._slot.interrupt(0)

    def outcome(self) -> Any:
        if self._error is not None:
            raise self._error
        return self._found

    def _work(self) -> None:
        slot = self._slot = Slot(threading.get_ident())
        try:
            with heard_by(lambda _: None):
                try:
                    slot.inside = 0
                    self._found = self._function(self._value)
                    slot.inside = -1
                except BaseException as error:  # noqa: BLE001 - the user's own code
                    slot.inside = -1
                    self._error = error.with_traceback(None)
        finally:
            self.over.set()


PREVIEWS = Previews()
"""This kernel's."""

__all__ = ["PATIENCE", "PREVIEWS", "Previews", "TooSlow"]
