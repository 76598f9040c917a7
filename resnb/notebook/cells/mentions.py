"""Whether a cell may read a variable, by its text and the functions that it names."""

import re
from collections.abc import Iterator, Mapping
from types import CodeType, FunctionType
from typing import Any

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


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for one in code.co_consts:
        if isinstance(one, CodeType):
            yield from _names(one)
