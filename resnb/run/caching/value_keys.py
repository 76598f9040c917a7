"""What values and code are, as short texts: equal for what is equal, in every process.

joblib hashes values by what they hold: arrays, models and containers of any kind; frames are taken
apart into columns before. Code among them
is described by what it does, since a pickle names it only.
"""

import hashlib
import sys
from functools import cache
from types import FunctionType
from typing import TYPE_CHECKING, Any

from resnb.errors import ResnbError, described
from resnb.run.caching.code_keys import MEMO, CodeWalk, NoKeyError, is_users, task_key
from resnb.run.caching.frames import by_columns
from resnb.run.caching.glance import written

if TYPE_CHECKING:
    from resnb.graph.tasks.task import Task


_PLAIN = frozenset({type(None), bool, int, float, complex, str, bytes})


def value_key(value: Any) -> str:
    """The key of a value.

    Raises:
        NoKeyError: it holds something that does not pickle.
    """
    if type(value) in _PLAIN:
        return digest((type(value).__name__, written(value)))
    return str(_hasher_of(_walk()).hash(value))


def code_key(task: "Task") -> str:
    """The key of a task's code and all that it refers to.

    Raises:
        NoKeyError: it refers to a value that has no key.
    """
    return digest(task_key(task, _walk()))


def digest(description: Any) -> str:
    """The key of nested tuples of texts."""
    return hashlib.sha256(repr(description).encode("utf-8", "surrogatepass")).hexdigest()[:40]


def _walk() -> CodeWalk:
    walk = CodeWalk(lambda value: _hasher_of(walk).hash(value))
    return walk


def _hasher_of(walk: CodeWalk) -> Any:
    made = _hasher_class("numpy" in sys.modules)("sha1")
    made.walk = walk
    return made


@cache
def _hasher_class(with_arrays: bool) -> Any:
    from joblib import hashing

    base: Any = hashing.NumpyHasher if with_arrays else hashing.Hasher

    class Hasher(base):  # type: ignore[misc]
        """joblib's, which describes the user's code instead of naming it."""

        walk: CodeWalk

        def save(self, found: Any) -> Any:
            if isinstance(found, FunctionType | MEMO) or (
                isinstance(found, type) and is_users(found)
            ):
                found = ("code", repr(self.walk.describe(found)))
            elif (parts := by_columns(found)) is not None:
                found = parts
            return super().save(found)

        def memoize(self, found: Any) -> None:
            if not isinstance(found, tuple | frozenset):  # equal ones may be the same, or not
                super().memoize(found)

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


def _named(value: Any, walk: CodeWalk) -> str:
    """What errors call a value: of several by name, the first without a key."""
    for name, one in value.items() if isinstance(value, dict) else ():
        try:
            _hasher_of(walk).hash(one)
        except NoKeyError:
            return f"{name!r}, a {type(one).__name__},"
    return type(value).__name__
