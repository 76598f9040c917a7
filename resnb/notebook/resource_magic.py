"""``%%resource``: define a resource by a cell, as a generator body or a class."""

import ast
from typing import Any

from resnb.errors import MagicError
from resnb.graph.resource import ResourceManager
from resnb.ledger.keeper import KEEPER
from resnb.notebook.cell_code import cached, run_module, translated
from resnb.notebook.cell_scopes import SharedScope, redefined
from resnb.notebook.flow_magic import close_scopes
from resnb.notebook.generators import generator_function
from resnb.notebook.lines import ResourceLine, parse_resource_line
from resnb.notebook.namespace import Restored
from resnb.notebook.resource_bodies import ClassBody, resource_body
from resnb.notebook.session import Session


def resource_cell(shell: Any, session: Session, line: str, cell: str) -> None:
    """Carry out a ``%%resource`` cell.

    Args:
        shell: IPython's shell.
        session: the notebook's flows.
        line: what stands after ``%%resource``.
        cell: the body.
    """
    parsed = parse_resource_line(line)
    namespace = session.namespace
    held = namespace.get(parsed.name)
    if held is not None and not isinstance(held, ResourceManager):
        raise MagicError(
            f"%%resource {parsed.name}: the variable {parsed.name!r} holds a "
            f"{type(held).__name__}; choose another name, or del {parsed.name} first"
        )
    with Restored(namespace):
        manager = _defined(shell, parsed, line, cell, namespace)
        namespace[parsed.name] = manager
        if held is not None:
            _replace(session, held, manager)


def _defined(
    shell: Any, parsed: ResourceLine, line: str, cell: str, namespace: dict[str, Any]
) -> ResourceManager:
    python = translated(shell, cell)
    body = resource_body(python, parsed.name, parsed.parameters)
    filename = cached(shell, f"# %%resource {line.strip()}\n{python}")
    name = parsed.name
    if isinstance(body, ClassBody):
        run_module(shell, ast.parse("\n" + python, filename), filename, namespace)
        definition = namespace[body.class_name]
    else:
        module = generator_function(python, name, parsed.parameters, filename)
        run_module(shell, module, filename, namespace)
        definition = namespace.pop(name)
    if parsed.dies_with_kernel and isinstance(definition, type):
        definition.dies_with_kernel = True  # type: ignore[attr-defined]
    return ResourceManager(definition, name=name, **dict(parsed.options))


def _replace(session: Session, old: ResourceManager, new: ResourceManager) -> None:
    """Let scopes of cells use the new definition, after what is open was cleaned up by the old."""
    for cells in session.cells():
        shared: list[SharedScope] = [
            one
            for one in cells.shared.values()
            if one.scope.manager.resource_class is old.resource_class
        ]
        with cells.flow.transaction():
            for one in shared:
                redefined(cells.flow, one, new)
        close_scopes(cells, tuple(one.scope for one in shared))
    KEEPER.retire(old.resource_class)


__all__ = ["resource_cell"]
