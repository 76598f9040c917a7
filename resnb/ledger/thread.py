"""The thread of a lease: its init, set-up and clean-up run there, never on the main thread.

One thread for each lease, so that things bound to a thread work and a clean-up that hangs holds
up nobody else. The thread ends when its owner closes it; it is a daemon, because a clean-up
that hangs must not keep the kernel from ending.
"""

import itertools
import threading
from collections.abc import Callable
from queue import SimpleQueue

_numbers = itertools.count(1)


class LeaseThread:
    """Runs jobs one after the other on a thread of its own, which starts with the first one."""

    def __init__(self) -> None:
        self._jobs: SimpleQueue[Callable[[], object] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._closed = False

    def submit(self, job: Callable[[], object]) -> None:
        """Run `job` after those that were submitted before; it deals with its own errors."""
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._work, name=f"resnb-lease-{next(_numbers)}", daemon=True
            )
            self._thread.start()
        self._jobs.put(job)

    def call(self, job: Callable[[], object], wait: Callable[[threading.Event], object]) -> None:
        """Run `job` on the thread, and `wait` for the event that says it is over."""
        over = threading.Event()

        def announced() -> None:
            try:
                job()
            finally:
                over.set()

        self.submit(announced)
        wait(over)

    def replaced(self) -> "LeaseThread":
        """A fresh thread in place of this one, which is stuck and ends when its job returns."""
        self.close()
        return LeaseThread()

    def close(self) -> None:
        """End the thread after the jobs that were submitted; may be called from any thread."""
        if not self._closed:
            self._closed = True
            self._jobs.put(None)

    def is_current(self) -> bool:
        """Whether the caller runs on this thread."""
        return threading.current_thread() is self._thread

    @property
    def ident(self) -> int | None:
        """The thread's identifier, None before its first job."""
        return None if self._thread is None else self._thread.ident

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()
            del job


__all__ = ["LeaseThread"]
