"""Which task a value came from, so that a graph that unfolds gets its edges.

Python does not say where an argument comes from, but a value that a task returned is recognised
by its identity, as in Prefect. Numbers and texts are handed out as fresh, equal objects: nobody
else has those, so that a constant of the same value is never taken for a result. What cannot be
made anew (None, booleans, small integers, single characters) and what is nobody's own (classes,
functions, modules, members of enumerations) gives no edge.
"""

from enum import Enum
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any, Final

PARTS: Final = 100
"""Of a collection with up to so many items, each item is recognised, too."""
COLLECTIONS: Final = frozenset({list, tuple, set, frozenset, dict})
ATOMS: Final = frozenset(
    {int, float, complex, bool, str, bytes, type(None), type(...), type(NotImplemented)}
)
_LONGEST = 100_000
"""Texts that are longer are nobody's constant, and are not copied."""
_TEXTS = frozenset({str, bytes})
_NOBODYS = (type, Enum, FunctionType, BuiltinFunctionType, ModuleType)


class Origins:
    """The results of one run; it keeps them, for an identity lasts as long as its object."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[int, Any]] = {}

    def handed_out(self, value: Any, row: int) -> Any:
        """`value`, the result of `row`, as the caller gets it: an object that is recognised."""
        kind = type(value)
        if kind in ATOMS:
            fresh = _made_anew(value)
            if fresh is not value or (kind in _TEXTS and len(value) > _LONGEST):
                self._known[id(fresh)] = (row, fresh)
            return fresh
        if not _is_somebodys(value):
            return value
        self._known[id(value)] = (row, value)
        if kind in COLLECTIONS and len(value) <= PARTS:
            for part in value.values() if kind is dict else value:
                if type(part) not in ATOMS and _is_somebodys(part):
                    self._known.setdefault(id(part), (row, part))
        return value

    def row_of(self, value: Any) -> int | None:
        """The row whose result `value` is, or is a part of."""
        found = self._known.get(id(value))
        return None if found is None else found[0]

    def forget(self) -> None:
        """The run is over: let go of what was only kept to be recognised."""
        self._known = {}


def _is_somebodys(value: Any) -> bool:
    """Whether an object other than a number or text can only be had from where it was made."""
    empty = type(value) in (tuple, frozenset) and not value
    return not empty and not isinstance(value, _NOBODYS)


def _made_anew(value: Any) -> Any:
    """An object that is equal to `value`; `value` itself where there is only one of its kind."""
    kind = type(value)
    if kind in _TEXTS:
        return value if len(value) > _LONGEST else value[:1] + value[1:]
    if kind is int:
        return value + 0
    return value * 1.0 if kind is float else value


__all__ = ["ATOMS", "COLLECTIONS", "PARTS", "Origins"]
