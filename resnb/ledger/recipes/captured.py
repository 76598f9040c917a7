"""What a recipe consists of, by names that its author knows.

The values that an object holds, and what functions and classes that are pickled by value (those of
the notebook) use of the notebook: so an error can name the variable at fault, and names that look
like secrets are found.
"""

import dis
import re
import sys
from collections.abc import Iterator, Mapping
from types import CodeType, FunctionType, ModuleType
from typing import Any, NamedTuple

_SECRET = re.compile(
    r"(?:^|_)(?:pass(?:word|wd|phrase)?|pwd|secrets?|tokens?|credentials?|(?:api|access|private|"
    r"auth)_?keys?)(?:_|$)"
)


class Part(NamedTuple):
    """A named value.

    Attributes:
        label: what an error calls it.
        name: its name.
        value: the value.
    """

    label: str
    name: str
    value: Any


def values_of(thing: Any) -> dict[str, Any]:
    """What `thing` holds, by what errors call it; a lease is no part of it.

    What has ``__resnb_values__`` is asked for it, anything else has attributes.
    """
    own = getattr(thing, "__resnb_values__", None)
    if own is not None:
        return dict(own())
    return {f"attribute {name!r}": value for name, value in attributes_of(thing).items()}


def attributes_of(thing: Any) -> dict[str, Any]:
    """The attributes of `thing` itself but its lease, those in slots among them."""
    found: dict[str, Any] = {}
    for kind in type(thing).__mro__:
        slots = vars(kind).get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if name not in ("__dict__", "__weakref__") and hasattr(thing, name):
                found[name] = getattr(thing, name)
    found |= getattr(thing, "__dict__", {})
    found.pop("lease", None)
    return found


def parts_of(thing: Any) -> Iterator[Part]:
    """Everything that the pickle of `thing` takes along, as far as it has a name."""
    seen: set[int] = set()
    for label, value in values_of(thing).items():
        yield from _parts(label, value, seen)
    yield from _parts("", type(thing), seen)


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
    """What a function or a class uses of the names around it, and what a class holds."""
    if isinstance(value, FunctionType):
        code, names = value.__code__, value.__globals__
        found = {name: names[name] for name in _globals_of(code) if name in names}
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


def _globals_of(code: CodeType) -> Iterator[str]:
    for instruction in dis.get_instructions(code):
        if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            yield str(instruction.argval)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _globals_of(constant)


def goes_by_value(value: Any) -> bool:
    """Whether the pickle of a function or class holds it, rather than where to import it."""
    if value.__module__ == "__main__":
        return True
    found: Any = sys.modules.get(value.__module__)
    for name in value.__qualname__.split("."):
        found = getattr(found, name, None)
    return found is not value


def looks_secret(name: str) -> bool:
    """Whether `name` is one that people give to passwords and keys."""
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    return _SECRET.search(snake) is not None


__all__ = ["Part", "attributes_of", "goes_by_value", "looks_secret", "parts_of", "values_of"]
