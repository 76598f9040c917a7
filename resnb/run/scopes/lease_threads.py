"""The threads on which the scopes of one run are initialised, set up and cleaned up."""

import threading

from resnb.graph.resources.scope import ScopeUse
from resnb.ledger.kernel.thread import LeaseThread


class LeaseThreads:
    """The lease threads that one run holds: one for each use of a scope."""

    def __init__(self) -> None:
        self._threads: dict[ScopeUse, LeaseThread] = {}
        self._lock = threading.Lock()

    def of(self, use: ScopeUse) -> LeaseThread:
        """The thread of `use`, made if it has none."""
        with self._lock:
            if use not in self._threads:
                self._threads[use] = LeaseThread()
            return self._threads[use]

    def hold(self, use: ScopeUse, thread: LeaseThread) -> None:
        """Go on with `thread` for `use`, even when the lease that has it now is closed."""
        with self._lock:
            if use not in self._threads:
                self._threads[use] = thread.hold()

    def replace(self, use: ScopeUse) -> None:
        """Leave the thread of `use` behind, because code hangs on it."""
        with self._lock:
            if use in self._threads:
                self._threads[use] = self._threads[use].replaced()

    def release(self, use: ScopeUse) -> None:
        """End the thread of `use`, unless a lease still needs it."""
        with self._lock:
            thread = self._threads.pop(use, None)
        if thread is not None:
            thread.close()

    def release_all(self) -> None:
        """End all threads that no lease needs."""
        with self._lock:
            threads = list(self._threads.values())
            self._threads.clear()
        for thread in threads:
            thread.close()
