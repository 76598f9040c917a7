"""Whether a cell may read a variable, by its text and the functions that it names."""

import re
from collections.abc import Iterable, Iterator, Mapping
from types import CodeType, FunctionType
from typing import Any

from resnb.syntax.bytecode import globals_read

_WORD = re.compile(r"[^\W\d]\w*")


def refers_to(text: str, variable: str, namespace: Mapping[str, Any]) -> bool:
    """Whether `text`, or a function that it names, however deep, mentions `variable`."""
    words = set(_WORD.findall(text))
    waiting = list(words)
    while waiting:
        function = namespace.get(waiting.pop())
        function = getattr(function, "__wrapped__", function)
        if isinstance(function, FunctionType):
            more = set(_names(function.__code__)) - words
            words |= more
            waiting += more
    return variable in words


def read_through(names: Iterable[str], namespace: Mapping[str, Any]) -> dict[str, str]:
    """The variables that the notebook's functions among `names` read, however deep.

    Each is given with the function by which it is reached.
    """
    found: dict[str, str] = {}
    waiting = [(name, name) for name in names]
    seen: set[str] = set()
    while waiting:
        name, by = waiting.pop()
        function = namespace.get(name)
        if name in seen or not isinstance(function, FunctionType):
            continue
        seen.add(name)
        if function.__globals__ is namespace:
            for one in globals_read(function.__code__):
                found.setdefault(one, by)
                waiting.append((one, by))
    return found


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for one in code.co_consts:
        if isinstance(one, CodeType):
            yield from _names(one)
