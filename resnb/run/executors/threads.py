"""`ThreadExecutor`, the default: runs tasks on threads of this process.

A run's threads are made here and nowhere else.
"""

import os
import threading
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from resnb.errors import OptionError

if TYPE_CHECKING:
    from resnb.run.engine.engine import Engine


class ThreadExecutor:
    """Runs tasks on threads.

    Args:
        max_workers: how many tasks run at the same time; by default the number of processors and
            four more for tasks that wait, but at least 8.

    Raises:
        OptionError: `max_workers` is not a whole number of at least 1.

    Example:
        >>> with Flow("two at a time", executor=ThreadExecutor(max_workers=2)) as flow:
        ...     lengths = task(len).map(["a", "bc", "def"])
        >>> state = flow.run()
        >>> lengths.value
        [1, 2, 3]
    """

    def __init__(self, max_workers: int | None = None) -> None:
        if max_workers is None:
            max_workers = _default_workers()
        if isinstance(max_workers, bool) or not isinstance(max_workers, int) or max_workers < 1:
            message = f"ThreadExecutor(max_workers={max_workers!r}): a whole number of at least 1"
            raise OptionError(message)
        self.max_workers = max_workers

    def start(self, engine: "Engine") -> "Workers":
        """The workers of one run."""
        return Workers(engine, self.max_workers)

    def __repr__(self) -> str:
        """The call that makes it."""
        return f"ThreadExecutor(max_workers={self.max_workers})"


@cache
def _default_workers() -> int:
    """The same for each run; the system takes its time to count the processors."""
    return min(32, max(8, (os.cpu_count() or 1) + 4))


class Workers:
    """The worker threads of one run, started as there is work for them."""

    def __init__(self, engine: "Engine", limit: int) -> None:
        self._execution = engine.execution
        self._work = engine.work
        self._limit = limit
        self._threads: list[threading.Thread] = []
        engine.execution.add_worker = self._add

    def _add(self, *, replacing: bool) -> bool:
        """Start another worker, unless there are enough and none hangs in a task's code."""
        self._limit += replacing
        if len(self._threads) >= self._limit:
            return False
        number = len(self._threads) + 1
        label, name = f"worker {number}", f"resnb-worker-{number}"
        thread = threading.Thread(target=self._work, args=(label,), name=name, daemon=True)
        self._threads.append(thread)  # before it starts, as it may soon add the next one
        try:
            thread.start()
        except RuntimeError:  # there can be no more threads; the others go on
            self._threads.remove(thread)
            if not self._threads:
                raise
            return False
        return True

    def drive(self) -> None:
        """The waiting thread has nothing to run."""

    def join(self) -> None:
        """Wait for the workers to end, but not for those that hang in code that was given up."""
        left = {slot.thread_id for slot in self._execution.slots if slot.left_behind}
        for thread in self._threads:
            if thread.ident not in left:
                thread.join()


def start_supervisor(supervise: Callable[[], object]) -> None:
    """Start the thread that waits for a run in the background, and concludes it."""
    threading.Thread(target=supervise, name="resnb-run", daemon=True).start()
