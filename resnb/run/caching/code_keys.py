"""What code means, as a short text: the same for code that does the same, however it is laid out.

It is followed into what it refers to: the notebook's functions and classes, those of modules beside
it, values; of installed packages the name and the version count. A container that code only adds
to, such as a log, is no input of it, nor are locks and the standard streams. Bytecode is looked at,
not source, which may have been edited since it was loaded.
"""

import builtins
import os
import sys
import threading
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property, lru_cache, partial, singledispatch
from types import (
    BuiltinFunctionType,
    ClassMethodDescriptorType,
    CodeType,
    FunctionType,
    GetSetDescriptorType,
    MemberDescriptorType,
    MethodDescriptorType,
    MethodType,
    MethodWrapperType,
    ModuleType,
    WrapperDescriptorType,
)
from typing import Any, Final, cast

from resnb.errors import ResnbError, is_installed
from resnb.graph.tasks.task import Task
from resnb.run.caching.class_parts import NOTED, annotations, declared, without_addresses
from resnb.run.caching.code_alone import Alone, alone_of
from resnb.run.caching.code_imports import imported_by, is_users_module, version_of
from resnb.run.output.routing import standard_streams

_CONTAINERS = (list, dict, set, deque, bytearray, Counter, OrderedDict, defaultdict)
_SLOTS = (GetSetDescriptorType, MemberDescriptorType)
_NATIVE = (
    BuiltinFunctionType, MethodWrapperType, MethodDescriptorType, WrapperDescriptorType,
    ClassMethodDescriptorType, *_SLOTS,
)  # fmt: skip

_DISPATCH = cast("FunctionType", singledispatch(lambda _: None)).__code__
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
        value_key: gives the key of a value that is no code, with the walk for the code in it.
    """

    def __init__(self, value_key: Callable[[Any, "CodeWalk"], str]) -> None:
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
            return "value", self._value_key(found, self)
        place = self._seen.setdefault(id(found), len(self._seen))
        if place < len(self._kept):
            return "seen", place
        self._kept.append(found)
        return self._described(found)

    def fork(self) -> "CodeWalk":
        """Another one that goes on from here, and leaves this one as it is."""
        made = CodeWalk(self._value_key)
        made._seen, made._kept = dict(self._seen), list(self._kept)
        return made

    def _described(self, found: Any) -> Any:  # noqa: C901, PLR0911 - a table of kinds
        match found:
            case ModuleType():
                return self._module(found)
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
        return self._native(found)

    def _native(self, found: Any) -> Any:
        """What is built into Python or made in another language; of a method, also whose it is."""
        of = getattr(found, "__self__", None)
        owner = getattr(found, "__objclass__", None)
        where = str(getattr(found, "__module__", None) or getattr(owner, "__module__", ""))
        about = None if of is None or isinstance(of, ModuleType) else self.describe(of)
        return "native", where, str(getattr(found, "__qualname__", found)), about

    def _module(self, found: ModuleType) -> Any:
        """A library by its version; a module of the user's as a whole."""
        if not is_users_module(found):
            return "module", found.__name__, _version(found.__name__)
        members = sorted(vars(found).items())
        parts = [
            (name, self._named(f"{found.__name__}.{name}", value))
            for name, value in members
            if not name.startswith("__")
        ]
        return "module", found.__name__, parts

    def _function(self, function: FunctionType) -> Any:
        if function.__code__ is _DISPATCH:
            registry = vars(function)["registry"].items()
            return "dispatch", [tuple(map(self.describe, one)) for one in registry]
        alone = alone_of(function.__code__)
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
            if name not in NOTED and not isinstance(value, _SLOTS)
        }
        kinds = [self.describe(one) for one in (type(found), *found.__bases__)]
        notes = [(name, self._note(one)) for name, one in annotations(found).items()]
        text = without_addresses(str(found.__doc__))  # some libraries make something of it
        more = notes, self.describe(declared(found)), text
        return "class", found.__name__, kinds, tuple(members.items()), *more

    def _note(self, annotation: Any) -> Any:
        """An annotation, which many libraries make something of."""
        try:
            return self.describe(annotation)
        except NoKeyError:
            return without_addresses(repr(annotation))

    def _code(self, code: CodeType, namespace: Mapping[str, Any]) -> Any:
        alone = alone_of(code)
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
    changed = alone_of(function.__code__).changed
    for name, value in variables.items():
        yield name, _unless_changed(name, value, changed)


def is_users(kind: type) -> bool:
    """Whether a class is of the notebook or of a module beside it."""
    module = sys.modules.get(kind.__module__)
    if module is None or kind.__module__ == "builtins":
        return kind.__module__ != "builtins"
    file = getattr(module, "__file__", None)
    return kind.__module__ == "__main__" or (file is not None and not is_installed(file))


def _no_input(found: Any) -> str:
    """What it is if no value is found by it: a lock, a standard stream, or what is outside."""
    if found is os.environ or any(found is one for one in _shared_generators()):
        return "outside"
    if isinstance(found, _LOCKS):
        return type(found).__name__
    return "stream" if found is not None and any(found is one for one in standard_streams()) else ""


def _shared_generators() -> Iterator[Any]:
    """The generators of random numbers that are behind the functions of their modules."""
    yield getattr(sys.modules.get("random"), "_inst", found := object())
    yield getattr(sys.modules.get("numpy.random.mtrand"), "_rand", found)


def _is_code(found: Any) -> bool:
    kinds = (
        ModuleType, FunctionType, MethodType, partial, type, Task, staticmethod, classmethod,
        property, cached_property, MEMO, *_NATIVE,
    )  # fmt: skip
    return isinstance(found, kinds)


def _referred(alone: Alone, namespace: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The globals that code refers to, and what it may use of the user's modules."""
    for name in alone.globals:
        if name not in namespace:
            if not hasattr(builtins, name):
                yield name, None
            continue
        value = namespace[name]
        if not _is_by_parts(name, value, alone):
            yield name, _unless_changed(name, value, alone.changed)
        yield from _used_of(name, value, alone.names, alone.chain_ends)
    for one in alone.imports:
        found = imported_by(one, namespace)
        yield from _used_of(one.module, found, alone.all_names, alone.chain_ends)
        if found is None and (version := version_of(one)):
            yield one.module, version
        elif found is not None and one.module.partition(".")[0] in alone.chain_ends:
            yield one.module, found


def _enclosed(function: FunctionType, alone: Alone) -> Iterator[tuple[str, Any]]:
    """The variables of functions around `function` that it refers to, likewise."""
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        value = _content(cell)
        if not _is_by_parts(name, value, alone):
            yield name, _unless_changed(name, value, alone.changed)
        yield from _used_of(name, value, alone.all_names, alone.chain_ends)


def _is_by_parts(name: str, value: Any, alone: Alone) -> bool:
    """Whether it is a module of the user's of which code only reads attributes."""
    is_module = isinstance(value, ModuleType) and is_users_module(value)
    return is_module and name not in alone.chain_ends


def _used_of(
    name: str, value: Any, names: frozenset[str], ends: frozenset[str]
) -> Iterator[tuple[str, Any]]:
    """The attributes that code with these `names` may use of `value`, and of modules in it.

    They are those of a function, or of a module of the user's: a name says nothing of what is in
    one, and all that is in it is too much, unless code does more with it than read attributes.
    """
    seen: list[Any] = []
    left = [(name, value)]
    while left:
        name, value = left.pop()
        is_module = isinstance(value, ModuleType) and is_users_module(value)
        if not (is_module or isinstance(value, FunctionType)) or value in seen:
            continue
        seen.append(value)
        for part in sorted(names & vars(value).keys()):
            found = vars(value)[part]
            if part in ends or not (isinstance(found, ModuleType) and is_users_module(found)):
                yield f"{name}.{part}", found
            left.append((f"{name}.{part}", found))


def _unless_changed(name: str, value: Any, changed: frozenset[str]) -> Any:
    """A variable's value; of a container that code only changes, its type."""
    return type(value) if name in changed and type(value) in _CONTAINERS else value


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not bound yet
        return None


def _version(module: str) -> str:
    top = sys.modules.get(module.partition(".")[0])
    return str(getattr(top, "__version__", ""))
