"""What the line that reads an attribute is about to do with it.

Python asks a module for a name in the same way for ``from m import x`` and for ``m.x``, and an
object for ``o.x`` and for ``o.x()``. The instruction at which the caller stands tells them apart.
"""

import sys
from opcode import opmap

_IMPORT = opmap["IMPORT_FROM"]
_BYTES = 256  # what the compiler alone uses has higher numbers
_METHOD = opmap.get("LOAD_METHOD", _BYTES)  # a real instruction up to Python 3.11
_ATTRIBUTE = opmap["LOAD_ATTR"]  # from 3.12 on, the last bit of its argument says the same


def is_import(depth: int) -> bool:
    """Whether the line `depth` frames above the caller is ``from ... import ...``."""
    frame = sys._getframe(depth + 1)  # noqa: SLF001 - the frame's public name needs inspect
    return frame.f_code.co_code[frame.f_lasti] == _IMPORT


def is_method_call(depth: int) -> bool:
    """Whether the line `depth` frames above the caller is ``o.x(...)``, and not only ``o.x``."""
    frame = sys._getframe(depth + 1)  # noqa: SLF001 - likewise
    code, at = frame.f_code.co_code, frame.f_lasti
    if _METHOD < _BYTES:
        return code[at] == _METHOD
    return code[at] == _ATTRIBUTE and bool(code[at + 1] & 1)
