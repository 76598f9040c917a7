"""The parts of a recipe, by names that its author knows.

These are the values that an object holds, and the notebook's names that functions and classes use
which are pickled by value (those of the notebook). So an error can name the variable at fault, and
names that look like secrets are found.
"""

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import PurePath
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any, NamedTuple

from resnb.syntax.bytecode import globals_read

_SECRET = re.compile(
    r"(?:^|_)(?:pass(?:word|wd|phrase)?|pwd|secrets?|tokens?|credentials?|(?:api|access|private|"
    r"auth)_?keys?)(?!_(?:file|path)$)(?:_|$)"  # where a secret is kept is none
)


_NOTHING = object()
_OF_EVERY_CLASS = frozenset(vars(type("Empty", (), {}))) | {"__annotations__", "__slots__"}
_PLAIN = (str, bytes, int, float, complex, bool, type(None), PurePath)
_FIXED = (*_PLAIN, FunctionType, BuiltinFunctionType, type, ModuleType)


class Part(NamedTuple):
    """A named value."""

    label: str  # what an error calls it
    name: str
    value: Any


class References:
    """The notebook's names that a recipe refers to, as they were when this was made.

    Args:
        thing: the manager.
    """

    def __init__(self, thing: Any) -> None:
        self._found: list[tuple[Mapping[str, Any], str, Any]] = []
        self._seen: set[int] = set()
        names = getattr(thing, "__resnb_names__", None)
        if names is not None:
            self._add(*names())
        else:
            kind = type(thing)
            if kind.__module__ == "__main__":
                self._add(vars(sys.modules["__main__"]), [kind.__qualname__])
            self._follow(kind)
            for value in attributes_of(thing).values():
                self._follow(value)

    def have_changed(self) -> bool:
        """Whether a cell has bound one of them again, or may have changed its value."""
        return any(
            holder.get(name, _NOTHING) is not value or _may_change(value)
            for holder, name, value in self._found
        )

    def _add(self, holder: Mapping[str, Any], names: Iterable[str]) -> None:
        for name in names:
            value = holder.get(name, _NOTHING)
            self._found.append((holder, name, value))
            self._follow(value)

    def _follow(self, value: Any) -> None:
        if isinstance(value, _PLAIN) or id(value) in self._seen:
            return
        self._seen.add(id(value))
        value = getattr(value, "__func__", getattr(value, "fget", value))
        if isinstance(value, FunctionType) and goes_by_value(value):
            self._add(value.__globals__, _names_read(value.__code__))
        elif isinstance(value, type) and goes_by_value(value):
            own = [name for name in vars(value) if name not in _OF_EVERY_CLASS]
            self._add(vars(value), own)
            for one in value.__bases__:
                self._follow(one)
        elif not isinstance(value, (ModuleType, FunctionType, type)):
            self._follow(type(value))


def values_of(thing: Any) -> dict[str, Any]:
    """The values that `thing` holds, by the names that errors use; its lease is left out.

    They are what ``__resnb_values__`` returns, if there is such a method, else the attributes.
    """
    own = getattr(thing, "__resnb_values__", None)
    if own is not None:
        return dict(own())
    return {f"attribute {name!r}": value for name, value in attributes_of(thing).items()}


def attributes_of(thing: Any) -> dict[str, Any]:
    """The attributes of `thing` itself, including those in slots, without its lease."""
    found: dict[str, Any] = {}
    for kind in type(thing).__mro__:
        slots = vars(kind).get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if name not in ("__dict__", "__weakref__") and hasattr(thing, name):
                found[name] = getattr(thing, name)
    found |= getattr(thing, "__dict__", {})
    found.pop("lease", None)
    return found


def mended(thing: Any) -> Any:
    """`thing`, as an object of what a cell has made of its class since; itself if there is none."""
    kind = type(thing)
    if kind.__module__ != "__main__" or hasattr(thing, "__resnb_recipe__"):
        return thing
    found = vars(sys.modules["__main__"]).get(kind.__qualname__)
    found = getattr(found, "resource_class", found)
    names = (kind.__module__, kind.__qualname__)
    if not isinstance(found, type) or (found.__module__, found.__qualname__) != names:
        return thing
    if found is kind or found.__base__ is not object or not hasattr(thing, "__dict__"):
        return thing
    made: Any = object.__new__(found)
    for name, value in attributes_of(thing).items():
        object.__setattr__(made, name, value)
    return made


def parts_of(thing: Any) -> Iterator[Part]:
    """Everything named that the pickle of `thing` contains."""
    seen: set[int] = set()
    for label, value in values_of(thing).items():
        yield from _parts(label, value, seen)
    yield from _parts("", type(thing), seen)


def parts_of_class(kind: type) -> Iterator[Part]:
    """Everything named that the pickle of a class contains."""
    return _parts("", kind, set())


def _may_change(value: Any) -> bool:
    """Whether a value can be another one although its name was not bound again."""
    if value is _NOTHING or "resource_class" in getattr(value, "__dict__", ()):  # a definition
        return False
    return not isinstance(value, (*_FIXED, property, staticmethod, classmethod))


def _parts(label: str, value: Any, seen: set[int]) -> Iterator[Part]:
    if isinstance(value, ModuleType):
        return
    if not isinstance(value, FunctionType | type):
        yield Part(label, label.partition("'")[2].rstrip("'") or label, value)
    elif id(value) not in seen and goes_by_value(value):
        seen.add(id(value))
        for name, one in _inside(value).items():
            yield from _parts(f"name {name!r}", one, seen)


def _inside(value: Any) -> Mapping[str, Any]:
    """The names around a function or class that it uses, and those that a class holds."""
    if isinstance(value, FunctionType):
        code, names = value.__code__, value.__globals__
        found = {name: names[name] for name in _names_read(code) if name in names}
        for name, cell in zip(code.co_freevars, value.__closure__ or (), strict=True):
            try:
                found[name] = cell.cell_contents
            except ValueError:  # not assigned yet
                continue
        return found
    own = {
        name: getattr(one, "__func__", getattr(one, "fget", one))
        for name, one in vars(value).items()
        if not (name.startswith("__") and name.endswith("__")) or isinstance(one, FunctionType)
    }
    return {**{one.__name__: one for one in value.__bases__}, **own}


@lru_cache(256)
def _names_read(code: CodeType) -> tuple[str, ...]:
    """The names of variables outside that `code` reads: the same code is asked for again."""
    return tuple(dict.fromkeys(globals_read(code)))


def goes_by_value(value: Any) -> bool:
    """Whether a function or class is pickled itself, rather than as where to import it from."""
    if value.__module__ == "__main__":
        return True
    found: Any = sys.modules.get(value.__module__)
    for name in value.__qualname__.split("."):
        found = getattr(found, name, None)
    return found is not value


@lru_cache(1024)
def looks_secret(name: str) -> bool:
    """Whether `name` is one that people give to passwords and keys."""
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    return _SECRET.search(snake) is not None
