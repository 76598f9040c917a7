"""Whether two values are the same: exactly, floats within a tolerance, frames by column."""

import math
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from inspect import getsource
from textwrap import dedent
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any, Final

from resnb.errors import ResnbError
from resnb.run.caching.code_keys import is_users
from resnb.run.caching.value_keys import value_key

TOLERANCE: Final = 1e-9
"""The largest relative difference of floats that count as equal."""
_NEAR_ZERO: Final = 1e-12
_CODE = (FunctionType, BuiltinFunctionType, MethodType, type)
_DEEPEST = 40


class NotComparableError(ResnbError):
    """Nobody can tell whether two values of this type are the same."""


def difference(one: Any, other: Any) -> str:
    """Where and how two values differ; empty if they are the same.

    Raises:
        NotComparableError: that cannot be told.
    """
    return _Comparison().of(one, other, "")


class _Comparison:
    """Two values, and what of them is being compared already."""

    def __init__(self) -> None:
        self._open: set[tuple[int, int]] = set()

    def of(self, one: Any, other: Any, where: str) -> str:
        pair = id(one), id(other)
        if one is other or pair in self._open:
            return ""
        if len(self._open) > _DEEPEST:
            raise NotComparableError("it is nested too deeply")
        self._open.add(pair)
        try:
            return self._of(one, other, where)
        finally:
            self._open.discard(pair)

    def _of(self, one: Any, other: Any, where: str) -> str:  # noqa: C901, PLR0911, PLR0912 - a table of kinds
        if not _same_type(type(one), type(other)):
            return f"{where}a {type(one).__name__}, and a {type(other).__name__}"
        library = type(one).__module__.partition(".")[0]
        if library == "pandas" and hasattr(one, "dtype"):
            return self._series(one, other, where)
        if library in ("pandas", "polars") and hasattr(one, "columns"):
            return self._frame(one, other, where)
        if library == "pyarrow" and hasattr(one, "to_pylist"):
            return self._arrow(one, other, where)
        if library == "numpy" and hasattr(one, "shape"):
            return self._array(one, other, where)
        match one:
            case float() | complex():
                return "" if _close(one, other) else f"{where}{one!r}, and {other!r}"
            case bool() | int() | str() | bytes() | None:
                return "" if one == other else f"{where}{_short(one)}, and {_short(other)}"
            case list() | tuple():
                return self._items(one, other, where)
            case Mapping():
                return self._mapping(one, other, where)
            case AbstractSet():
                return "" if one == other else f"{where}other members"
            case ModuleType():
                return "" if one.__name__ == other.__name__ else f"{where}other modules"
        if isinstance(one, _CODE) or not getattr(one, "__dict__", None):
            return self._by_key(one, other, where)
        if library == "matplotlib":
            raise NotComparableError(f"a {type(one).__name__}")
        return self._mapping(*_attributes(one, other), f"{where}.")

    def _items(self, one: Any, other: Any, where: str) -> str:
        if len(one) != len(other):
            return f"{where}{len(one)} items, and {len(other)}"
        pairs = enumerate(zip(one, other, strict=True))
        return _first(self.of(a, b, f"{where}[{place}] ") for place, (a, b) in pairs)

    def _mapping(self, one: Any, other: Any, where: str) -> str:
        if one.keys() != other.keys():
            return f"{where}other keys"
        end = " " if not where.endswith(".") else ": "
        names = (
            (key, f"{where}{key}{end}" if end == ": " else f"{where}[{key!r}] ") for key in one
        )
        return _first(self.of(one[key], other[key], name) for key, name in names)

    def _frame(self, one: Any, other: Any, where: str) -> str:
        if list(one.columns) != list(other.columns):
            return f"{where}other columns"
        if not hasattr(one, "iloc"):
            columns = ((name, one[name].to_list(), other[name].to_list()) for name in one.columns)
            if found := _first(self.of(a, b, f"{where}column {name!r} ") for name, a, b in columns):
                return found
            return "" if one.dtypes == other.dtypes else f"{where}other types of columns"
        if found := self.of(one.index, other.index, f"{where}index "):
            return found
        return _first(
            self.of(one.iloc[:, place], other.iloc[:, place], f"{where}column {name!r} ")
            for place, name in enumerate(one.columns)
        )

    def _series(self, one: Any, other: Any, where: str) -> str:
        name, others_name = getattr(one, "name", None), getattr(other, "name", None)  # no array's
        if one.dtype != other.dtype or name != others_name:
            return f"{where}{one.dtype} {name!r}, and {other.dtype} {others_name!r}"
        if hasattr(one, "index") and (found := self.of(one.index, other.index, f"{where}index ")):
            return found
        a, b = one.to_numpy(), other.to_numpy()
        return self._array(a, b, where)

    def _arrow(self, one: Any, other: Any, where: str) -> str:
        if hasattr(one, "schema") and one.schema != other.schema:
            return f"{where}other columns or types"
        return self.of(one.to_pylist(), other.to_pylist(), where)

    def _array(self, one: Any, other: Any, where: str) -> str:
        import numpy as np

        if one.shape != other.shape or one.dtype != other.dtype:
            return f"{where}{one.dtype} {one.shape}, and {other.dtype} {other.shape}"
        if one.dtype.kind in "fc":
            same = np.isclose(one, other, rtol=TOLERANCE, atol=_NEAR_ZERO, equal_nan=True)
        elif one.dtype.kind == "O":
            return self._items(one.ravel().tolist(), other.ravel().tolist(), where)
        else:
            same = (one == other) | ((one != one) & (other != other))  # noqa: PLR0124 - NaT
        count = int(np.size(same) - np.count_nonzero(same))
        return f"{where}{count} of {np.size(same)} values differ" if count else ""

    def _by_key(self, one: Any, other: Any, where: str) -> str:
        if isinstance(one, FunctionType) and (
            one.__code__.co_freevars or other.__code__.co_freevars
        ):
            if _same_source(one, other):  # its names are variables of the step, and were globals
                return ""
            raise NotComparableError("a function that reads names of the step around it")
        try:
            if _compares(type(one)) and bool(one == other):
                return ""
            if value_key(one) == value_key(other):
                return ""
        except Exception:  # noqa: BLE001 - whatever the user's value raises
            raise NotComparableError(f"a {type(one).__name__}") from None
        if not isinstance(one, _CODE) and not _compares(type(one)) and not is_users(type(one)):
            raise NotComparableError(f"a {type(one).__name__}")  # it may count its uses, say
        return f"{where}another value"


def _attributes(one: Any, other: Any) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """The attributes of two objects, without what only one of a library's has cached so far."""
    mine, theirs = vars(one), vars(other)
    if is_users(type(one)):
        return mine, theirs
    only_one = mine.keys() ^ theirs.keys()
    cached = {name for name in only_one if name.startswith("_") or hasattr(type(one), name)}
    cached.add("_cache")  # of pandas
    mine, theirs = (
        {name: value for name, value in some.items() if name not in cached}
        for some in (mine, theirs)
    )
    return mine, theirs


def _same_source(one: Any, other: Any) -> bool:
    try:
        return dedent(getsource(one)) == dedent(getsource(other))
    except (OSError, TypeError):
        return False


def _compares(kind: Any) -> bool:
    """Whether values of this type are compared by more than identity."""
    return kind.__eq__ is not object.__eq__


def _first(found: Any) -> str:
    return next(filter(None, found), "")


def _same_type(one: type, other: type) -> bool:
    """Whether two types are one, or two definitions of one class of the notebook."""
    return one is other or (is_users(one) and is_users(other) and one.__name__ == other.__name__)


def _close(one: Any, other: Any) -> bool:
    if isinstance(one, complex):
        return _close(one.real, other.real) and _close(one.imag, other.imag)
    if math.isnan(one) or math.isnan(other):
        return math.isnan(one) and math.isnan(other)
    return math.isclose(one, other, rel_tol=TOLERANCE, abs_tol=_NEAR_ZERO)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:40]}…"  # noqa: PLR2004
