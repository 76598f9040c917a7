"""What code means, as a short text: the same for code that does the same, however it is laid out.

It is followed into what it refers to: the notebook's functions and classes, those of modules beside
it, values; of installed packages the name and the version count. A container that code only adds
to, such as a log, is no input of it, nor are locks and the standard streams. Bytecode is looked at,
not source, which may have been edited since it was loaded.
"""

import builtins
import dis
import inspect
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property, lru_cache, partial
from itertools import pairwise
from types import (
    BuiltinFunctionType,
    CodeType,
    FunctionType,
    GetSetDescriptorType,
    MemberDescriptorType,
    MethodDescriptorType,
    MethodType,
    MethodWrapperType,
    ModuleType,
)
from typing import Any, Final, NamedTuple

from resnb.errors import ResnbError, is_installed
from resnb.graph.tasks.task import Task
from resnb.run.caching.code_imports import imported_by, is_users_module
from resnb.run.output.routing import standard_streams
from resnb.syntax.bytecode import Import, own_globals, own_imports
from resnb.syntax.in_place import CHANGING_METHODS

_NO_DATA = frozenset({
    "__dict__", "__weakref__", "__module__", "__doc__", "__qualname__", "__firstlineno__",
    "__static_attributes__", "__dataclass_fields__", "__dataclass_params__", "__annotations__",
    "__annotate_func__", "__annotations_cache__", "__abstractmethods__", "_abc_impl",
    "__slotnames__",  # there once an object was copied
    "__resnb_source__",  # there once a resource was made, with the name of its cell's file
})  # fmt: skip
_NESTED = inspect.CO_NESTED
"""Says only that a function was defined inside of another one."""
_CONTAINERS = (list, dict, set, deque, bytearray)
_WRITING = CHANGING_METHODS - {"pop", "popitem", "popleft"}  # these also read
_NATIVE = (
    BuiltinFunctionType, MethodWrapperType, MethodDescriptorType, GetSetDescriptorType,
    MemberDescriptorType,
)  # fmt: skip

MEMO: Final = type(lru_cache(lambda: None))
"""What `functools.cache` and `lru_cache` make of a function; its pickle would only name it."""
_LOCKS = (
    type(threading.Lock()), type(threading.RLock()), threading.Condition, threading.Event,
    threading.Semaphore, threading.Barrier,
)  # fmt: skip


class NoKeyError(ResnbError):
    """Something cannot be told apart from others like it."""

    variable = ""
    """The variable that code refers to it by."""

    def at(self, variable: str) -> "NoKeyError":
        """The same, with the variable's name; the innermost one says most."""
        if self.variable:
            return self
        found = NoKeyError(f"{variable!r}, which it refers to: {self}")
        found.variable = variable
        return found


class CodeWalk:
    """Describes code as nested tuples of texts.

    Args:
        value_key: gives the key of a value that is no code.
    """

    def __init__(self, value_key: Callable[[Any], str]) -> None:
        self._value_key = value_key
        self._seen: dict[int, int] = {}
        self._kept: list[Any] = []  # an id is one only as long as its object lives

    def describe(self, found: Any) -> Any:
        """What `found`, code or a value, means; recursion is described by its place.

        Raises:
            NoKeyError: it is a value, or code refers to one, that cannot be told from others.
        """
        if no_input := _no_input(found):
            return "no input", no_input
        if not _is_code(found):
            return "value", self._value_key(found)
        place = self._seen.setdefault(id(found), len(self._seen))
        if place < len(self._kept):
            return "seen", place
        self._kept.append(found)
        return self._described(found)

    def _described(self, found: Any) -> Any:  # noqa: C901, PLR0911 - a table of kinds
        match found:
            case ModuleType():
                return "module", found.__name__, _version(found.__name__)
            case FunctionType():
                return self._function(found)
            case MethodType():
                return "method", self.describe(found.__func__), self.describe(found.__self__)
            case partial():
                parts = (found.func, found.args, found.keywords)
                return "partial", *map(self.describe, parts)
            case type():
                return self._class(found)
            case Task():
                return "task", task_key(found, self)
            case staticmethod() | classmethod():
                return type(found).__name__, self.describe(found.__func__)
            case property():
                return "property", *map(self.describe, (found.fget, found.fset, found.fdel))
            case cached_property():
                return "cached property", self.describe(found.func)
        if isinstance(found, MEMO):
            return "memo", self.describe(found.__wrapped__)
        return "native", str(getattr(found, "__qualname__", found))

    def _function(self, function: FunctionType) -> Any:
        alone = _alone(function.__code__)
        cells = [(name, self._named(name, value)) for name, value in _enclosed(function, alone)]
        if is_installed(function.__code__.co_filename):
            module = str(function.__globals__.get("__name__"))  # not that of what it may wrap
            name = f"{module}.{function.__code__.co_qualname}"
            return "installed", name, _version(module), cells
        return (
            "function",
            self._code(function.__code__, function.__globals__),
            [self.describe(value) for value in function.__defaults__ or ()],
            [(name, self.describe(one)) for name, one in (function.__kwdefaults__ or {}).items()],
            cells,
        )

    def _class(self, found: type) -> Any:
        if not is_users(found):
            return (
                "installed",
                f"{found.__module__}.{found.__qualname__}",
                _version(found.__module__),
            )
        members = {
            name: self.describe(value)
            for name, value in sorted(vars(found).items())
            if name not in _NO_DATA and not isinstance(value, _NATIVE)
        }
        kinds = [self.describe(one) for one in (type(found), *found.__bases__)]
        return "class", found.__name__, kinds, tuple(members.items())

    def _code(self, code: CodeType, namespace: Mapping[str, Any]) -> Any:
        alone = _alone(code)
        return (
            alone.text,
            [self._code(one, namespace) for one in alone.inner],
            [(name, self._named(name, value)) for name, value in _referred(alone, namespace)],
        )

    def _named(self, name: str, value: Any) -> Any:
        try:
            return self.describe(value)
        except NoKeyError as error:
            raise error.at(name) from None


class _Alone(NamedTuple):
    """What code is, whatever it refers to."""

    text: tuple[Any, ...]
    inner: tuple[CodeType, ...]  # the functions and classes that are defined inside, in order
    globals: tuple[str, ...]  # the variables that it reads from outside
    names: frozenset[str]  # the names of these, of attributes, and of what it imports
    all_names: frozenset[str]  # likewise, with those of `inner`
    imports: tuple[Import, ...]  # what it imports itself
    changed: frozenset[str]  # the variables that it only changes


@lru_cache(maxsize=1024)  # the same code is described after each run
def _alone(code: CodeType) -> _Alone:
    inner = tuple([one for one in code.co_consts if isinstance(one, CodeType)])
    text = (
        code.co_code.hex(),
        [None if isinstance(one, CodeType) else _constant(one) for one in code.co_consts],
        code.co_names,
        code.co_varnames,
        code.co_argcount,
        code.co_kwonlyargcount,
        code.co_flags & ~_NESTED,
    )
    read = tuple(dict.fromkeys(own_globals(code)))
    names = frozenset(code.co_names)
    all_names = names.union(*[_alone(one).all_names for one in inner])
    imports = tuple(dict.fromkeys(own_imports(code)))
    return _Alone(text, inner, read, names, all_names, imports, _changed_by(code))


def task_key(task: Task, walk: CodeWalk) -> Any:
    """What a task's code means; of a class's instance, its own attributes count too."""
    code = task.__dict__.get("run")
    if code is not None:
        return walk.describe(code)
    known = {name for kind in type(task).__mro__ if not is_users(kind) for name in vars(kind)}
    own = {
        name: value
        for name, value in task.__dict__.items()
        if name not in known and not name.startswith("_") and name not in {"home", "is_call"}
    }
    return walk.describe(type(task)), [(name, walk.describe(own[name])) for name in sorted(own)]


def but_changed(function: FunctionType, variables: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The variables of code, where a container that it only changes counts by its type."""
    changed = _alone(function.__code__).changed
    for name, value in variables.items():
        yield name, _unless_changed(name, value, changed)


def code_alone(code: CodeType) -> Any:
    """What code means apart from what it refers to."""
    alone = _alone(code)
    return alone.text, [code_alone(one) for one in alone.inner]


def is_users(kind: type) -> bool:
    """Whether a class is of the notebook or of a module beside it."""
    module = sys.modules.get(kind.__module__)
    if module is None or kind.__module__ == "builtins":
        return kind.__module__ != "builtins"
    file = getattr(module, "__file__", None)
    return kind.__module__ == "__main__" or (file is not None and not is_installed(file))


def _no_input(found: Any) -> str:
    """What it is if what code computes does not depend on it: a lock, or a standard stream."""
    if isinstance(found, _LOCKS):
        return type(found).__name__
    return "stream" if found is not None and any(found is one for one in standard_streams()) else ""


def _is_code(found: Any) -> bool:
    kinds = (
        ModuleType, FunctionType, MethodType, partial, type, Task, staticmethod, classmethod,
        property, cached_property, MEMO, *_NATIVE,
    )  # fmt: skip
    return isinstance(found, kinds)


def _referred(alone: _Alone, namespace: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The globals that code refers to, and what it may use of the user's modules."""
    for name in alone.globals:
        if name not in namespace:
            if not hasattr(builtins, name):
                yield name, None
            continue
        value = namespace[name]
        yield name, _unless_changed(name, value, alone.changed)
        yield from _used_of(name, value, alone.names)
    for one in alone.imports:
        yield from _used_of(one.module, imported_by(one, namespace), alone.all_names)


def _enclosed(function: FunctionType, alone: _Alone) -> Iterator[tuple[str, Any]]:
    """The variables of functions around `function` that it refers to, likewise."""
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        value = _content(cell)
        yield name, _unless_changed(name, value, alone.changed)
        yield from _used_of(name, value, alone.all_names)


def _used_of(name: str, value: Any, names: frozenset[str]) -> Iterator[tuple[str, Any]]:
    """What code with these `names` may use of `value`, a module of the user's, and of those in it.

    A pickle or a name says nothing of what is in a module, and all that is in it is too much.
    """
    seen: set[ModuleType] = set()
    left = [(name, value)]
    while left:
        name, value = left.pop()
        if not isinstance(value, ModuleType) or value in seen or not is_users_module(value):
            continue
        seen.add(value)
        for part in sorted(names & vars(value).keys()):
            yield f"{name}.{part}", vars(value)[part]
            left.append((f"{name}.{part}", vars(value)[part]))


def _unless_changed(name: str, value: Any, changed: frozenset[str]) -> Any:
    """A variable's value; of a container that code only changes, its type."""
    return type(value) if name in changed and isinstance(value, _CONTAINERS) else value


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
    return type(value).__name__, repr(value)


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not bound yet
        return None


def _version(module: str) -> str:
    top = sys.modules.get(module.partition(".")[0])
    return str(getattr(top, "__version__", ""))
