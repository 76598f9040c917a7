"""The thread of a lease: its init, set-up and clean-up run there, never on the main thread.

Each lease has a thread of its own, so that things bound to a thread work and a clean-up that
hangs delays nobody else. It ends when its last holder lets go, and starts again for a job that is
submitted even later, so that no job is ever lost. It is a daemon, because a clean-up that hangs
must not keep the kernel from ending.
"""

import itertools
import os
import sys
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Self

from resnb.ledger.kernel.process_exit import is_child

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
        """Run `job`, which handles its own errors, after those that were submitted before.

        An exception that comes out of this (a signal handler's) leaves the job unsubmitted.
        """
        with self._lock:
            has_begun = self._thread is not None or self._begin()
            self._jobs.put(job)
            if self._holders <= 0:
                self._jobs.put(None)
        if not has_begun:
            self._run_here()

    def hold(self) -> Self:
        """Keep the thread until one more call of `close`."""
        with self._lock:
            self._holders += 1
        return self

    def close(self) -> None:
        """Let go of the thread; once nobody holds it, it ends when its jobs are done."""
        with self._lock:
            self._holders -= 1
            if not self._holders:
                self._jobs.put(None)

    def replaced(self) -> "LeaseThread":
        """A fresh thread in place of this one, which is stuck; it takes over the waiting jobs."""
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
        """Start the thread; false if the interpreter is ending, or the system is out of threads."""
        self._thread = threading.Thread(
            target=self._work, name=f"resnb-lease-{next(_numbers)}", daemon=True
        )
        try:
            self._thread.start()
        except BaseException as error:
            self._thread = None  # should it start yet, it ends at once, as it is not this thread
            if isinstance(error, RuntimeError):
                return False
            raise
        return True

    def _run_here(self) -> None:
        """Do the jobs on the caller's thread, which is better than never."""
        for job in self._waiting():
            _run(job)

    def _work(self) -> None:
        with self._lock:
            if not self.is_current():
                return
        process = os.getpid()
        while True:
            job = self._jobs.get()
            if job is not None:
                _run(job)
                is_child(process, ends=True)  # nobody has jobs for one
                del job
                continue
            with self._lock:
                if self._jobs.empty():
                    self._thread = None
                    return


def _run(job: Job) -> None:
    try:
        job()
    except BaseException:  # noqa: BLE001 - a job that lets an error out must not end the others
        sys.excepthook(*sys.exc_info())
