"""Values as bytes that a fresh interpreter can load.

Classes and functions of the notebook are pickled by value, things of known kinds as what finds
them again, a lease as its id, a path that is there as an absolute one. A pickle is given up as
soon as it is too large.
"""

import io
import re
from collections.abc import Collection, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from resnb.errors import described
from resnb.ledger.recipes.handles import adapted
from resnb.ledger.recipes.paths import absolute

LARGEST = 1_000_000
"""The largest recipe or handle, in bytes."""
_MEASURED = 200 * LARGEST
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


class Pickled(NamedTuple):
    """A pickle, or why there is none."""

    data: bytes | None
    fault: str = ""  # why there is none, or what it leaves out; empty if nothing
    too_large: bool = False  # whether it was given up for its size


class _TooLargeError(Exception):
    pass


class _Bounded(io.BytesIO):
    """Holds at most `limit` bytes, or (``kept=False``) only counts them."""

    def __init__(self, limit: int, *, kept: bool = True) -> None:
        super().__init__()
        self.size = 0
        self._limit, self._kept = limit, kept

    def write(self, data: Any) -> int:
        size = memoryview(data).nbytes
        self.size += size
        if self.size > self._limit:
            raise _TooLargeError
        return super().write(data) if self._kept else size


def pickled(value: Any, without: Collection[str] = (), folders: Sequence[str] = ()) -> Pickled:
    """`value` as bytes, at most `LARGEST`.

    Args:
        value: what to pickle.
        without: attributes of `value` itself that are left out.
        folders: the folders that paths in it may be relative to.
    """
    buffer = _Bounded(LARGEST)
    try:
        _dump(value, buffer, without, folders)
    except _TooLargeError:
        return Pickled(None, f"it has more than {LARGEST:,} bytes", too_large=True)
    except Exception as error:  # noqa: BLE001 - whatever the user's objects raise
        return Pickled(None, _ADDRESS.sub("", described(error)).splitlines()[0])
    return Pickled(buffer.getvalue())


def size_of(value: Any) -> int:
    """The size of the pickle of `value` in bytes, counted up to where pickling fails."""
    buffer = _Bounded(_MEASURED, kept=False)
    try:
        _dump(value, buffer)
    except Exception:  # noqa: BLE001 - whatever the user's objects raise
        return buffer.size
    return buffer.size


def _dump(
    value: Any, buffer: _Bounded, without: Collection[str] = (), folders: Sequence[str] = ()
) -> None:
    pickler = _pickler()(buffer)
    pickler.whole, pickler.without, pickler.folders = value, without, folders
    pickler.dump(value)


@lru_cache(1)
def _pickler() -> Any:
    """The class of the picklers: cloudpickle is imported when it is needed."""
    import cloudpickle

    class Pickler(cloudpickle.Pickler):  # type: ignore[misc]
        whole: Any
        without: Collection[str]
        folders: Sequence[str]

        def reducer_override(self, one: Any) -> Any:
            if self.without and one is self.whole:
                return _without(one, self.without)
            if self.folders and isinstance(one, Path):
                return type(one), (str(absolute(one, self.folders)),)
            found = adapted(one)
            return super().reducer_override(one) if found is None else found

    return Pickler


def _without(value: Any, names: Collection[str]) -> Any:
    """The reduce value of `value` without some attributes."""
    reduced = value.__reduce_ex__(4)
    if isinstance(reduced, str) or len(reduced) < 3:  # noqa: PLR2004 - no state
        return reduced
    function, args, state, *rest = reduced

    def left(part: Any) -> Any:
        return (
            {key: one for key, one in part.items() if key not in names}
            if isinstance(part, dict)
            else part
        )

    state = tuple(map(left, state)) if isinstance(state, tuple) else left(state)
    return (function, args, state, *rest)
