"""What compiled code refers to."""

import dis
from collections.abc import Iterator
from types import CodeType


def globals_read(code: CodeType) -> Iterator[str]:
    """The names of variables outside that `code`, and functions and classes inside it, read."""
    for instruction in dis.get_instructions(code):
        if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            yield str(instruction.argval)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from globals_read(constant)
