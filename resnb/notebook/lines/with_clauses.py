"""One ``--with RESOURCE[(args)] [as VAR]`` of a ``%%flow`` line.

The resource is a name, perhaps dotted, perhaps with ``.options(...)`` before its arguments and
``.as_executor()`` after them, or with ``.map`` before them: so that a scope has a name without
``as VAR``, and two clauses can be compared as text.
"""

from dataclasses import dataclass
from keyword import iskeyword

from resnb.notebook.lines.lexing import normalised, python_fault, shown
from resnb.notebook.lines.names import identifier
from resnb.notebook.lines.scanning import Scanner

_DOTTED = r"[^\W\d]\w*(?:\.[^\W\d]\w*)*"
_OPTIONS = ".options"
_MAP = ".map"
_EXECUTOR = ".as_executor"
_AS_EXECUTOR = r"\.as_executor\(\s*\)"


@dataclass(frozen=True)
class WithClause:
    """One ``--with`` clause.

    Attributes:
        resource_source: the manager: ``Cluster``, ``pkg.Cluster`` or ``Cluster.options(ttl="2h")``.
        arguments_source: the text between the brackets; None without brackets. The difference
            matters only for a scope that is there already: without brackets it is joined, with
            empty ones it is asked for without arguments.
        call_source: the whole call, as Python itself would write it, for comparing.
        variable: what stands after ``as``.
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
        """What the scope is known by: its variable, else the resource's name."""
        resource = self.resource_source.partition(f"{_OPTIONS}(")[0]
        return self.variable or resource.rpartition(".")[2]


def take_with_clause(scanner: Scanner) -> WithClause:
    """Read what stands after ``--with``.

    Raises:
        MagicError: it is no clause.
    """
    before = scanner.rest
    resource = scanner.take(_DOTTED) or ""
    if not resource or any(iskeyword(part) for part in resource.split(".")):
        at = f", not {shown(before)}" if before else ""
        raise scanner.error(f"--with takes the name of a resource{at}")
    if resource.endswith(_OPTIONS) and resource != _OPTIONS:
        resource += scanner.group() or ""
        mapped = scanner.take(r"\.map(?=\s*\()") is not None
    else:
        mapped = resource.endswith(_MAP)
        resource = resource.removesuffix(_MAP)
    group = scanner.group()
    if mapped and group is None:
        raise scanner.error(
            f"{shown(before)} lacks what to map over: write {resource}{_MAP}(...), or {resource} "
            "to join the scope"
        )
    executes = group is not None and scanner.take(_AS_EXECUTOR) is not None
    if resource.endswith(_EXECUTOR):
        raise scanner.error(
            f"{shown(before)} lacks the resource's arguments: write "
            f"{resource.removesuffix(_EXECUTOR)}(){_EXECUTOR}()"
        )
    if scanner.rest.startswith((".", "[", "(")):
        raise scanner.error(
            f"--with takes a resource's name and its arguments, not {shown(before)}; "
            "give it a name in a %%resource cell, or by an assignment"
        )
    method = _MAP if mapped else ""
    call = f"{resource}{method}{group or '()'}{f'{_EXECUTOR}()' if executes else ''}"
    if fault := python_fault(call):
        raise scanner.error(f"{shown(call)} is no valid Python: {fault}")
    arguments = None if group is None else group[1:-1].strip()
    variable = _variable(scanner)
    return WithClause(resource, arguments, normalised(call), variable, executes, mapped)


def _variable(scanner: Scanner) -> str | None:
    if scanner.take(r"as(?=\s|#|$)") is None:
        return None
    text = "" if scanner.rest.startswith("--") else scanner.take(r"[^\s#]+") or ""
    name = identifier(text)
    if name is None:
        said = f"{shown(text)} is none" if text else "there is none"
        raise scanner.error(f"after `as` stands a variable: {said}")
    return name


__all__ = ["WithClause", "take_with_clause"]
