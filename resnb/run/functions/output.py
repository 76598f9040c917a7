"""What the tasks of a ``@flow`` function print, in an order that is the same on every run.

What the function itself and the tasks that it calls print appears at once. What a submitted task
prints appears where the function waits for it, and from then on at once; else at the end.
"""

from collections.abc import Iterator

from resnb.run.engine.slots import NOTHING
from resnb.run.output.writer import Output
from resnb.run.scheduling.scheduler import Scheduler


class UnfoldingOutput(Output):
    """The output of a run whose graph unfolds."""

    def __init__(self, scheduler: Scheduler) -> None:
        super().__init__(scheduler)
        self._shown = {NOTHING}

    def write(self, row: int, stream: str, text: str) -> None:
        """`row` printed `text`; -1 stands for the function."""
        with self._lock:
            self._keep(row, text)
            if self._finished:
                return
            self._pending.setdefault(row, []).append((stream, text))
            if row in self._shown and not self._writing:
                self._flush(row)

    def show(self, row: int) -> None:
        """From now on, what `row` prints appears at once."""
        with self._lock:
            self._shown.add(row)
            if self._pending:
                self._flush(row)

    def _advance(self) -> None:
        """Nothing waits for its turn."""

    def _in_order(self) -> Iterator[int]:
        return iter(())


__all__ = ["UnfoldingOutput"]
