"""How outcomes reach the scheduler: any thread brings them, one thread at a time feeds them.

No thread waits for the lock. A thread with an outcome puts it into a queue and tries the lock. If
it gets the lock, it feeds everything that has come in; if not, it goes on at once. Blocking would
hand the interpreter from thread to thread at every task, which costs several times as much as a
small task.

An outcome is either a row (its code returned, its value is in place) or a tuple of a function and
its arguments, which is called with the lock held.
"""

import threading
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from resnb.states import RUNNING

if TYPE_CHECKING:
    from resnb.run.engine.clock import Clock
    from resnb.run.scheduling.scheduler import Scheduler


class Feed:
    """The outcomes of one run.

    Attributes:
        lock: held by whoever feeds the scheduler.
        follow_up: called with the lock held after some were fed; see `drain` for its argument.
        break_down: called with the lock held and an internal error, to end the run.
    """

    follow_up: Callable[[int], object]
    break_down: Callable[[BaseException], object]

    def __init__(self, scheduler: "Scheduler", clock: "Clock") -> None:
        self.outcomes: deque[Any] = deque()
        self.lock = threading.Lock()
        self._succeeded, self._state = scheduler.succeeded, scheduler.table.state
        self._returned = scheduler.returned
        self._clock = clock
        self._timers: dict[object, Callable[[], object]] = {}

    def put(self, function: Callable[..., object], *args: object) -> None:
        """Leave a call to the next thread that drains; takes no lock, for signal handlers."""
        self.outcomes.append((function, *args))

    def post(self, function: Callable[..., object], *args: object) -> None:
        """Have `function` called with the lock held, and follow up what it changes."""
        self.outcomes.append((function, *args))
        self.drain()

    def after(self, delay: float, function: Callable[..., object], *args: object) -> None:
        """Post a call in `delay` seconds; for holders of the lock."""
        if delay <= 0:
            self.put(function, *args)
            return
        key = object()

        def fire() -> None:
            self._timers.pop(key, None)
            self.post(function, *args)

        self._timers[key] = self._clock.call_later(delay, fire)

    def call_off_timers(self) -> None:
        """Forget the calls that were to be posted later."""
        for call_off in tuple(self._timers.values()):
            call_off()
        self._timers.clear()

    def defended(self, function: Callable[..., object], *args: object) -> None:
        """Call `function`; an internal error in it ends the run rather than leave it hanging."""
        try:
            function(*args)
        except BaseException as error:  # noqa: BLE001 - raised where the run is waited for
            self.post(self.break_down, error)

    def drain(self, taking: int = 0) -> None:
        """Feed all outcomes to the scheduler, unless another thread is doing that.

        Args:
            taking: how many of the ready rows the caller takes next; no worker is woken for these.
        """
        outcomes, lock = self.outcomes, self.lock
        while outcomes:
            if not lock.acquire(blocking=False):
                return  # whoever has the lock looks again after giving it back
            try:
                succeeded, state = self._succeeded, self._state
                while outcomes:
                    outcome = outcomes.popleft()
                    if type(outcome) is int:
                        if state[outcome] == RUNNING:
                            succeeded(outcome)
                        else:
                            self._returned(outcome)
                    else:
                        outcome[0](*outcome[1:])
                self.follow_up(taking)
            except BaseException as error:  # noqa: BLE001 - an internal error must not hang the run
                self.break_down(error)
            finally:
                lock.release()
