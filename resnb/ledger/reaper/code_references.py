"""What some byte code refers to: names, the attributes that follow them, and imports.

Standard library only; see `resnb.ledger.reaper.rehearsal`.
"""

import dis
import inspect
import types
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

_ATTRIBUTES = ("LOAD_ATTR", "LOAD_METHOD")
_BOTH = "STORE_FAST_LOAD_FAST"
"""Stores the first of its names and loads the second, from Python 3.13 on."""


class Reference(NamedTuple):
    """A name in some code, and the attributes that follow it."""

    kind: str  # "global", "local" or "import"
    name: str
    attributes: tuple[str, ...]
    caught: frozenset[str]  # exceptions around it that the code handles
    level: int = 0


def references_in(code: types.CodeType) -> Iterator[Reference]:
    """The names in some code, in order."""
    instructions = [one for one in dis.get_instructions(code) if one.opname != "EXTENDED_ARG"]
    places = {one.offset: number for number, one in enumerate(instructions)}
    handlers = list(getattr(dis.Bytecode(code), "exception_entries", ()))
    for number, one in enumerate(instructions):
        if one.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            kind = "global"
        elif one.opname.startswith(("LOAD_FAST", "LOAD_DEREF")) or one.opname == _BOTH:
            kind = "local"
        elif one.opname == "IMPORT_NAME":
            kind = "import"
        else:
            continue
        caught = _caught(one.offset, handlers, instructions, places, code)
        if kind == "import":
            level, wanted = (before.argval for before in instructions[number - 2 : number])
            names = tuple(name for name in wanted or () if name != "*")
            yield Reference(kind, one.argval, names, caught, level if type(level) is int else 0)
            continue
        *before, name = names_in(one.argval)
        for other in () if one.opname == _BOTH else before:
            yield Reference(kind, other, (), caught)
        chain = []
        for after in instructions[number + 1 :]:
            if after.opname not in _ATTRIBUTES:
                break
            chain.append(after.argval)
        yield Reference(kind, name, tuple(chain), caught)


def _caught(
    offset: int,
    handlers: list[Any],
    instructions: list[dis.Instruction],
    places: Mapping[int, int],
    code: types.CodeType,
) -> frozenset[str]:
    """The exceptions that the code around an instruction handles by name."""
    found: set[str] = set()
    seen: set[int] = set()
    while entry := next((one for one in handlers if one.start <= offset < one.end), None):
        offset = entry.target
        if offset in seen:
            break
        seen.add(offset)
        names: set[str] = set()
        number = places.get(offset, len(instructions))
        while number < len(instructions):
            one = instructions[number]
            if one.opname == "WITH_EXCEPT_START" and "suppress" in code.co_names:
                found.update(code.co_names)
            if one.opname == "CHECK_EXC_MATCH":
                found |= names
                number = places.get(instructions[number + 1].argval, len(instructions))
                names = set()
                continue
            if one.opname in ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_ATTR"):
                names.add(one.argval)
            elif one.opname not in ("PUSH_EXC_INFO", "BUILD_TUPLE", "NOP"):
                break
            number += 1
    return frozenset(found)


def stored_by(instruction: dis.Instruction) -> tuple[str, ...]:
    """The names that an instruction binds or deletes."""
    if not instruction.opname.startswith(("STORE_", "DELETE_")):
        return ()
    names = names_in(instruction.argval)
    return names[:1] if instruction.opname == _BOTH else names


def names_in(value: Any) -> tuple[str, ...]:
    """The names that an instruction has, which may be several."""
    return value if isinstance(value, tuple) else (value,) if isinstance(value, str) else ()


def parameters_of(code: types.CodeType) -> int:
    """How many of its local variables are parameters; they come first."""
    flags = bool(code.co_flags & inspect.CO_VARARGS) + bool(code.co_flags & inspect.CO_VARKEYWORDS)
    return code.co_argcount + code.co_kwonlyargcount + flags
