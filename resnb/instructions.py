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
_CACHE = opmap.get("CACHE", 0)


def is_import(depth: int) -> bool:
    """Whether the line `depth` frames above the caller is ``from ... import ...``."""
    return _at(depth + 1)[0] == _IMPORT


def is_method_call(depth: int) -> bool:
    """Whether the line `depth` frames above the caller is ``o.x(...)``, and not only ``o.x``."""
    code, argument = _at(depth + 1)
    return code == _METHOD or (code == _ATTRIBUTE and _METHOD >= _BYTES and bool(argument & 1))


def _at(depth: int) -> tuple[int, int]:
    """The instruction at which the frame `depth` above the caller stands, and its argument.

    Where Python 3.12 has specialized the reading of a property, the frame stands behind it, at
    the last of its caches.
    """
    frame = sys._getframe(depth + 1)  # noqa: SLF001 - the frame's public name needs inspect
    code, at = frame.f_code.co_code, frame.f_lasti
    while code[at] == _CACHE and at > 0:
        at -= 2
    return code[at], code[at + 1]
