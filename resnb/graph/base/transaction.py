"""Transactions: blocks of changes to a structure that happen together or not at all."""

from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from resnb.graph.structure import Structure


class Transaction:
    """Takes back what was changed inside it if the block raises.

    An inner one takes back only its own part, so that the outer one can go on.
    """

    __slots__ = ("_journal", "_mark", "_outermost", "_structure")

    def __init__(self, structure: "Structure") -> None:
        self._structure = structure

    def __enter__(self) -> None:
        structure = self._structure
        self._outermost = structure.journal is None
        if structure.journal is None:
            structure.journal = []
        self._journal = structure.journal
        self._mark = len(self._journal)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        structure, journal = self._structure, self._journal
        if self._outermost:
            structure.journal = None
        if kind is not None:
            for undo in reversed(journal[self._mark :]):
                undo()
            del journal[self._mark :]
            structure.version += 1


__all__ = ["Transaction"]
