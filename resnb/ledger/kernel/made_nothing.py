"""Whether a set-up that raised has surely made nothing: a slip in its first lines, mostly.

What cannot be told is not said: the bytecode that had run must consist of known instructions that
only look something up. A call, an attribute that may be computed, an operator or a loop ends that.
An import does not count as making something: the module stays, whatever becomes of the resource.
"""

import dis
import inspect
from collections.abc import Callable, Iterable
from types import CodeType, FrameType, ModuleType
from typing import Any

from resnb.errors import NothingMadeError
from resnb.ledger.reaper.code_references import names_in, stored_by

_PLAIN = frozenset({
    "CACHE", "COPY_FREE_VARS", "EXTENDED_ARG", "MAKE_CELL", "NOP", "NOT_TAKEN", "POP_TOP",
    "PRECALL", "PUSH_NULL", "RESUME", "RETURN_GENERATOR",
    "BUILD_CONST_KEY_MAP", "BUILD_LIST", "BUILD_MAP", "BUILD_TUPLE", "COPY", "KW_NAMES", "SWAP",
    "IMPORT_FROM", "IMPORT_NAME", "IS_OP", "JUMP_FORWARD",
    "LOAD_ASSERTION_ERROR", "LOAD_CLOSURE", "LOAD_COMMON_CONSTANT", "LOAD_CONST",
    "LOAD_CONST_IMMORTAL", "LOAD_DEREF", "LOAD_FAST", "LOAD_FAST_AND_CLEAR", "LOAD_FAST_BORROW",
    "LOAD_FAST_BORROW_LOAD_FAST_BORROW", "LOAD_FAST_CHECK", "LOAD_FAST_LOAD_FAST", "LOAD_GLOBAL",
    "LOAD_NAME", "LOAD_SMALL_INT", "STORE_FAST", "STORE_FAST_LOAD_FAST", "STORE_FAST_STORE_FAST",
    "POP_JUMP_FORWARD_IF_NONE", "POP_JUMP_FORWARD_IF_NOT_NONE",
    "POP_JUMP_IF_NONE", "POP_JUMP_IF_NOT_NONE", "RAISE_VARARGS",
})  # fmt: skip
"""Instructions of CPython 3.11 to 3.14 that run no code of anybody's, imports left aside."""
_ATTRIBUTES = frozenset({"LOAD_ATTR", "LOAD_METHOD"})
_VARIABLES = frozenset({
    "LOAD_FAST", "LOAD_FAST_BORROW", "LOAD_FAST_LOAD_FAST", "LOAD_FAST_BORROW_LOAD_FAST_BORROW",
    "STORE_FAST_LOAD_FAST",
})  # fmt: skip


def made_nothing(manager: Any, error: BaseException) -> bool:
    """Whether the set-up of `manager`, which ended with `error`, has surely made nothing.

    That is so if it says so, if its function could not be called, as it needs arguments, or if its
    own frame raised before it had called anything.
    """
    if isinstance(error, NothingMadeError):
        return not error.is_told
    function = _function(manager)
    if function is None:
        return False
    frames: list[tuple[FrameType, int]] = []
    step = error.__traceback__
    while step is not None:
        frames.append((step.tb_frame, step.tb_lasti))
        step = step.tb_next
    own = [one for one in frames if one[0].f_code is function.__code__]
    if not own:
        return isinstance(error, TypeError) and not _can_be_called(manager, function)
    return own == frames[-1:] and _only_looked_up(*own[0])


def _function(manager: Any) -> Any:
    """The function whose body makes the resource; None if that is not a plain one."""
    named = getattr(type(manager), "__resnb_function__", None)
    found = named() if named is not None else getattr(type(manager), "setup", None)
    return found if inspect.isfunction(found) else None


def _can_be_called(manager: Any, function: Callable[..., Any]) -> bool:
    if getattr(type(manager), "setup", None) is not function:
        return True  # it is called with arguments that nobody knows here
    try:
        inspect.signature(function).bind(manager)
    except TypeError:
        return False
    return True


def _only_looked_up(frame: FrameType, last: int) -> bool:
    steps = list(_steps(frame.f_code))
    done = [one for one in steps if one.offset <= last]
    stored = {name for one in done for name in stored_by(one)}
    before: dis.Instruction | None = None
    for one in done:
        is_lookup = one.opname in _ATTRIBUTES and _is_lookup(frame, before, one, stored)
        if one.opname not in _PLAIN and not is_lookup:
            return False
        before = one
    # a jump back may have come here from lines below
    targets = (one.argval for one in steps if one.offset > last and one.opcode in _JUMPS)
    return all(target > last for target in targets)


_JUMPS = frozenset((*dis.hasjrel, *dis.hasjabs))


def _steps(code: CodeType) -> Iterable[dis.Instruction]:
    return (one for one in dis.get_instructions(code) if one.opname not in {"CACHE", "PUSH_NULL"})


def _is_lookup(
    frame: FrameType, before: dis.Instruction | None, one: dis.Instruction, stored: set[str]
) -> bool:
    """Whether an attribute of a variable is just looked up, in a module or a plain object."""
    *_, variable = (None, *(() if before is None else names_in(before.argval)))
    if before is None or variable is None or variable in stored:
        return False
    if before.opname == "LOAD_GLOBAL":
        owner = frame.f_globals.get(variable)
        known = vars(owner) if isinstance(owner, ModuleType) else None
        return known is not None and (one.argval in known or "__getattr__" not in known)
    if before.opname not in _VARIABLES or variable not in frame.f_locals:
        return False
    owner = frame.f_locals[variable]
    getter: Any = type(owner).__getattribute__
    if getter is not object.__getattribute__:
        return False
    missing = object()
    found = inspect.getattr_static(type(owner), one.argval, missing)
    if found is missing:
        is_plain = one.argval in getattr(owner, "__dict__", {})
        return is_plain or not hasattr(type(owner), "__getattr__")
    return inspect.isfunction(found) or not hasattr(type(found), "__get__")
