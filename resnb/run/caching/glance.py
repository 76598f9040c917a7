"""What a value is at a glance: soon told, so that one can look at each variable after each cell.

Small plain data counts by its content, also where it is nested or in a dataclass, so that a change
in place is seen; of a data frame the columns and the shape count; all else is itself and no other.
Objects of other classes often count or keep something while they are used, which is no change.
"""

import dataclasses
from types import SimpleNamespace
from typing import Any

_PLAIN = (bool, int, float, complex, str, bytes, type(None))
_LONGEST = 1000
"""Characters of a text that counts by its content."""
_MOST = 1000
"""Parts of a value that counts by its content."""
_DEEPEST = 20
_FRAMES = frozenset({"pandas", "polars", "pyarrow"})


def glance(value: Any) -> str:
    """A text that is another one if `value` is another one, as far as that is soon told."""
    parts: list[str] = []
    if not _look(value, parts):
        parts = [_itself(value)]
    return " ".join(parts)


def _look(value: Any, parts: list[str], depth: int = 0) -> bool:
    """Add what is in `value` to `parts`; false once that is too much."""
    kind = type(value)
    if isinstance(value, _PLAIN):
        is_short = not isinstance(value, str | bytes) or len(value) <= _LONGEST
        parts.append(f"{kind.__name__} {value!r}" if is_short else _itself(value))
        return len(parts) <= _MOST
    inside: Any = None
    if kind in (list, tuple, set, frozenset):
        inside = value
    elif kind is dict:
        inside = [part for pair in value.items() for part in pair] if len(value) <= _MOST else value
    elif dataclasses.is_dataclass(kind) or kind is SimpleNamespace:
        inside = [getattr(value, "__dict__", None) or _fields(value)]
    if inside is None:
        parts.append(_itself(value))
        return len(parts) <= _MOST
    parts.append(f"{kind.__name__} of {len(inside)}")
    if len(inside) > _MOST or depth > _DEEPEST:
        return False
    if kind in (set, frozenset):
        inside = sorted(inside, key=repr)
    return all(_look(one, parts, depth + 1) for one in inside)


def _itself(value: Any) -> str:
    return " ".join([type(value).__name__, str(id(value)), *_outline(value)])


def _fields(value: Any) -> dict[str, Any]:
    """The fields of a dataclass with slots that have values."""
    names = [one.name for one in dataclasses.fields(value)]
    return {name: getattr(value, name) for name in names if hasattr(value, name)}


def _outline(value: Any) -> list[str]:
    """The columns and the shape of a data frame."""
    if type(value).__module__.partition(".")[0] not in _FRAMES:
        return []
    try:
        columns = getattr(value, "column_names", None) or list(getattr(value, "columns", ()))
        return [str(getattr(value, "shape", "")), *map(str, columns[:_MOST])]
    except Exception:  # noqa: BLE001 - code of a library
        return []
