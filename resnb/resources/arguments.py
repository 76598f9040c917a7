"""Arguments of ready-made resources, checked when they are given.

An error says whose argument it is, which, and what it must be. The value is not shown: it may be,
or hold, a secret.
"""

import os
import shlex
from collections.abc import Mapping
from numbers import Integral
from typing import Any, NoReturn

from resnb.errors import OptionError


def text(owner: str, name: str, value: Any) -> str:
    """`value` if it is a text.

    Raises:
        OptionError: it is none, or has a NUL character.
    """
    if not isinstance(value, str):
        _refuse(owner, name, "a text", value)
    return _without_nul(owner, name, value)


def path(owner: str, name: str, value: Any) -> str:
    """`value` as a text if it is a path.

    Raises:
        OptionError: it is none.
    """
    if not isinstance(value, str | os.PathLike):
        _refuse(owner, name, "a path", value)
    found = os.fspath(value)
    if not isinstance(found, str):
        _refuse(owner, name, "a path", found)
    return _without_nul(owner, name, found)


def words(owner: str, name: str, value: Any) -> list[str]:
    """The words of a command, which is a text with quotes as in a shell, or a list.

    Raises:
        OptionError: it is neither, or a quote is not closed.
    """
    if isinstance(value, str):
        _without_nul(owner, name, value)
        try:
            return shlex.split(value)
        except ValueError:
            message = f"{owner}: a quote in {name} is not closed"
            raise OptionError(message) from None
    if isinstance(value, bytes | Mapping) or not hasattr(value, "__iter__"):
        _refuse(owner, name, "a text, or a list of texts and paths", value)
    return [path(owner, f"a word of {name}", one) for one in value]


def variables(owner: str, value: Any, name: str = "env") -> dict[str, str]:
    """Environment variables, by the argument `name`.

    Raises:
        OptionError: they are no mapping, or a name cannot be that of a variable.
    """
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        _refuse(owner, name, "a mapping of names to values", value)
    for one in value:
        if not isinstance(one, str) or not one or "=" in one or "\0" in one:
            message = f"{owner}: {one!r} in {name} is no name of a variable"
            raise OptionError(message)
    return {one: _without_nul(owner, f"{name}[{one!r}]", str(value[one])) for one in value}


def whole(owner: str, name: str, value: Any) -> int | None:
    """`value` if it is a whole number, or None.

    Raises:
        OptionError: it is neither.
    """
    if value is None:
        return None
    if not isinstance(value, Integral) or isinstance(value, bool):
        _refuse(owner, name, "a whole number", value)
    return int(value)


def count(owner: str, name: str, value: Any) -> int | None:
    """The same, if it is not negative either.

    Raises:
        OptionError: it is.
    """
    found = whole(owner, name, value)
    if found is not None and found < 0:
        _refuse(owner, name, "a whole number of at least 0", found)
    return found


def _without_nul(owner: str, name: str, value: str) -> str:
    if "\0" in value:
        message = f"{owner}: {name} has a NUL character, which no command or path can hold"
        raise OptionError(message)
    return value


def _refuse(owner: str, name: str, what: str, value: Any) -> NoReturn:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    shown = repr(value) if is_number else f"a value of type {type(value).__name__}"
    message = f"{owner}: {name} must be {what}, not {shown}"
    raise OptionError(message)
