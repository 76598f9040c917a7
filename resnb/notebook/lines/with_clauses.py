"""One ``--with RESOURCE[(args)] [as VAR]`` of a ``%%flow`` line.

The resource is a name, perhaps dotted, perhaps with ``.options(...)`` before its arguments and
``.as_executor()`` after them, or with ``.map`` before them: so that a scope has a name without
``as VAR``, and two clauses can be compared as text.
"""

import ast
from dataclasses import dataclass

from resnb.errors import MagicError
from resnb.notebook.lines.names import identifier
from resnb.notebook.lines.python_source import expression, normalised, python_fault, quoted
from resnb.notebook.lines.scanning import Scanner
from resnb.syntax.scoping import names_read

_BRACKETS = "([{"
_NAME = r"[^\W\d]\w*"


@dataclass(frozen=True)
class WithClause:
    """One ``--with`` clause.

    Attributes:
        resource_source: the manager: ``Cluster``, ``pkg.Cluster`` or ``Cluster.options(ttl="2h")``.
        arguments_source: the text between the brackets; None without brackets. The difference
            matters only for a scope that exists already: without brackets the cell joins it, with
            empty ones it asks for a scope without arguments.
        call_source: the whole call, as Python itself would write it, for comparing.
        variable: the name after ``as``.
        executes: whether the resource runs the cell's tasks: ``Cluster(n=2).as_executor()``.
        mapped: whether there is a resource for each item: ``Database.map(urls)``.
    """

    resource_source: str
    arguments_source: str | None
    call_source: str
    variable: str | None = None
    executes: bool = False
    mapped: bool = False

    @property
    def name(self) -> str:
        """The scope's name: its variable, else the resource's name."""
        resource = self.resource_source.partition(".options(")[0]
        return self.variable or resource.rpartition(".")[2]

    @property
    def reads(self) -> frozenset[str]:
        """The names that its arguments read."""
        return names_read([ast.parse(f"_({self.arguments_source or ''})")])


def take_with_clause(scanner: Scanner, owner: str = "--with") -> WithClause:
    """Read a clause; `owner` is what takes it, for errors.

    Raises:
        MagicError: it is not a clause.
    """
    before = scanner.rest
    source = scanner.take(_NAME) or ""
    while source and (more := scanner.group() or scanner.take(rf"\.{_NAME}")):
        source += more
    fault = python_fault(source)
    if fault and source.endswith(")"):
        raise MagicError(f"{quoted(source)} is no valid Python: {fault.reason}")
    if fault or scanner.rest.startswith((".", "[", "(")):
        raise _no_resource(owner, before)
    call, executes = expression(source), False
    match call:
        case ast.Call(ast.Attribute(ast.Call() as inner, "as_executor"), [], []):
            call, executes = inner, True
    resource, arguments = call, None
    if isinstance(call, ast.Call) and not _is_options(call):
        resource = call.func
        arguments = _segment(source, call)[len(_segment(source, resource)) :].strip()[1:-1].strip()
    mapped = isinstance(resource, ast.Attribute) and resource.attr == "map"
    if isinstance(resource, ast.Attribute) and mapped:
        resource = resource.value
    if not _is_resource(resource):
        raise _no_resource(owner, before)
    name = _segment(source, resource)
    if mapped and arguments is None:
        raise MagicError(
            f"{quoted(before)} lacks what to map over: write {name}.map(...), or {name} to join "
            "the scope"
        )
    normal = normalised(source if arguments is not None else f"{source}()")
    return WithClause(name, arguments, normal, _variable(scanner), executes, mapped)


def take_map_clause(scanner: Scanner) -> tuple[str, str]:
    """Read ``VAR in ITEMS`` after ``--map``.

    ITEMS is a name or something in brackets, with calls, items and attributes of it after that;
    whatever else stands in brackets, so that one can see where the options go on.

    Raises:
        MagicError: it is not that.
    """
    before = scanner.rest
    item = identifier(scanner.take(_NAME) or "")
    source = ""
    if item is not None and scanner.take(r"in(?=\s|\()"):
        source = scanner.take(_NAME) or scanner.group(_BRACKETS) or ""
        while source and (more := scanner.group("([") or scanner.take(rf"\.{_NAME}")):
            source += more
    fault = python_fault(source)
    if item is None or not source or fault:
        raise MagicError(
            "--map takes VAR in ITEMS, such as `--map x in xs` or `--map x in [1, 2]`, not "
            f"{quoted(before)}"
        )
    if scanner.rest and not scanner.rest.startswith("--"):
        raise MagicError(
            f"--map {item} in {source} goes on with {quoted(scanner.rest)}: put all that it is "
            f"mapped over into brackets, such as ({source} + more)"
        )
    return item, source


def _is_options(node: ast.expr) -> bool:
    """Whether this is ``Resource.options(...)``."""
    match node:
        case ast.Call(ast.Attribute(resource, "options")):
            return _is_resource(resource)
    return False


def _is_resource(node: ast.expr) -> bool:
    """Whether this is a resource's name, perhaps dotted, perhaps with options."""
    if isinstance(node, ast.Attribute):
        return node.attr != "as_executor" and _is_resource(node.value)
    return isinstance(node, ast.Name) or _is_options(node)


def _segment(source: str, node: ast.expr) -> str:
    return ast.get_source_segment(source, node) or ""


def _no_resource(owner: str, text: str) -> MagicError:
    what = f", not {quoted(text)}" if text else ""
    return MagicError(
        f"{owner} takes a resource's name and its arguments{what}; "
        "give it a name in a %%resource cell, or by an assignment"
    )


def _variable(scanner: Scanner) -> str | None:
    if scanner.take(r"as(?=\s|#|$)") is None:
        return None
    text = "" if scanner.rest.startswith("--") else scanner.take(r"[^\s#]+") or ""
    name = identifier(text)
    if name is None:
        reason = f"{quoted(text)} is none" if text else "there is none"
        raise MagicError(f"after `as` stands a variable: {reason}")
    return name
