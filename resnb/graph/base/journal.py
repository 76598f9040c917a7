"""The changes of a flow's structure, recorded so that a failed transaction can be rolled back."""

from collections.abc import Callable
from functools import partial
from typing import Any


class Journal:
    """The transactions of a structure: either all changes inside ``with journal:`` stay, or none.

    If the block raises, its changes are undone, the latest first. Blocks can be nested: an inner
    one undoes only its own changes, so that the outer one can continue.

    Attributes:
        version: grows with each change.
    """

    __slots__ = ("_begins", "_undo", "version")

    def __init__(self) -> None:
        self.version = 0
        self._undo: list[Callable[[], object]] = []
        self._begins: list[int] = []  # of the open blocks, as positions in `_undo`

    def changed(self, undo: Callable[[], object]) -> None:
        """Count a change, and remember how to undo it while a block is open."""
        self.version += 1
        if self._begins:
            self._undo.append(undo)

    def assign(self, owner: object, name: str, value: object) -> None:
        """Set an attribute of `owner`, as a change that can be undone."""
        self.changed(partial(setattr, owner, name, getattr(owner, name)))
        setattr(owner, name, value)

    def keep(self, content: dict[Any, Any]) -> None:
        """Remember the content of a dictionary before it changes."""
        self.changed(partial(_restore, content, dict(content)))

    def __enter__(self) -> None:
        self._begins.append(len(self._undo))

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        begin = self._begins.pop()
        if kind is not None:
            for undo in reversed(self._undo[begin:]):
                undo()
            del self._undo[begin:]
            self.version += 1
        if not self._begins:
            self._undo.clear()


def _restore(content: dict[Any, Any], before: dict[Any, Any]) -> None:
    content.clear()
    content.update(before)


__all__ = ["Journal"]
