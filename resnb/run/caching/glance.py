"""What a value is at a glance: soon told, so that one can look at each variable after each cell.

Small plain data counts by its content, also where it is nested or in a dataclass, so that a change
in place is seen, and so does any text; of a large container the length and some items count, and
of a data frame the columns and the shape; all else is itself and no other.
Objects of other classes often count or keep something while they are used, which is no change.
"""

import dataclasses
from itertools import count, islice
from types import SimpleNamespace
from typing import Any
from weakref import ref

_PLAIN = (bool, int, float, complex, str, bytes, type(None))
_LONGEST = 1000
"""Characters of a text that is part of the glance itself."""
_MOST = 1000
"""Parts of a value that counts by its content."""
_DEEPEST = 20
_SOME = 20
"""Items of a large container that are looked at."""
_FRAMES = frozenset({"pandas", "polars", "pyarrow"})
_known: dict[int, tuple[ref[Any], int]] = {}
"""By identity, the objects that were looked at and are still there, each with a number."""
_numbers = count()


def glance(value: Any) -> str:
    """A text that is another one if `value` is another one, as far as that is soon told."""
    parts: list[str] = []
    if not _look(value, parts):
        parts = [_itself(value)]
    return " ".join(parts)


def written(value: Any) -> str:
    """A plain value as a text; Python refuses to write integers of thousands of digits as such."""
    return hex(value) if type(value) is int else repr(value)


def _look(value: Any, parts: list[str], depth: int = 0) -> bool:
    """Add what is in `value` to `parts`; false once that is too much."""
    kind = type(value)
    if isinstance(value, _PLAIN):
        is_short = not isinstance(value, str | bytes) or len(value) <= _LONGEST
        parts.append(f"{kind.__name__} {written(value)}" if is_short else _itself(value))
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
    kind = type(value).__name__
    if isinstance(value, str | bytes):  # it keeps its hash, so only the first look takes time
        text = str if isinstance(value, str) else bytes
        return f"{kind} {len(value)} {text.__hash__(value)}"  # type: ignore[arg-type]
    return " ".join([kind, _number(value), *_outline(value)])


def _number(value: Any) -> str:
    """What no other object has, or ever had: an identity is given again once its object is gone.

    A list and a dictionary cannot be watched, so of these it is the identity, which is why some
    of their items count as well.
    """
    key = id(value)
    if key not in _known:
        try:
            watched = ref(value, lambda _: _known.pop(key, None))
        except TypeError:
            return f"at {key}"
        _known.setdefault(key, (watched, next(_numbers)))  # two threads may look at once
    return str(_known[key][1])


def _fields(value: Any) -> dict[str, Any]:
    """The fields of a dataclass with slots that have values."""
    names = [one.name for one in dataclasses.fields(value)]
    return {name: getattr(value, name) for name in names if hasattr(value, name)}


def _some_of(value: Any) -> str:
    """What the first, the last and some other plain items are: few of one length have the same."""
    items: list[Any] = []
    if type(value) is dict:
        ends = (*islice(value.items(), _SOME), *islice(reversed(value.items()), _SOME))
        items = [part for pair in ends for part in pair]
    elif type(value) in (list, tuple):
        items = [*value[:: len(value) // _SOME or 1], *value[-1:]]
    found: list[str] = []
    for one in items:
        if isinstance(one, _PLAIN):
            _look(one, found)
    return str(hash(tuple(found)))


def _outline(value: Any) -> list[str]:
    """The length of a container and some items, or the columns and the shape of a data frame."""
    if isinstance(value, list | tuple | dict | set | frozenset):
        return [str(len(value)), _some_of(value)]
    if type(value).__module__.partition(".")[0] not in _FRAMES:
        return []
    try:
        columns = getattr(value, "column_names", None) or list(getattr(value, "columns", ()))
        return [str(getattr(value, "shape", "")), *map(str, columns[:_MOST])]
    except Exception:  # noqa: BLE001 - code of a library
        return []
