"""How a value is hashed: joblib's way, which takes any value apart as pickling does, but stricter.

The order of a dictionary counts, since code may go through it in order; that of a set does not,
nor that in which an object got its attributes. Code among values is described by what it does,
since a pickle names it only.
"""

import pickle
import sys
from collections.abc import Iterable
from functools import cache
from types import FunctionType, MappingProxyType, ModuleType
from typing import Any, Final

from resnb.errors import ResnbError, described
from resnb.run.caching.code_keys import MEMO, CodeWalk, NoKeyError, is_users
from resnb.run.caching.frames import by_columns

PLAIN: Final = frozenset({type(None), bool, int, float, complex, str, bytes})
_ORDERED = ({int}, {str}, {bytes})
"""Sets of these are sorted as they are."""
_BUILT_IN = frozenset({list, tuple, dict})
_CODE = (FunctionType, MEMO, ModuleType)
_UNCHANGING = frozenset({"datetime", "decimal", "fractions", "pathlib", "uuid", "ipaddress"})
"""Modules whose objects never change, so that it makes no difference whether two are the same."""
_UNMARKED = frozenset({str, bytes, tuple})
"""Likewise, equal ones may be the same, or not."""
_PROTOCOL = 4  # the first that tells apart the two hours when the clock is put back


def hashed(value: Any, walk: CodeWalk) -> str:
    """The hash of a value.

    Args:
        value: the value.
        walk: what describes the code in it.

    Raises:
        NoKeyError: it holds something that does not pickle.
    """
    made = _hasher_class("numpy" in sys.modules)("sha1")
    made.walk = walk
    return str(made.hash(value))


@cache
def _hasher_class(with_arrays: bool) -> Any:  # noqa: C901 - a table of kinds
    from joblib import hashing

    base: Any = hashing.NumpyHasher if with_arrays else hashing.Hasher

    class Hasher(base):  # type: ignore[misc]
        walk: CodeWalk

        def __init__(self, name: str) -> None:
            super().__init__(name)
            self.proto = _PROTOCOL

        def save(self, found: Any) -> Any:
            kind = type(found)
            if kind in PLAIN or kind in _BUILT_IN:
                return hashing.Pickler.save(self, found)
            if isinstance(found, _CODE):
                found = "code", repr(self.walk.describe(found))
            elif isinstance(found, type):
                name = f"{found.__module__}.{found.__qualname__}"
                found = "class", repr(self.walk.describe(found)) if is_users(found) else name
            elif isinstance(found, set | frozenset):
                own = vars(found) if hasattr(found, "__dict__") else None
                found = "set", kind, self._in_order(found), own
            elif isinstance(found, MappingProxyType):
                found = "mapping", dict(found)
            elif with_arrays and isinstance(found, self.np.dtype):
                found = "dtype", pickle.dumps(found)
            elif with_arrays and kind is self.np.ma.MaskedArray:
                mask = self.np.ma.getmaskarray(found)
                found = "masked", found.data, mask, found.fill_value
            elif with_arrays and self._is_special_array(found):
                return hashing.Hasher.save(self, found)  # it holds more than its numbers
            elif (parts := by_columns(found)) is not None:
                found = parts
            return super().save(found)

        def save_reduce(
            self, func: Any, args: Any, state: Any = None, *items: Any, **kwargs: Any
        ) -> None:
            if type(state) is dict and all(type(name) is str for name in state):
                state = dict(sorted(state.items()))
            super().save_reduce(func, args, state, *items, **kwargs)

        def _batch_setitems(self, items: Iterable[Any], *args: Any) -> None:
            hashing.Pickler._batch_setitems(self, iter(items), *args)  # noqa: SLF001 - joblib sorts

        def memoize(self, found: Any) -> None:
            kind = type(found)
            if kind not in _UNMARKED and kind.__module__ not in _UNCHANGING:
                hashing.Pickler.memoize(self, found)

        def _is_special_array(self, found: Any) -> bool:
            """Whether it is an array with more than numbers, such as a mask or a unit."""
            if not isinstance(found, self.np.ndarray):
                return False
            usual = (self.np.ndarray, self.np.memmap, self.np.matrix, self.np.recarray)
            return type(found) not in usual

        def _in_order(self, items: Iterable[Any]) -> list[Any]:
            """The items of a set, in the same order in each process."""
            if set(map(type, items)) in _ORDERED:
                return sorted(items)
            return sorted(items, key=self._place)

        def _place(self, found: Any) -> str:
            return repr(found) if _is_plain(found) else hashed(found, self.walk.fork())

        def hash(self, found: Any) -> str:
            try:
                return str(super().hash(found))
            except ResnbError:
                raise
            except Exception as error:  # noqa: BLE001 - whatever pickling the user's value raises
                first = described(error).splitlines()[0]
                message = f"{_named(found, self.walk)} has no key ({first})"
                raise NoKeyError(message) from None

    return Hasher


def _is_plain(found: Any) -> bool:
    return type(found) in PLAIN or (type(found) is tuple and all(map(_is_plain, found)))


def _named(value: Any, walk: CodeWalk) -> str:
    """What errors call a value: of several by name, the first without a key."""
    for name, one in value.items() if isinstance(value, dict) else ():
        try:
            hashed(one, walk)
        except NoKeyError:
            return f"{name!r}, a {type(one).__name__},"
    return type(value).__name__
