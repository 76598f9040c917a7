"""The rehearsal of a recipe: whether a clean-up would find all that it refers to. Nothing is run.

A clean-up's process loads this file by its path, so it imports only the standard library and
`code_references`, which is loaded likewise. From
``cleanup``, ``attach`` and ``find`` the walk follows what their code refers to, through functions,
classes and objects of the user's: global names have to be defined, modules that are imported late
have to be there (they are looked for, and not imported), and attributes of modules and of objects
that are known have to exist. What code asks for before it uses it (``hasattr``, ``except
ImportError``) may be missing.
"""

import builtins
import dis
import importlib.util
import inspect
import os
import sys
import types
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache, partial
from pathlib import PurePath
from typing import Any, NamedTuple

from resnb.ledger.reaper.code_references import Reference, parameters_of, references_in, stored_by

_MOST_CODE = 2000
_MOST_ITEMS = 100
_SHOWN = 3
_PLAIN = (str, bytes, bytearray, int, float, complex, bool, type(None), type(Ellipsis), PurePath)
_NOT_FOR_CLEANUP = frozenset({"setup", "ready", "handle"})
_MADE = frozenset({"__init__", "__new__", "__post_init__", "__call__"})
_IMPLICIT = frozenset({
    "__enter__", "__exit__", "__aenter__", "__aexit__", "__iter__", "__next__", "__await__",
})  # fmt: skip
_MISSING: Any = object()
_UNKNOWN: Any = object()


class Fault(NamedTuple):
    """Something that is missing."""

    text: str
    excuse: tuple[Any, ...]  # what makes it no fault, should the walk come across that


def faults_of(manager: Any, handle: Any, resolved: Callable[[Any], Any]) -> tuple[str, str]:
    """Why a clean-up would fail that has a recipe and a handle, and why ``find`` would.

    Args:
        manager: the recipe, as it was loaded.
        handle: the handle, likewise.
        resolved: gives what an awaitable results in.

    Returns:
        Both reasons, each empty if nothing was found to be missing.
    """
    own = getattr(manager, "__resnb_code__", None)
    methods: Mapping[str, tuple[Any, Mapping[str, Any]]] = own(handle) if own is not None else {}
    resource: Any = _UNKNOWN
    if own is None:
        attach = getattr(manager, "attach", None)
        if attach is None:
            resource = handle
        elif getattr(manager, "rehearse_attach", False):
            try:
                resource = resolved(attach(handle))
            except Exception as error:  # noqa: BLE001 - the user's code
                raised = f"attach() raised {type(error).__name__}: {str(error).lstrip()}"
                return raised.splitlines()[0].removesuffix(": "), ""
        if not callable(getattr(manager, "cleanup", None)):
            return f"{_kind(type(manager))} has no cleanup", ""
    walks = {}
    for about in (("cleanup", "attach"), ("find",)):
        walk = walks[about] = _Walk(manager)
        for name in about:
            if name in methods:
                function, values = methods[name]
                walk.enter(function, values)
            elif own is None and callable(getattr(manager, name, None)):
                walk.method(name, resource if name == "cleanup" else _UNKNOWN)
        walk.finish()
    once_open, finding = (walk.text() for walk in walks.values())
    return once_open, finding


class _Walk:
    """What some methods refer to, and what is missing of that."""

    def __init__(self, manager: Any) -> None:
        self._manager = manager
        self._faults: list[Fault] = []
        self._seen: dict[Any, object] = {}  # also keeps what was seen, so that no id is used again
        self._classes: dict[type, bool] = {}  # whether the code makes instances
        self._names: set[str] = set()  # of attributes and globals
        self._known: set[tuple[Any, ...]] = set()
        self._codes = 0

    def text(self) -> str:
        """The first faults in one line."""
        found = [one.text for one in self._faults if one.excuse not in self._known]
        return "; ".join(list(dict.fromkeys(found))[:_SHOWN])

    def method(self, name: str, argument: Any) -> None:
        """Follow a method of the manager, which is called with an argument."""
        found = getattr(self._manager, name)
        function = getattr(found, "__func__", found)
        if isinstance(function, types.FunctionType):
            self.enter(function, _arguments(function, [self._manager, argument]))
        else:
            self._reach(found)

    def finish(self) -> None:
        """Follow the methods of classes whose names have turned up, until there are no more."""
        done: set[tuple[type, str]] = set()
        while True:
            wanted = [
                (kind, name, member)
                for kind, is_made in list(self._classes.items())
                for name, member in list(vars(kind).items())
                if (kind, name) not in done and self._is_called(kind, name, is_made=is_made)
            ]
            if not wanted:
                return
            for kind, name, member in wanted:
                done.add((kind, name))
                self._reach_member(member)

    def _is_called(self, kind: type, name: str, *, is_made: bool) -> bool:
        if name in _NOT_FOR_CLEANUP and isinstance(self._manager, kind):
            return False
        return name in self._names or name in _IMPLICIT or (is_made and name in _MADE)

    # ---- code

    def enter(self, function: Any, values: Mapping[str, Any] | None = None) -> None:
        """Follow what a function refers to.

        Args:
            function: the function.
            values: what its parameters are, as far as that is known.
        """
        key = (function.__code__, id(function.__globals__), *map(id, (values or {}).values()))
        if key in self._seen or self._codes >= _MOST_CODE:
            return
        self._seen[key] = (function, values)
        known = dict(values or {})
        for name, cell in zip(
            function.__code__.co_freevars, function.__closure__ or (), strict=True
        ):
            with suppress(ValueError):  # not assigned yet
                known.setdefault(name, cell.cell_contents)
        self._follow(function.__code__, function.__globals__, known, function.__name__)
        for default in (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()):
            self._reach(default)

    def _follow(
        self, code: types.CodeType, names: dict[str, Any], known: Mapping[str, Any], where: str
    ) -> None:
        self._codes += 1
        self._names.update(code.co_names)
        rebound: set[str] = set()
        for one in dis.get_instructions(code):
            if one.opname in ("STORE_GLOBAL", "STORE_NAME"):
                self._known.add(("global", id(names), one.argval))
            elif one.opname == "STORE_ATTR":
                self._known.add(("attribute", one.argval))
            else:
                rebound.update(stored_by(one))
        for constant in code.co_consts:
            if isinstance(constant, str):  # as in hasattr(thing, "name")
                self._known |= {("attribute", constant), ("global", id(names), constant)}
        known = {name: value for name, value in known.items() if name not in rebound}
        for reference in references_in(code):
            self._refer(reference, names, known, f"{where}()")
        for constant in code.co_consts:
            if isinstance(constant, types.CodeType):
                own = constant.co_varnames[: parameters_of(constant)]
                inner = {name: value for name, value in known.items() if name not in own}
                self._follow(constant, names, inner, where)

    def _refer(
        self, one: Reference, names: dict[str, Any], known: Mapping[str, Any], where: str
    ) -> None:
        if one.kind == "import":
            self._import(one, names, where)
            return
        if one.kind == "local":
            value = known.get(one.name, _UNKNOWN)
        else:
            value = names.get(one.name, vars(builtins).get(one.name, _MISSING))
        if value is _MISSING:
            if "NameError" not in one.caught and not one.name.startswith("__"):
                text = f"{where} uses {one.name!r}, which is not defined"
                self._faults.append(Fault(text, ("global", id(names), one.name)))
            return
        for attribute in one.attributes:
            found = _looked_up(value, attribute)
            if found is _MISSING:
                if "AttributeError" not in one.caught:
                    self._faults.append(_without(value, attribute, where))
                return
            if value is not _UNKNOWN and isinstance(found, types.FunctionType):
                is_method = not isinstance(value, types.ModuleType | type)
                values = _arguments(found, [value]) if is_method else {}
                if _is_users(found.__module__):
                    self.enter(found, values)
                return
            value = found
        self._reach(value)

    def _import(self, one: Reference, names: dict[str, Any], where: str) -> None:
        name = "." * one.level + one.name
        is_resolved = not one.level
        if one.level:
            package = names.get("__package__") or names.get("__name__", "").rpartition(".")[0]
            with suppress(ImportError):
                name = importlib.util.resolve_name(name, package)
                is_resolved = True
        self._known |= {("module", name.rsplit(".", up)[0]) for up in range(name.count(".") + 1)}
        if one.caught & {"ImportError", "ModuleNotFoundError"}:
            return
        code = _found(name) if is_resolved else _MISSING
        if code is _MISSING:
            self._faults.append(Fault(f"{where} imports {name!r}, which is not there", ()))
            return
        for wanted in one.attributes:
            if not _has(name, code, wanted):
                text = f"{where} imports {wanted!r} of {name!r}, which has no such name"
                self._faults.append(Fault(text, ()))

    # ---- objects

    def _reach(self, value: Any) -> None:
        """Follow an object that some code refers to."""
        if value is _UNKNOWN or isinstance(value, (*_PLAIN, types.ModuleType)):
            return
        if id(value) in self._seen:
            return
        self._seen[id(value)] = value
        if isinstance(value, types.FunctionType):
            if _is_users(value.__module__):
                self.enter(value)
        elif isinstance(value, types.MethodType):
            self.enter(value.__func__, _arguments(value.__func__, [value.__self__]))
        elif isinstance(value, partial):
            self._reach(value.func)
        elif isinstance(value, type):
            self._class(value, is_made=True)
        else:
            if _is_users(type(value).__module__):
                self._class(type(value), is_made=False)
            for one in _inside(value):
                self._reach(one)

    def _reach_member(self, member: Any) -> None:
        """Follow what a class has under some name."""
        if isinstance(member, staticmethod | classmethod):
            member = member.__func__
        if isinstance(member, property):
            for one in (member.fget, member.fset, member.fdel):
                self._reach(one)
        else:
            self._reach(member)

    def _class(self, kind: type, *, is_made: bool) -> None:
        for one in kind.__mro__:
            if _is_users(one.__module__):
                self._classes[one] = self._classes.get(one, False) or is_made


def _inside(value: Any) -> list[Any]:
    """What a container, or an object of the user's, holds."""
    if isinstance(value, list | tuple | set | frozenset):
        return list(value)[:_MOST_ITEMS]
    if isinstance(value, dict):
        return list(value.values())[:_MOST_ITEMS]
    users = _is_users(type(value).__module__)
    return list(getattr(value, "__dict__", {}).values()) if users else []


def _arguments(function: Any, values: list[Any]) -> dict[str, Any]:
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    return {name: one for name, one in zip(names, values, strict=False) if one is not _UNKNOWN}


# ---- objects, looked at without running their code


def _looked_up(value: Any, name: str) -> Any:  # noqa: PLR0911 - a table of cases
    """An attribute's value, `_MISSING` if there is none, `_UNKNOWN` where only running tells."""
    if value is _UNKNOWN:
        return _UNKNOWN
    if isinstance(value, types.ModuleType):
        if "__getattr__" in vars(value) or type(value) is not types.ModuleType:
            return vars(value).get(name, _UNKNOWN)
        return vars(value).get(name, _MISSING)
    kind = value if isinstance(value, type) else type(value)
    if isinstance(value, type):
        if type(value) is not type:
            return _UNKNOWN
    elif kind.__module__ != "builtins" and (
        any("__getattribute__" in vars(one) for one in kind.__mro__[:-1])
        or hasattr(kind, "__getattr__")
    ):
        return _UNKNOWN
    found = inspect.getattr_static(value, name, _MISSING)
    if isinstance(found, types.MemberDescriptorType):  # of a class with slots
        try:
            return getattr(value, name)
        except AttributeError:
            return _MISSING
    if isinstance(found, staticmethod):
        return found.__func__
    return _UNKNOWN if hasattr(type(found), "__get__") and not inspect.isfunction(found) else found


def _without(value: Any, attribute: str, where: str) -> Fault:
    if isinstance(value, types.ModuleType):
        text = f"{where} uses {attribute!r} of module {value.__name__!r}, which has no such name"
        return Fault(text, ("module", f"{value.__name__}.{attribute}"))
    kind = value if isinstance(value, type) else type(value)
    what = kind.__name__ if isinstance(value, type) else _kind(kind)
    text = f"{where} uses {attribute!r} of {what}, which has no such attribute"
    return Fault(text, ("attribute", attribute))


def _kind(kind: type) -> str:
    return f"{'an' if kind.__name__[:1].lower() in 'aeiou' else 'a'} {kind.__name__}"


# ---- modules, looked for without importing them


def _found(name: str) -> Any:
    """The code of a module that is not imported; None if it has none, `_MISSING` if it is gone."""
    path: Any = None
    spec: Any = None
    for number in range(name.count(".") + 1):
        part = ".".join(name.split(".")[: number + 1])
        if part in sys.modules:
            path, spec = getattr(sys.modules[part], "__path__", ()), None
            continue
        spec = None
        for finder in sys.meta_path:
            find = getattr(finder, "find_spec", None)
            try:
                spec = find(part, path) if find is not None else None
            except Exception:  # noqa: BLE001 - whoever's finder this is, it cannot tell
                return None
            if spec is not None:
                break
        if spec is None:
            return _MISSING
        path = spec.submodule_search_locations or ()
    if spec is None or not _is_in_own_folder(spec.origin or ""):
        return None
    with suppress(Exception):
        return spec.loader.get_code(name)
    return None


def _has(module: str, code: Any, name: str) -> bool:
    """Whether ``from module import name`` works, as far as that can be told."""
    if module in sys.modules:
        found = vars(sys.modules[module])
        return name in found or "__getattr__" in found or _found(f"{module}.{name}") is not _MISSING
    if code is None or name in code.co_names or "__getattr__" in code.co_names:
        return True
    stars = ("IMPORT_STAR", "CALL_INTRINSIC_1")  # of ``from other import *``
    is_open = any(one.opname in stars for one in dis.get_instructions(code))
    return is_open or _found(f"{module}.{name}") is not _MISSING


@cache
def _is_users(module: str) -> bool:
    """Whether a module is of the user's own, rather than of a library."""
    found = sys.modules.get(module)
    if module == "__main__" or found is None:
        return True
    file = getattr(found, "__file__", None)
    return file is not None and not module.startswith("resnb.") and _is_in_own_folder(file)


def _is_in_own_folder(file: str) -> bool:
    if file in ("built-in", "frozen", ""):
        return False
    is_package = "site-packages" in file or "dist-packages" in file
    return not is_package and not file.startswith(os.path.dirname(os.__file__))  # noqa: PTH120
