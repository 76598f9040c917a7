"""Calling the user's code only to show a value: it may hang, and must not hold anybody up.

Each call has a daemon thread of its own, and a second. Code that goes on after that is interrupted;
until it stops, nobody waits for it again, and the number of such threads is limited. Its output is
dropped.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeAlias

from resnb.run.engine.slots import Slot
from resnb.run.output.routing import heard_by

PATIENCE = 1.0
"""Seconds that a preview may take."""
MOST = 4
"""Maximum number of hung calls."""

Wait: TypeAlias = Callable[[threading.Event, float], bool]


class TooSlow(Exception):  # noqa: N818 - the outcome of a call, not an internal error
    """The call has not returned in time; the message says so in a few words."""


class Previews:
    """Calls the user's functions within a time limit.

    Args:
        patience: the limit in seconds.
        wait: waits for an event, at most for a number of seconds.
    """

    def __init__(self, patience: float = PATIENCE, wait: Wait = threading.Event.wait) -> None:
        self._patience = patience
        self._wait = wait
        self._stuck: dict[int, _Call] = {}
        self._lock = threading.Lock()

    def call(self, function: Callable[[Any], Any], value: Any) -> Any:
        """The result of `function` for `value`.

        Raises:
            TooSlow: it has not returned in time, or an earlier call for the value still runs.
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
            return call.result.result()
        call.interrupt()
        raise TooSlow("its repr takes too long")


class _Call:
    """One call, on a thread of its own; holds the value, so that no other gets its id."""

    def __init__(self, function: Callable[[Any], Any], value: Any) -> None:
        self.over = threading.Event()
        self.result: Future[Any] = Future()
        self._function = function
        self._value = value
        self._slot: Slot | None = None

    def start(self) -> None:
        threading.Thread(target=self._work, name="resnb-widget-preview", daemon=True).start()

    def interrupt(self) -> None:
        """Stop the code at its next line of Python, if it ever gets there."""
        if self._slot is not None:
            self._slot.interrupt(0)

    def _work(self) -> None:
        slot = self._slot = Slot(threading.get_ident())
        try:
            with heard_by(lambda _: None):
                try:
                    slot.inside = 0
                    found = self._function(self._value)
                    slot.inside = -1
                    self.result.set_result(found)
                except BaseException as error:  # noqa: BLE001 - the user's own code
                    slot.inside = -1
                    self.result.set_exception(error.with_traceback(None))
        finally:
            self.over.set()


PREVIEWS = Previews()
"""The kernel's previews."""

__all__ = ["PATIENCE", "PREVIEWS", "Previews", "TooSlow"]
