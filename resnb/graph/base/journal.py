"""The changes of a flow's structure, recorded so that a failed transaction can be rolled back."""

from collections.abc import Callable
from copy import copy
from functools import partial
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Journal:
    """Records how to undo the changes of open transactions.

    Attributes:
        version: grows with each change.
        undo: how to undo each change, in order.
        is_open: whether a transaction is open.
        kept: by identity, what the innermost transaction has kept, so that thousands of changes to
            one dictionary take one copy; `undo` keeps the objects alive.
    """

    __slots__ = ("is_open", "kept", "undo", "version")

    def __init__(self) -> None:
        self.version = 0
        self.undo: list[Callable[[], object]] = []
        self.is_open = False
        self.kept: set[tuple[int, str]] = set()

    def changes(self, undo: Callable[[], object]) -> None:
        """Remember how to undo a change that comes next, or a part of it, if an interrupt does.

        Whoever calls this counts the change when it is made: a view that looks in between would
        take the old structure for the new one.
        """
        if self.is_open:
            self.undo.append(undo)

    def changed(self, undo: Callable[[], object]) -> None:
        """Count a change, and remember how to undo it while a transaction is open."""
        self.version += 1
        if self.is_open:
            self.undo.append(undo)

    def assign(self, owner: object, name: str, value: object) -> None:
        """Set an attribute of `owner`, as a change that can be undone."""
        self.changed(partial(setattr, owner, name, getattr(owner, name)))
        setattr(owner, name, value)

    def keep(self, content: dict[Any, Any]) -> None:
        """Remember the content of a dictionary before it changes."""
        self.version += 1
        if self._is_first(content, ""):
            self.undo.append(partial(_restore, content, dict(content)))

    def keep_attribute(self, owner: object, name: str) -> None:
        """Remember a collection that is an attribute of `owner`, which then changes a copy."""
        self.version += 1
        if self._is_first(owner, name):
            before = getattr(owner, name)
            self.undo.append(partial(setattr, owner, name, before))
            setattr(owner, name, copy(before))

    def _is_first(self, owner: object, name: str) -> bool:
        """Whether the innermost transaction has yet to keep that; false without a transaction."""
        key = id(owner), name
        if not self.is_open or key in self.kept:
            return False
        self.kept.add(key)
        return True


class Transaction:
    """A block of changes of which either all stay, or none.

    If the block raises, its changes are undone, the latest first. Blocks can be nested: an inner
    one undoes only its own changes, so that the outer one can continue.
    """

    __slots__ = ("_begin", "_is_outermost", "_journal", "_kept")

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def __enter__(self) -> None:
        journal = self._journal
        self._begin = len(journal.undo)
        self._is_outermost = not journal.is_open
        self._kept, journal.kept = journal.kept, set()
        journal.is_open = True

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        journal = self._journal
        journal.kept = self._kept
        if self._is_outermost:
            journal.is_open = False
        if kind is not None:
            for undo in reversed(journal.undo[self._begin :]):
                undo()
            del journal.undo[self._begin :]
            journal.version += 1
        if self._is_outermost:
            journal.undo.clear()


class Versioned(Generic[T]):
    """A value that follows from a structure, computed anew when the structure has changed."""

    __slots__ = ("_value", "_version")

    def __init__(self) -> None:
        self._version = -1  # no version of a journal
        self._value: T

    def at(self, version: int, compute: Callable[[], T]) -> T:
        """The value for that `version` of the journal; `compute` gives it if it is a new one."""
        if self._version != version:
            self._value = compute()
            self._version = version
        return self._value


def _restore(content: dict[Any, Any], before: dict[Any, Any]) -> None:
    content.clear()
    content.update(before)
