"""Which task a value came from: the edges of a graph that is recorded while it runs.

Python does not say where an argument comes from, but a value that a task returned is recognised
by its identity, as in Prefect. Numbers and texts are handed out as fresh, equal objects, so that a
constant of the same value is never taken for a result. What cannot be made anew (None, booleans,
small integers, single characters) and what is shared by everyone (classes, functions, modules,
members of enumerations) gives no edge.
"""

from enum import Enum
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any, Final
from weakref import ref

PARTS: Final = 100
"""The items of a collection with up to so many of them are recognised, too."""
COLLECTIONS: Final = frozenset({list, tuple, set, frozenset, dict})
ATOMS: Final = frozenset(
    {int, float, complex, bool, str, bytes, type(None), type(...), type(NotImplemented)}
)
_LONGEST = 100_000
"""Longer texts are not copied; no constant is that long."""
_TEXTS = frozenset({str, bytes})
_SHARED = (type, Enum, FunctionType, BuiltinFunctionType, ModuleType)


class Provenance:
    """The results of one run, which are kept: an identity is unique only while its object lives.

    Args:
        holds: whether results are kept. If not, only those are recognised that can be referred to
            weakly, as frames and arrays can, and lists cannot; and numbers and short texts.
    """

    def __init__(self, *, holds: bool = True) -> None:
        self._holds = holds
        self._known: dict[int, tuple[int, Any]] = {}

    def handed_out(self, value: Any, row: int) -> Any:
        """`value`, the result of `row`, as an object that is recognised from now on."""
        kind = type(value)
        if kind in ATOMS:
            fresh = _made_anew(value)
            is_long = kind in _TEXTS and len(value) > _LONGEST
            if fresh is not value or (is_long and self._holds):
                self._known[id(fresh)] = (row, fresh)
            return fresh
        if not _has_origin(value):
            return value
        self._note(value, row)
        if kind in COLLECTIONS and len(value) <= PARTS:
            for part in value.values() if kind is dict else value:
                if type(part) not in ATOMS and _has_origin(part) and id(part) not in self._known:
                    self._note(part, row)
        return value

    def _note(self, value: Any, row: int) -> None:
        """Recognise `value` as a result of `row`."""
        key, held = id(value), value
        if not self._holds:
            try:
                held = ref(value, lambda _: self._known.pop(key, None))
            except TypeError:
                return
        self._known[key] = (row, held)

    def row_of(self, value: Any) -> int | None:
        """The row whose result `value` is, or is a part of."""
        found = self._known.get(id(value))
        return None if found is None else found[0]

    def forget(self) -> None:
        """The run is over: let go of what was kept only to be recognised."""
        self._known = {}


def _has_origin(value: Any) -> bool:
    """Whether an object other than a number or text can only come from where it was made."""
    empty = type(value) in (tuple, frozenset) and not value
    return not empty and not isinstance(value, _SHARED)


def _made_anew(value: Any) -> Any:
    """A new object equal to `value`; `value` itself if there can be no other one."""
    kind = type(value)
    if kind in _TEXTS:
        return value if len(value) > _LONGEST else value[:1] + value[1:]
    if kind is int:
        return value + 0
    return value * 1.0 if kind is float else value
