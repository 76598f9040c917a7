"""Reads the states of many tasks out of a run's table at once, for views.

One step of Python for each task, twenty times a second, would slow down the run that is watched.
"""

from typing import TYPE_CHECKING

from resnb.picking import picker
from resnb.states import PENDING, State

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from resnb.graph.tasks.task import Task


class StateReader:
    """The states of fixed tasks: live for those that a run covers, remembered for the others.

    Args:
        rows: the row of each task that the latest run covers.
        table: the states of that run's rows.
        kept: the states that are remembered of other tasks.
    """

    def __init__(
        self,
        tasks: "Sequence[Task]",
        rows: "Mapping[Task, int]",
        table: bytes | bytearray,
        kept: "Mapping[Task, State]",
    ) -> None:
        self.tasks = tasks
        self._table = table
        self._size = len(rows)
        self._rest = b""
        places: list[int] = list(map(rows.get, tasks))  # type: ignore[arg-type]
        if None in places:  # the run does not cover them all
            rest = [task for task in tasks if task not in rows]
            self._rest = bytes([kept[task].code if task in kept else PENDING for task in rest])
            place = {task: self._size + number for number, task in enumerate(rest)}
            places = [rows[task] if task in rows else place[task] for task in tasks]
        self._pick = picker(places)

    def codes(self) -> bytes:
        """The code of each task's state."""
        return self._pick(self._table[: self._size] + self._rest)
