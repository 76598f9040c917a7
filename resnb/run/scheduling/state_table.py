"""The state table of a run: arrays of state, start, end, tries and worker by row.

A row is a task or a child of a mapped task. The run writes the table, views sample it; nothing is
allocated per transition. Every change of a state is checked against the table of legal moves; an
illegal one raises, and tells what happened to the row.
"""

from array import array
from itertools import count

from resnb.errors import IllegalTransition
from resnb.states import LEGAL, NAMES, PENDING, census


class Table:
    """The arrays; times are in seconds of the run's clock.

    Attributes:
        state: a code of `resnb.states` for each row.
        started: when the latest try began; 0.0 if none has.
        ended: when the row reached its final state; 0.0 if it has not.
        tries: the number of tries that have begun.
        worker: the number of the worker that ran the latest try; 0 if a scope's thread or the loop
            ran it.
        workers: the number of each worker by its label, from 1.
    """

    __slots__ = ("_numbers", "ended", "started", "state", "tries", "worker", "workers")

    def __init__(self, rows: int) -> None:
        self.state = bytearray(rows)
        self.started = array("d", bytes(8 * rows))
        self.ended = array("d", bytes(8 * rows))
        self.tries = array("I", bytes(4 * rows))
        self.worker = array("I", bytes(4 * rows))
        self.workers: dict[str, int] = {}
        self._numbers = count(1)

    def number_of(self, label: str) -> int:
        """The number of the worker with that label; may be called on any thread."""
        number = self.workers.get(label)
        return self.workers.setdefault(label, next(self._numbers)) if number is None else number

    def extend(self, rows: int) -> int:
        """Append `rows` pending rows (the children of a mapped task); returns the first one."""
        first = len(self.state)
        self.state.extend(bytes(rows))
        self.started.frombytes(bytes(8 * rows))
        self.ended.frombytes(bytes(8 * rows))
        self.tries.frombytes(bytes(4 * rows))
        self.worker.frombytes(bytes(4 * rows))
        return first

    def append(self) -> None:
        """Append one pending row."""
        self.state.append(PENDING)
        self.started.append(0.0)
        self.ended.append(0.0)
        self.tries.append(0)
        self.worker.append(0)

    def move(self, row: int, code: int, label: str = "") -> None:
        """Move `row` to state `code`.

        Raises:
            IllegalTransition: that is not possible from its present state.
        """
        if not LEGAL[self.state[row]][code]:
            message = (
                f"row {row} {label}cannot go from {NAMES[self.state[row]]} to {NAMES[code]} "
                f"(tries {self.tries[row]}, started {self.started[row]:.6f}, "
                f"ended {self.ended[row]:.6f})"
            )
            raise IllegalTransition(message)
        self.state[row] = code

    def take_over(self, row: int, code: int) -> None:
        """`row` had state `code` before the run began."""
        self.state[row] = code

    def counts(self, first: int, last: int) -> dict[int, int]:
        """How many of the rows from `first` up to `last` (exclusive) are in each state."""
        return census(self.state[first:last])
