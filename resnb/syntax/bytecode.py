"""What compiled code refers to."""

import dis
from collections.abc import Iterator
from itertools import pairwise
from types import CodeType
from typing import NamedTuple

_READS = frozenset({"LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"})
_ATTRIBUTES = frozenset({"LOAD_ATTR", "LOAD_METHOD"})
_LOADS = ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_DEREF", "LOAD_CLASSDEREF", "LOAD_FAST", "LOAD_FROM_D")
_BETWEEN = frozenset({"EXTENDED_ARG", "CACHE", "NOT_TAKEN"})


class Import(NamedTuple):
    """An import that code makes itself."""

    module: str  # as it is written, without leading dots
    level: int  # how many dots; 0 for an absolute import
    names: tuple[str, ...]  # what it takes from the module; empty if that is the module itself


def own_imports(code: CodeType) -> Iterator[Import]:
    """The imports that `code` itself makes, without functions and classes inside it."""
    steps = [one for one in dis.get_instructions(code) if one.opname != "EXTENDED_ARG"]
    for (level, names), (_, then) in pairwise(pairwise(steps)):
        if then.opname == "IMPORT_NAME":  # after two constants
            yield Import(str(then.argval), int(level.argval), tuple(names.argval or ()))


def own_aliases(code: CodeType) -> Iterator[tuple[str, str]]:
    """What `code` itself imports, and the variable that it has it in."""
    imported = ""
    for one in dis.get_instructions(code):
        if one.opname in ("IMPORT_NAME", "IMPORT_FROM"):
            imported = str(one.argval).partition(".")[0]
        elif imported and one.opname.startswith("STORE_"):
            yield imported, str(one.argval)
            imported = ""


def own_chains(code: CodeType) -> Iterator[tuple[str, ...]]:
    """The variables that `code` itself reads, each with the attributes that it reads of it."""
    chain: tuple[str, ...] = ()
    for one in dis.get_instructions(code):
        if chain and one.opname in _ATTRIBUTES:
            chain = (*chain, str(one.argval))
        elif one.opname not in _BETWEEN:
            if chain:
                yield chain
            chain = (str(one.argval),) if one.opname.startswith(_LOADS) else ()
    if chain:
        yield chain


def own_globals(code: CodeType) -> Iterator[str]:
    """The names of variables outside that `code` itself reads; `co_names` has attributes, too."""
    for instruction in dis.get_instructions(code):
        if instruction.opname in _READS:
            yield str(instruction.argval)


def globals_read(code: CodeType) -> Iterator[str]:
    """The names of variables outside that `code`, and functions and classes inside it, read."""
    yield from own_globals(code)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from globals_read(constant)
