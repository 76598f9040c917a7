"""The thread of a lease: its init, set-up and clean-up run there, never on the main thread.

One thread for each lease, so that things bound to a thread work and a clean-up that hangs holds
up nobody else. It ends when everybody who holds it has let go of it, and comes back for a job
that is submitted later still, so that no job is ever lost. It is a daemon, because a clean-up
that hangs must not keep the kernel from ending.
"""

import itertools
import sys
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Self

_numbers = itertools.count(1)

Job = Callable[[], object]


class LeaseThread:
    """Runs jobs one after the other on a thread of its own, which starts with the first one.

    Whoever makes it holds it.
    """

    def __init__(self) -> None:
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._holders = 1
        self._lock = threading.Lock()

    def submit(self, job: Job) -> None:
        """Run `job` after those that were submitted before; it deals with its own errors."""
        with self._lock:
            self._jobs.put(job)
            if self._holders <= 0:
                self._jobs.put(None)
            begun = self._thread is not None or self._begin()
        if not begun:
            self._run_here()

    def hold(self) -> Self:
        """Keep the thread until one more call of `close`."""
        with self._lock:
            self._holders += 1
        return self

    def close(self) -> None:
        """Let go of it; when the last holder does, it ends after the jobs that it has."""
        with self._lock:
            self._holders -= 1
            if not self._holders:
                self._jobs.put(None)

    def replaced(self) -> "LeaseThread":
        """A fresh thread in place of this one, which is stuck; it takes over the jobs that wait."""
        fresh = LeaseThread()
        for job in self._waiting():
            fresh.submit(job)
        self.close()
        return fresh

    def is_current(self) -> bool:
        """Whether the caller runs on this thread."""
        return threading.current_thread() is self._thread

    def _waiting(self) -> list[Job]:
        found: list[Job] = []
        while True:
            try:
                job = self._jobs.get_nowait()
            except Empty:
                return found
            if job is not None:
                found.append(job)

    def _begin(self) -> bool:
        self._thread = threading.Thread(
            target=self._work, name=f"resnb-lease-{next(_numbers)}", daemon=True
        )
        try:
            self._thread.start()
        except RuntimeError:  # the interpreter is ending, or the system is out of threads
            self._thread = None
            return False
        return True

    def _run_here(self) -> None:
        """Do the jobs on the caller's thread, which is better than never."""
        for job in self._waiting():
            _done(job)

    def _work(self) -> None:
        while True:
            job = self._jobs.get()
            if job is not None:
                _done(job)
                del job
                continue
            with self._lock:
                if self._jobs.empty():
                    self._thread = None
                    return


def _done(job: Job) -> None:
    try:
        job()
    except BaseException:  # noqa: BLE001 - a job that breaks its word must not end the others
        sys.excepthook(*sys.exc_info())


__all__ = ["LeaseThread"]
