"""Running a generator's clean-up by itself: the code after the yield, with the variables it uses.

The pickle contains the generator's source and the names that its clean-up needs. If the function is
from an importable module, the names are looked up there; otherwise their values at the time of
pickling are included.
"""

import ast
import linecache
import sys
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from importlib import import_module
from pathlib import PurePath
from types import FunctionType
from typing import Any

from resnb.errors import LedgerError
from resnb.syntax.body import GeneratorSource, SplitBody, split_body
from resnb.syntax.functions import function_of
from resnb.syntax.meaning import variables_from

_PLAIN = (str, bytes, bool, int, float, type(None), PurePath)
_LONGEST = 64 * 1024
_EXPRESSION = ""
"""The name of what is yielded by an expression that is no variable."""


class Variables(dict[str, Any]):
    """The values of the clean-up's variables."""

    __resnb_no_value__ = (
        "only the kernel that opened it knows what its cell yields: yield a variable, or define "
        "handle and attach"
    )


class GeneratorHandle:
    """The handle of an open generator.

    Attributes:
        variables: values of the clean-up's variables.
        own: a tuple with the result of the body's own ``handle``; empty if it has none.
        yielded: values of other yielded variables, or of a plain value that is no variable, by
            the empty name; another kernel can do without them.
    """

    def __init__(
        self,
        variables: dict[str, Any],
        own: tuple[Any, ...] = (),
        yielded: Mapping[str, Any] | None = None,
    ) -> None:
        self.variables = variables
        self.own = own
        self.yielded = dict(yielded or {})

    def __resnb_values__(self) -> Mapping[str, Any]:
        """Its parts, by their names in errors."""
        own = {"what handle() returned": self.own[0]} if self.own else {}
        return {**{f"variable {name!r}": one for name, one in self.variables.items()}, **own}

    def __resnb_lesser__(self) -> "GeneratorHandle":
        """A handle with only what the clean-up needs."""
        return GeneratorHandle(self.variables, self.own)


class SplitRecipe:
    """Cleans up what a generator made, without the generator.

    Args:
        name: the resource's name.
        body: the generator's source.
        names: the namespace that it runs in.
        given: the values of its parameters and of its closure's variables.
        module: the module with that namespace, if another process can import it.

    Raises:
        LedgerError: the body cannot be split.
    """

    lease: Any = None
    _variables: Variables | None = None

    def __init__(
        self,
        name: str,
        body: GeneratorSource,
        names: dict[str, Any],
        given: Mapping[str, Any],
        module: str = "",
    ) -> None:
        split = split_body(body)
        if not isinstance(split, SplitBody):
            raise LedgerError(split.reason)
        self._name, self._body, self._split = name, body, split
        self._names, self._given, self._module = names, given, module

    # ---- for the ledger

    def __getstate__(self) -> dict[str, Any]:
        lines = [] if self._module else linecache.getlines(self._body.filename)
        return {
            "name": self._name,
            "body": self._body,
            "names": self._captured(),
            "given": self._used(),
            "module": self._module,
            "lines": lines,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        module, lines, body = state["module"], state["lines"], state["body"]
        if lines:  # for tracebacks in another process
            entry = (sum(map(len, lines)), None, lines, body.filename)
            linecache.cache.setdefault(body.filename, entry)
        names = vars(import_module(module)) if module else {"__name__": "__main__"} | state["names"]
        self.__init__(state["name"], body, names, state["given"], module)  # type: ignore[misc]

    def __resnb_values__(self) -> Mapping[str, Any]:
        """The values in its pickle, by their names in errors."""
        given = {f"argument {name!r}": value for name, value in self._used().items()}
        return {**given, **{f"name {name!r}": one for name, one in self._captured().items()}}

    @property
    def missing(self) -> tuple[str, ...]:
        """The names that it needs and that are not defined (yet)."""
        import builtins

        found = (*self._names, *self._given, *vars(builtins), "lease")
        return tuple(sorted(self._needed(optional=False).difference(found)))

    def attach(self, handle: Any) -> Any:
        """Rebuild what was yielded, from an open generator's handle or from a recorded value.

        Where that is not known, the result is `Variables`. The clean-up has its variables anyway.
        """
        attach = self._method("attach") if "attach" in self._split.methods else _unchanged
        if not isinstance(handle, GeneratorHandle):
            return _then(attach(handle), self._rebuilt)
        if not handle.own:
            self._variables = Variables(handle.variables)
            return self._yielded({**handle.yielded, **handle.variables})
        return _then(attach(handle.own[0]), partial(self._rebuilt, known=handle.variables))

    def find(self, lease_id: str) -> Any:
        """Call the body's own ``find``."""
        return self._method("find")(lease_id)

    def cleanup(self, resource: Any) -> Any:
        """Run the code after the yield; returns a coroutine if that awaits.

        Args:
            resource: what `attach` returned or `find` found; see `resnb.syntax.meaning`.
        """
        variables = self._variables
        if variables is None:
            variables = resource if isinstance(resource, Variables) else self._meant(resource)
        function, values = self._function(variables)
        return function(**values)

    # ---- for the kernel

    @property
    def can_find(self) -> bool:
        """Whether the body has a ``find`` that can be called by itself."""
        find = self._split.methods.get("find")
        return find is not None and not find.fault

    def handle(self, local_names: Mapping[str, Any], resource: Any) -> GeneratorHandle:
        """The handle of an open generator with these local variables."""
        variables, yielded = self.variables(local_names), self._split.yielded
        if "handle" in self._split.methods:
            others = {
                name: value
                for name, value in variables.items()
                if name not in yielded and value is not resource
            }
            return GeneratorHandle(others, (local_names["handle"](resource),))
        rest = {name: local_names[name] for name in yielded if name not in variables}
        if not yielded and isinstance(resource, _PLAIN) and len(str(resource)) <= _LONGEST:
            rest[_EXPRESSION] = resource
        return GeneratorHandle(dict(variables), (), rest)

    def variables(self, local_names: Mapping[str, Any]) -> Variables:
        """The clean-up's variables among the generator's local ones."""
        wanted = self._split.parts.variables - ({"lease"} if self._body.has_lease else set())
        return Variables({name: local_names[name] for name in wanted if name in local_names})

    # ---- for a rehearsal

    def __resnb_code__(self, handle: Any) -> dict[str, tuple[FunctionType, dict[str, Any]]]:
        """The functions that run outside the kernel, with what is known of their arguments."""
        is_own = isinstance(handle, GeneratorHandle)
        function, values = self._function(handle.variables if is_own else {})
        known = {name: one for name, one in values.items() if one is not None}
        others = [name for name in ("attach", "find") if name in self._split.methods]
        return {
            "cleanup": (function, known),
            **{name: (self._maker(name)[0], {}) for name in others},
        }

    def __resnb_names__(self) -> tuple[Mapping[str, Any], frozenset[str]]:
        """The namespace that it takes names from, and those that it may need."""
        needed = frozenset[str]() if self._module else self._needed() - self._given.keys()
        return self._names, needed

    # ---- inside

    def _function(self, variables: Mapping[str, Any]) -> tuple[FunctionType, dict[str, Any]]:
        """The code after the yield as a function, and its arguments."""
        split = self._split.parts
        values = {**self._given, "lease": self.lease, **variables}
        around = (split.outer_names | split.named) & self._given.keys()
        wanted = sorted(split.variables | around)
        function = function_of(
            self._body,
            split.cleanup,
            self._name,
            wanted,
            self._names,
            unbound=[name for name in wanted if name not in values],
            is_async=split.cleanup_is_async,
        )
        return function, {name: values.get(name) for name in wanted}

    def _rebuilt(self, value: Any, known: Mapping[str, Any] | None = None) -> Any:
        self._variables = self._meant(value, known)
        return value

    def _yielded(self, values: Mapping[str, Any]) -> Any:
        names = self._split.yielded
        if _EXPRESSION in values:
            return values[_EXPRESSION]
        if not names or not values.keys() >= set(names):
            return self._variables
        found = tuple(values[name] for name in names)
        return found if self._split.unpacked else found[0]

    def _meant(self, value: Any, known: Mapping[str, Any] | None = None) -> Variables:
        return Variables(variables_from(self._name, self._split, value, known))

    def _method(self, name: str) -> Callable[..., Any]:
        make, given = self._maker(name)
        made: Callable[..., Any] = make(**given)
        return made

    def _maker(self, name: str) -> tuple[FunctionType, dict[str, Any]]:
        """What makes one of the body's own functions, and its arguments."""
        method = self._split.methods[name]
        given = {**self._given, "lease": self.lease}
        wanted = sorted((method.parameters | method.outer_names) & given.keys())
        statements = (*method.statements, ast.Return(ast.Name(name, ast.Load())))
        make = function_of(self._body, statements, self._name, wanted, self._names)
        return make, {one: given[one] for one in wanted}

    def _needed(self, *, optional: bool = True) -> frozenset[str]:
        """The names that it needs, or may need, apart from what set-up makes."""
        split, methods = self._split.parts, self._split.methods
        taken = [methods[name] for name in ("attach", "find") if name in methods]
        return split.outer_names.union(
            split.variables.difference(self._split.made),
            split.named if optional else (),
            *(one.parameters | one.outer_names for one in taken),
        )

    def _used(self) -> dict[str, Any]:
        needed = self._needed()
        return {name: value for name, value in self._given.items() if name in needed}

    def _captured(self) -> dict[str, Any]:
        """The values that another process cannot get from the module."""
        needed = () if self._module else sorted(self._needed() - self._given.keys())
        return {name: self._names[name] for name in needed if name in self._names}


def _unchanged(value: Any) -> Any:
    return value


def _then(value: Any, function: Callable[[Any], Any]) -> Any:
    """Apply `function` to `value`, or to its result if it can be awaited."""
    if not isinstance(value, Awaitable):
        return function(value)

    async def awaited() -> Any:
        return function(await value)

    return awaited()


def importable_module(function: Callable[..., Any]) -> str:
    """The name of the module of `function` if another process can import it; else empty."""
    assert isinstance(function, FunctionType)
    module = sys.modules.get(function.__module__)
    is_its_own = module is not None and vars(module) is function.__globals__
    importable = function.__module__ != "__main__" and getattr(module, "__spec__", None) is not None
    return function.__module__ if is_its_own and importable else ""
