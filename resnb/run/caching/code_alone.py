"""What code is by itself, whatever it refers to: its text, and the names that it uses, and how.

Bytecode is looked at, not source, which may have been edited since it was loaded.
"""

import dis
import inspect
from functools import lru_cache
from itertools import pairwise
from types import CodeType
from typing import Any, Final, NamedTuple

from resnb.run.caching.glance import written
from resnb.syntax.bytecode import Import, own_aliases, own_chains, own_globals, own_imports

_NESTED = inspect.CO_NESTED
"""Says only that a function was defined inside of another one."""
_WRITING: Final = frozenset({
    "add", "append", "appendleft", "clear", "discard", "extend", "extendleft", "insert", "update",
})  # fmt: skip
"""Methods of containers that give nothing and never fail, whatever is in them."""


class Alone(NamedTuple):
    """What code is, whatever it refers to."""

    text: tuple[Any, ...]
    inner: tuple[CodeType, ...]  # the functions and classes that are defined inside, in order
    globals: tuple[str, ...]  # the variables that it reads from outside
    chain_ends: frozenset[str]  # the last names of `a.b.c`, with those of `inner`
    names: frozenset[str]  # the names of these, of attributes, and of what it imports
    all_names: frozenset[str]  # likewise, with those of `inner`
    imports: tuple[Import, ...]  # what it imports itself
    changed: frozenset[str]  # the variables that it only changes


@lru_cache(maxsize=1024)  # the same code is described after each run
def alone_of(code: CodeType) -> Alone:
    """What `code` is by itself."""
    inner = tuple([one for one in code.co_consts if isinstance(one, CodeType)])
    text = (
        code.co_code.hex(),
        [None if isinstance(one, CodeType) else _constant(one) for one in code.co_consts],
        code.co_names,
        code.co_varnames,
        code.co_cellvars,
        code.co_freevars,
        code.co_exceptiontable.hex(),
        code.co_argcount,
        code.co_kwonlyargcount,
        code.co_flags & ~_NESTED,
    )
    read = tuple(dict.fromkeys(own_globals(code)))
    names = frozenset(code.co_names)
    all_names = names.union(*[alone_of(one).all_names for one in inner])
    imports = tuple(dict.fromkeys(own_imports(code)))
    own_ends = frozenset([chain[-1] for chain in own_chains(code)])
    ends = own_ends.union(*[alone_of(one).chain_ends for one in inner])
    ends = ends.union([imported for imported, alias in own_aliases(code) if alias in ends])
    return Alone(text, inner, read, ends, names, all_names, imports, _changed_by(code))


def code_alone(code: CodeType) -> Any:
    """What code means apart from what it refers to."""
    alone = alone_of(code)
    return alone.text, [code_alone(one) for one in alone.inner]


def _changed_by(code: CodeType) -> frozenset[str]:
    """The variables from outside that code changes by methods, and does not read besides."""
    if _WRITING.isdisjoint(code.co_names):
        return frozenset()
    changed, read = set[str](), set[str]()
    for one, after in pairwise(dis.get_instructions(code)):
        if one.opname in ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_DEREF"):
            (changed if after.argval in _WRITING else read).add(str(one.argval))
    return frozenset(changed - read)


def _constant(value: Any) -> Any:
    if isinstance(value, frozenset):  # its order is another one in each process
        return "frozenset", sorted(map(repr, value))
    if isinstance(value, tuple):
        return tuple(map(_constant, value))
    return type(value).__name__, written(value)
