"""What compiled code refers to."""

import dis
from collections.abc import Iterator
from types import CodeType

_READS = frozenset({"LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"})


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
