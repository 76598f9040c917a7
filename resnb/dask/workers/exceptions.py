"""Exceptions as bytes, with all that they know.

Python makes an exception again by calling its class with its ``args``, which fails for many
classes with an ``__init__`` of their own. `distributed` lets nothing be called, for the classes
that there are when it is imported: a `SystemExit` loses its code then, and a `UnicodeDecodeError`
its text. Here an exception is made by ``__new__`` and the ``__init__`` of the built-in class that
it derives from, and then gets its attributes.
"""

import copyreg
import io
import pickle
from contextlib import suppress
from functools import cache
from types import FunctionType, GetSetDescriptorType, MemberDescriptorType, TracebackType
from typing import Any

_NOT_SENT = frozenset({"obj"})
"""Attributes that lead to values of the user's: the object that lacks an attribute."""
_REDUCE: Any = BaseException.__reduce__
_DESCRIPTORS = (MemberDescriptorType, GetSetDescriptorType)


def dumped(error: BaseException) -> bytes:
    """`error` as bytes, without its traceback; without causes or attributes that do not pickle.

    Raises:
        Exception: it does not pickle, or cannot be made again.
    """
    for with_causes in (True, False):
        with suppress(Exception):  # the user's classes
            return _dumped(error, with_causes=with_causes, as_it_is=True)
    return _dumped(error, with_causes=False, as_it_is=False)


def _dumped(error: BaseException, *, with_causes: bool, as_it_is: bool) -> bytes:
    data = io.BytesIO()
    pickler = _pickler()(data)
    pickler.error, pickler.with_causes, pickler.as_it_is = error, with_causes, as_it_is
    pickler.dump(error)
    pickle.loads(data.getvalue())  # noqa: S301 - what we have pickled ourselves
    return data.getvalue()


@cache
def _pickler() -> Any:
    import cloudpickle

    class Pickler(cloudpickle.Pickler):  # type: ignore[misc]
        error: BaseException
        with_causes: bool
        as_it_is: bool

        def reducer_override(self, found: Any) -> Any:
            kind = type(found)
            is_plain = isinstance(found, BaseException) and (
                kind.__reduce__ is _REDUCE
                and kind.__setstate__ is BaseException.__setstate__
                and not isinstance(kind.__new__, FunctionType)
            )
            if not is_plain:
                return super().reducer_override(found)
            around = _around(found, self.error) if self.with_causes else {}
            own = _attributes(found)
            if not self.as_it_is:
                own = {name: value for name, value in own.items() if _pickles(value)}
            return _made, (kind, found.args), {**own, **around}, None, None, _restore

    return Pickler


def _pickles(value: Any) -> bool:
    import cloudpickle

    try:
        cloudpickle.dumps(value)
    except Exception:  # noqa: BLE001 - the user's classes
        return False
    return True


def _attributes(error: BaseException) -> dict[str, Any]:
    """What its class keeps beside ``args``, in C or in its dictionary."""
    own = {
        name: getattr(error, name)
        for kind in type(error).__mro__
        for name, one in vars(kind).items()
        if isinstance(one, _DESCRIPTORS) and not name.startswith("__") and name not in _NOT_SENT
        if hasattr(error, name)
    }
    return {**own, **vars(error)}  # notes are in the dictionary


def _around(error: BaseException, outermost: BaseException) -> dict[str, Any]:
    """What it was raised from; the traceback of the outermost is sent otherwise."""
    found: dict[str, Any] = {
        "__cause__": error.__cause__,
        "__context__": error.__context__,
        "__suppress_context__": error.__suppress_context__,
    }
    if error is not outermost and TracebackType in copyreg.dispatch_table:
        found["__traceback__"] = error.__traceback__
    return found


def _built_in(kind: type[BaseException]) -> list[type]:
    return [one for one in kind.__mro__ if one.__module__ == "builtins" and one is not object]


def _made(kind: type[BaseException], args: tuple[Any, ...]) -> BaseException:
    made = kind.__new__(kind, *args)
    with suppress(TypeError):  # another number of arguments than its class takes
        _built_in(kind)[0].__init__(made, *args)  # type: ignore[misc]
    made.args = args
    return made


def _restore(made: BaseException, attributes: dict[str, Any]) -> None:
    for name, value in attributes.items():
        with suppress(AttributeError, TypeError):  # one that ``args`` have set, and nobody can
            setattr(made, name, value)
