"""Which cell replaces which, and which task is which, when a cell is run again.

A cell is known by the id that the front end sends. Where it sends none (nbclient, papermill, nbval,
a console), a cell replaces the one that bound the same names in the same flow. In doubt a cell is
new: a task too many shows in the graph, a task too few is a result that is silently missing, and
headless runs, which send no ids, run every cell once.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import NewType, TypeAlias

CellKey = NewType("CellKey", int)
"""Identity of a cell within its flow: its place in the order of first runs."""

TaskLabel: TypeAlias = str | int
"""Identity of a task within its cell: the name that the cell assigned it to, else its ordinal among
the cell's tasks without one, so that naming or adding other tasks changes it as little as possible.
"""

_THROWAWAY = "_"


@dataclass(frozen=True)
class KnownCell:
    """A cell that has added to the flow.

    Attributes:
        key: its identity.
        cell_id: the front end's id for it, if one was ever sent.
        names: the handles that it bound when it last ran.
    """

    key: CellKey
    cell_id: str | None
    names: tuple[str, ...]


@dataclass(frozen=True)
class Cells:
    """The cells of one flow; every change gives a new value, so that a failed cell changes none.

    Attributes:
        known: the cells, the one that ran last at the end.
        made: how many there have been.
    """

    known: tuple[KnownCell, ...] = ()
    made: int = 0

    def resolve(
        self, cell_id: str | None, names: Iterable[str], reads: Collection[str] = ()
    ) -> CellKey | None:
        """The cell that a cell replaces; None if it is new.

        1. With an id, it is the cell with this id, whatever it binds.
        2. Else it is the cell that last bound the same set of names. If both have ids, and these
           differ, they are two cells (a copied one, say). An id on one side only does not keep them
           apart: the same notebook was driven with and without ids.
        3. A cell that reads one of its names before it binds it (``df = clean(df)``) does not
           replace another by rule 2: it needs the cell that bound it.
        4. Without names, ``_`` not counting, only the text could match, and two cells with the same
           text are two cells: it is new.

        Names that overlap in part do not match. Such a cell may be an edited one, or the next cell,
        which uses ``fig`` once more; replacing it would drop tasks that the other names stand for.

        Args:
            cell_id: the front end's id, if it sent one.
            names: the handles that the cell binds.
            reads: the names that it reads before it assigns them.
        """
        bound = _distinctive(names)
        if cell_id is not None:
            for cell in self.known:
                if cell.cell_id == cell_id:
                    return cell.key
        if not bound or bound & frozenset(reads):
            return None
        for cell in reversed(self.known):
            if bound == _distinctive(cell.names) and None in (cell_id, cell.cell_id):
                return cell.key
        return None

    def after(
        self, cell_id: str | None, names: Sequence[str], reads: Collection[str] = ()
    ) -> tuple["Cells", CellKey]:
        """The cells once this one has run, and its key; the arguments are those of `resolve`."""
        key = self.resolve(cell_id, names, reads)
        others = tuple(cell for cell in self.known if cell.key != key)
        if key is None:
            cell = KnownCell(CellKey(self.made), cell_id, tuple(names))
            return Cells((*others, cell), self.made + 1), cell.key
        before = next(cell for cell in self.known if cell.key == key)
        cell = replace(before, cell_id=cell_id or before.cell_id, names=tuple(names))
        return Cells((*others, cell), self.made), key


def _distinctive(names: Iterable[str]) -> frozenset[str]:
    return frozenset(names) - {_THROWAWAY}


def task_labels(names: Sequence[str | None]) -> tuple[TaskLabel, ...]:
    """The identities of a cell's tasks.

    Args:
        names: for each task, in the order of building, the name that it was assigned to. Of several
            tasks with one name the last one has it, as in the notebook.
    """
    last = {name: index for index, name in enumerate(names) if name not in {None, _THROWAWAY}}
    ordinals = count()
    return tuple(
        name if name and last.get(name) == index else next(ordinals)
        for index, name in enumerate(names)
    )


__all__ = ["CellKey", "Cells", "KnownCell", "TaskLabel", "task_labels"]
