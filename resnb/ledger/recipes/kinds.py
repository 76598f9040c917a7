"""Kinds: managers that are registered by name, so that plain data is enough to clean up.

A package registers a `Kind` as an entry point of the group `GROUP`; the entry point has its name.
The arguments of a manager and the handle of what it made are JSON, and are checked against the
kind's own description before anything is done with them: whoever cleans up need not trust whoever
wrote them.
"""

import json
import math
import re
from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from typing import Any, Final, NamedTuple, TypeAlias

from resnb.errors import LedgerError, described

GROUP: Final = "resnb.resources"
LARGEST: Final = 64 * 1024
"""The most that arguments or a handle may have, in bytes of JSON."""

Shape: TypeAlias = (
    "type | re.Pattern[str] | list[Shape] | tuple[Shape, ...] | dict[str, Shape] | None"
)
"""What a value has to be.

A type (``str``, ``int``, ``float``, ``bool``; ``object`` for any JSON), a pattern that a text
matches as a whole, or None; ``[shape]`` is a list of such, ``(shape, ...)`` one of several, and a
dictionary has these keys and no others, of which those that end in ``?`` may be missing.
"""


class Kind(NamedTuple):
    """A manager that anybody who has its package can clean up with.

    Attributes:
        name: its name; a manager names it as its ``kind``.
        make: makes the manager from its arguments; ``cleanup``, and ``attach`` and ``find`` where
            they are there, work without set-up.
        arguments: the arguments by name.
        handle: the shape of a handle.
        manager: what notebooks use by the name; by default a manager made of `make`.
        runs_commands: whether its clean-up runs commands that its arguments name, so that it is
            trusted to their own user only.
        module: the library that it needs, as it is imported; empty if none.
        install: what pip installs that library with, such as ``resnb[docker]``.
    """

    name: str
    make: Callable[..., Any]
    arguments: dict[str, Shape]
    handle: Shape
    manager: Any = None
    runs_commands: bool = False
    module: str = ""
    install: str = ""

    def recipe(self, arguments: Mapping[str, Any]) -> bytes:
        """The arguments as the ledger keeps them.

        Raises:
            LedgerError: they are not what the kind takes.
        """
        return self._written("arguments", dict(arguments), self.arguments)

    def handle_data(self, handle: Any) -> bytes:
        """A handle as the ledger keeps it.

        Raises:
            LedgerError: it is not what the kind takes.
        """
        return self._written("handle", handle, self.handle)

    def read(self, recipe: bytes, handle: bytes | None) -> tuple[dict[str, Any], Any]:
        """Arguments and handle (None if there is none), which anybody may have written.

        Raises:
            LedgerError: they are not what the kind takes.
        """
        arguments: dict[str, Any] = self._read("arguments", recipe, self.arguments)
        return arguments, None if handle is None else self._read("handle", handle, self.handle)

    def _written(self, what: str, value: Any, shape: Shape) -> bytes:
        try:
            data = json.dumps(value, allow_nan=False).encode()
        except (TypeError, ValueError, RecursionError) as error:
            message = f"kind {self.name!r}: its {what} cannot be written as JSON ({error})"
            raise LedgerError(message) from None
        self._read(what, data, shape)
        return data

    def _read(self, what: str, data: bytes, shape: Shape) -> Any:
        fault = f"it has {len(data):,} bytes, more than {LARGEST:,}" if len(data) > LARGEST else ""
        value: Any = None
        if not fault:
            try:
                value = json.loads(data, parse_constant=_refused)
            except (ValueError, RecursionError):
                fault = "it is no JSON"
        fault = fault or _fault(value, shape, what)
        if fault:
            message = f"kind {self.name!r}: its {what} cannot be trusted: {fault}"
            raise LedgerError(message)
        return value


def find(name: str) -> Kind | None:
    """The kind of a name; None if no package that is installed here has it.

    Raises:
        LedgerError: it cannot be loaded, or is none.
    """
    for one in entry_points(group=GROUP, name=name):
        try:
            found = one.load()
        except Exception as error:
            message = f"kind {name!r} cannot be loaded: {described(error)}"
            raise LedgerError(message.splitlines()[0]) from error
        if not isinstance(found, Kind) or found.name != name:
            message = f"kind {name!r}: {one.value} is not a kind of that name"
            raise LedgerError(message)
        return found
    return None


def names() -> list[str]:
    """The names of all kinds that are registered here, in order."""
    return sorted({one.name for one in entry_points(group=GROUP)})


def kind_of(manager: Any) -> Kind | None:
    """The kind of a manager, which names it; None if it names none, or is another class.

    Raises:
        LedgerError: there is no such kind.
    """
    name = getattr(manager, "kind", None)
    if name is None:
        return None
    found = find(str(name))
    if found is None:
        message = f"kind {name!r} is not registered: no package has it in {GROUP!r}"
        raise LedgerError(message)
    made = found.make
    own = made if isinstance(made, type) else getattr(found.manager, "definition", type(manager))
    is_another = own is not type(manager)
    return None if is_another else found  # such as a notebook's subclass, with its own clean-up


def loaded(name: str, recipe: bytes, handle: bytes | None) -> tuple[Any, Any]:
    """The manager of a kind and its handle (None if there is none), from what the ledger keeps.

    Raises:
        LedgerError: the kind is not registered here, or the data are not what it takes.
    """
    kind = find(name)
    if kind is None:
        message = f"no package that is installed here has the kind {name!r}"
        raise LedgerError(message)
    arguments, found = kind.read(recipe, handle)
    return kind.make(**arguments), found


def arguments_of(kind: Kind, manager: Any) -> bytes:
    """The arguments of a manager, which has each as an attribute of that name.

    Raises:
        LedgerError: one is missing, or not what the kind takes.
    """
    names = {name.removesuffix("?") for name in kind.arguments}
    known = {name: getattr(manager, name) for name in names if hasattr(manager, name)}
    return kind.recipe(known)


def _fault(value: Any, shape: Shape, where: str) -> str:  # noqa: PLR0911 - a table of shapes
    """What is wrong with a value; empty if nothing is."""
    match shape:
        case dict():
            return _fault_of_keys(value, shape, where)
        case list():
            if not isinstance(value, list):
                return f"{where} is no list"
            faults = (_fault(one, shape[0], f"{where}[{i}]") for i, one in enumerate(value))
            return next(filter(None, faults), "")
        case tuple():
            choices = [_fault(value, one, where) for one in shape]
            return choices[0] if all(choices) else ""
        case re.Pattern():
            matches = isinstance(value, str) and shape.fullmatch(value)
            return "" if matches else f"{where} does not match {shape.pattern}"
        case None:
            return "" if value is None else f"{where} is not null"
    if shape is object:
        fits = True
    elif shape is float:
        fits = type(value) in (int, float) and math.isfinite(value)
    else:
        fits = type(value) is shape
    return "" if fits else f"{where} is no {shape.__name__}"


def _refused(constant: str) -> Any:
    raise ValueError(constant)


def _fault_of_keys(value: Any, shape: dict[str, Shape], where: str) -> str:
    if not isinstance(value, dict):
        return f"{where} is no object"
    shapes = {name.removesuffix("?"): one for name, one in shape.items()}
    missing = sorted(name for name in shape if name not in value and not name.endswith("?"))
    if missing:
        return f"{where} has no {missing[0]!r}"
    for name, one in value.items():
        if name not in shapes:
            return f"{where} has {name!r}, which is unknown"
        if fault := _fault(one, shapes[name], f"{where}.{name}"):
            return fault
    return ""
