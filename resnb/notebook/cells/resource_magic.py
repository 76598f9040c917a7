"""``%%resource``: define a resource by a cell, as a generator body or a class."""

import ast
from contextlib import ExitStack
from typing import Any

from resnb.errors import MagicError
from resnb.graph.flow import Flow
from resnb.graph.resources.resource import ResourceManager
from resnb.graph.resources.scope import Scope
from resnb.ledger.kernel.keeper import KEEPER
from resnb.notebook.cells.cell_code import cached, compiled, translated
from resnb.notebook.cells.cell_scopes import dependants_of, redefine_scope
from resnb.notebook.cells.flow_magic import close_replaced
from resnb.notebook.cells.generators import generator_function
from resnb.notebook.cells.namespace import restored_on_error
from resnb.notebook.cells.resource_bodies import GeneratorBody, resource_body
from resnb.notebook.closing import is_running
from resnb.notebook.lines.parsed import ResourceLine, parse_resource_line
from resnb.notebook.session import Session
from resnb.notebook.tracebacks import cell_being_compiled
from resnb.run.memory import memory_of
from resnb.syntax.body import FUTURE, GeneratorSource


def resource_cell(shell: Any, session: Session, line: str, cell: str) -> None:
    """Carry out a ``%%resource`` cell.

    Args:
        shell: IPython's shell.
        session: the notebook's flows.
        line: the text after ``%%resource``.
        cell: the body.
    """
    parsed = parse_resource_line(line)
    namespace = session.namespace
    old = namespace.get(parsed.name)
    if old is not None and not isinstance(old, ResourceManager):
        raise MagicError(
            f"%%resource {parsed.name}: the variable {parsed.name!r} holds a "
            f"value of type {type(old).__name__}; choose another name, or del {parsed.name} first"
        )
    with restored_on_error(namespace):
        manager = _defined(shell, parsed, line, cell, namespace)
        namespace[parsed.name] = manager
        changed = _redefine_scopes(session, old, manager) if old is not None else {}
    if old is not None:
        _close(changed, old)


def _defined(
    shell: Any, parsed: ResourceLine, line: str, cell: str, namespace: dict[str, Any]
) -> ResourceManager:
    name = parsed.name
    with cell_being_compiled(shell):
        python = translated(shell, cell)
        filename = cached(shell, f"# %%resource {line.strip()}\n{python}")
        module = ast.parse("\n" + python, filename)  # line numbers are those of the cell
        body = resource_body(python, name, parsed.parameters)
        if isinstance(body, GeneratorBody):
            module = generator_function(python, name, parsed.parameters, filename)
        elif body.is_async:
            raise MagicError(
                f"%%resource {name}: the body awaits beside its class: await inside "
                "`async def setup(self)`"
            )
        code = compiled(shell, module, filename)
    exec(code, namespace)  # noqa: S102 - the user's own cell
    if isinstance(body, GeneratorBody):
        definition = namespace.pop(name)
        definition.__resnb_body__ = GeneratorSource(
            python,
            filename,
            first_line=2,
            parameters=tuple(one.name for one in parsed.parameters),
            flags=definition.__code__.co_flags & FUTURE,
        )
    else:
        definition = namespace[body.class_name]
    options: dict[str, Any] = dict(parsed.options)
    manager = ResourceManager(definition, name=name, **options)
    if parsed.dies_with_kernel:
        manager.resource_class.dies_with_kernel = True  # type: ignore[attr-defined]
    return manager


def _redefine_scopes(
    session: Session, old: ResourceManager, new: ResourceManager
) -> dict[Flow, list[Scope]]:
    """Let the scopes of cells use the new definition, all or none; returns them by flow."""
    changed: dict[Flow, list[Scope]] = {}
    with ExitStack() as transactions:
        for cells in session.cells():
            transactions.enter_context(cells.flow.transaction())
            changed[cells.flow] = []
            for one in cells.shared.values():
                if one.scope.manager.definition is old.definition:
                    redefine_scope(cells.flow, one, _with_options(new, one.scope, old))
                    changed[cells.flow].append(one.scope)
    return changed


def _close(changed: dict[Flow, list[Scope]], old: ResourceManager) -> None:
    """Clean up what is open by its old recipe; a run closes what it uses when it ends."""
    for flow, scopes in changed.items():
        if not is_running(flow):
            memory_of(flow).forget(dependants_of(flow, scopes))
            close_replaced(flow, scopes)
    KEEPER.retire(old.resource_class)


def _with_options(new: ResourceManager, scope: Scope, old: ResourceManager) -> ResourceManager:
    """The new definition with the options that the scope gave to the old one."""
    given = {
        name: value
        for name, value in scope.options._asdict().items()
        if value != getattr(old.scope_options, name)
    }
    return new.options(**given) if given else new
