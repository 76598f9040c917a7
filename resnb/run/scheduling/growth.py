"""Rows that are added to a plan while its run goes on: what is kept of each until it ends."""

from typing import Any, Final, NamedTuple, Protocol

ENDED: Final = -1
"""What the watchers of a row get when it has its final state."""


class Watcher(Protocol):
    """Is told when a row ends; a `SimpleQueue` is a watcher."""

    def put(self, item: int, /) -> None:
        """`item` is `ENDED`, or the number of a row that is to run on the watcher's thread."""


class Arguments(Protocol):
    """What the code of an added row is called with."""

    def actual(self, values: Any) -> tuple[list[Any], dict[str, Any]]:
        """Positional and keyword arguments; `values` has the value of each row."""


class AddedRow(NamedTuple):
    """An added row that has not ended.

    Attributes:
        arguments: what its code is called with.
        inbox: of the thread on which its code is to run; None for any.
        watchers: those that are told when it ends.
    """

    arguments: Arguments
    inbox: Watcher | None
    watchers: list[Watcher]


class AddedRows(dict[int, AddedRow]):
    """The added rows that have not ended."""

    def watch(self, row: int, watcher: Watcher) -> None:
        """Tell `watcher` once `row` has ended."""
        if row in self:
            self[row].watchers.append(watcher)
        else:
            watcher.put(ENDED)

    def ended(self, row: int) -> None:
        """`row` has its final state: tell those who watch it, and forget it."""
        if row in self:
            for watcher in self.pop(row).watchers:
                watcher.put(ENDED)

    def release(self) -> None:
        """Let nobody wait any longer: the run has broken down."""
        for added in tuple(self.values()):
            for watcher in added.watchers:
                watcher.put(ENDED)


__all__ = ["ENDED", "AddedRow", "AddedRows", "Arguments", "Watcher"]
