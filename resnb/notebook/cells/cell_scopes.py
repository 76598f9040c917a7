"""Scopes that span cells: ``--with RESOURCE(args) as VAR``.

Such a scope is known in its flow by its variable. The cell that first gives arguments owns them;
another cell may join without any, or with the same. When the owner gives others, or the resource
is defined again, the scope itself stays, with its members: only its init task gets new
arguments or another definition, and an open lease is cleaned up by its old recipe.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from resnb.errors import GraphError, MagicError, ResnbError, described, nearest
from resnb.graph import editing
from resnb.graph.flow import Flow
from resnb.graph.resources.resource import ResourceManager
from resnb.graph.resources.scope import Scope
from resnb.graph.tasks.task import Task
from resnb.ledger import states
from resnb.ledger.recipes import kinds
from resnb.notebook.cells.identity import CellKey
from resnb.notebook.cells.namespace import evaluated
from resnb.notebook.cells.records import CellBody
from resnb.notebook.lines.with_clauses import WithClause
from resnb.syntax.values import taken_as_values


@dataclass(frozen=True)
class SharedScope:
    """A scope that cells of a flow share."""

    scope: Scope  # the scope
    resource: str  # the source of its manager
    call: str  # the normalised source of the whole call, by which arguments are compared
    owner: CellKey | None  # the cell that gave the arguments; None if none did
    cells: frozenset[CellKey] = frozenset()  # the cells that are in the scope


def enter_scope(
    flow: Flow,
    known: Mapping[str, SharedScope],
    clause: WithClause,
    cell: CellKey,
    namespace: dict[str, Any],
) -> tuple[SharedScope, bool]:
    """Make, change or find the scope of a clause; must be inside a transaction of `flow`.

    Args:
        flow: the flow.
        known: its shared scopes by name.
        clause: the clause.
        cell: the cell.
        namespace: the notebook's variables, in which the clause is evaluated.

    Returns:
        The scope, and whether an open lease of it belongs to an older recipe.

    Raises:
        MagicError: there is no such resource, or another cell owns the arguments.
        GraphError: the arguments do not fit.
    """
    found = known.get(clause.name)
    if found is None:
        manager = manager_named(clause, namespace)
        args, kwargs = arguments_of(clause, namespace)
        scope = manager.use(args, kwargs, flow=flow, name=clause.name, mapped=clause.mapped)
        if clause.executes:
            scope.as_executor()
        owner = cell if clause.arguments_source is not None else None
        source, call = clause.resource_source, clause.call_source
        return SharedScope(scope, source, call, owner, frozenset({cell})), False
    joined = replace(found, cells=found.cells | {cell})
    if _names_variable(clause, found, namespace):
        return joined, False
    manager = manager_named(clause, namespace)
    if _has_same_arguments(clause, found):
        old = found.scope.manager
        if manager.definition is old.definition and manager.shared is old.shared:
            return joined, False
        redefine_scope(flow, found, manager)  # its class or function was defined anew
        return joined, True
    if found.owner not in (None, cell):
        variable = f" as {clause.variable}" if clause.variable else ""
        raise MagicError(
            f"--with {clause.call_source}: scope {clause.name!r} of flow {flow.name!r} was opened "
            f"as {found.call} by another cell; join it with --with {found.resource}{variable}, "
            "or change the arguments there"
        )
    args, kwargs = arguments_of(clause, namespace)
    flow.journal.assign(found.scope, "executes", clause.executes)
    inputs, positional = manager.signature.assign(f"resource {manager.name!r}", args, kwargs)
    editing.redefine_scope(flow, found.scope, manager)
    editing.rebind_scope(flow, found.scope, inputs, positional, clause.mapped)
    source, call = clause.resource_source, clause.call_source
    return replace(joined, resource=source, call=call, owner=cell), True


def _names_variable(clause: WithClause, found: SharedScope, namespace: Mapping[str, Any]) -> bool:
    """Whether `clause` joins by the name of the scope's variable: ``--with client``."""
    named = namespace.get(clause.resource_source)
    return clause.arguments_source is None and named is found.scope.setup_task


def _has_same_arguments(clause: WithClause, found: SharedScope) -> bool:
    if clause.arguments_source is not None:
        return clause.call_source == found.call
    return clause.resource_source in (found.resource, found.resource.partition(".options(")[0])


def refuse_misuse(clause: WithClause, body: CellBody, namespace: Mapping[str, Any]) -> None:
    """Refuse a body that takes the definition in a clause without ``as`` for its resource.

    Like a ``with`` of Python, such a clause binds nothing.

    Raises:
        MagicError: the body does so.
    """
    name = clause.name
    if name not in body.reads or not isinstance(namespace.get(name), ResourceManager | None):
        return
    if taken_as_values(body.statements, (name,)):
        written = name if clause.arguments_source is None else clause.call_source
        raise MagicError(
            f"{name} is the definition of the resource, and the cell uses it as the resource "
            f"itself: give that a name, --with {written} as NAME"
        )


def redefine_scope(flow: Flow, shared: SharedScope, manager: ResourceManager) -> None:
    """Give a shared scope the new definition of its resource; its arguments stay as they are.

    Raises:
        GraphError: the arguments do not fit the new definition.
    """
    with flow.transaction():
        node = flow.nodes[shared.scope.init_task]
        inputs = dict(node.inputs)
        editing.redefine_scope(flow, shared.scope, manager)
        missing = manager.signature.required - inputs.keys()
        surplus = [key for key in inputs if not manager.signature.accepts(key)]
        if missing or surplus:
            name = min(missing) if missing else surplus[0]
            fault = "needs an argument" if missing else "has no parameter"
            raise GraphError(
                f"resource {manager.name!r} {fault} {name!r}, but scope {shared.scope.name!r} of "
                f"flow {flow.name!r} uses it as {shared.call}: change its --with"
            )


def dependants_of(flow: Flow, scopes: Iterable[Scope]) -> list[Task]:
    """The tasks that make `scopes`, and all that depend on their resources except clean-ups."""
    found = dict.fromkeys(task for scope in scopes for task in scope.own_tasks)
    stack = list(found)
    while stack:
        for after in flow.nodes[stack.pop()].downstream:
            if after not in found and after.kind != "cleanup":
                found[after] = None
                stack.append(after)
    return list(found)


def manager_named(
    clause: WithClause, namespace: dict[str, Any], owner: str = "--with"
) -> ResourceManager:
    """The resource manager that `clause` names: a variable's, or one that is registered.

    The variable of what ``%resources open`` has opened gives a manager that joins that.

    Args:
        clause: the clause.
        namespace: the notebook's variables.
        owner: what the clause follows, for errors.

    Raises:
        MagicError: there is none.
    """
    source = clause.resource_source
    try:
        found = eval(source, namespace)  # noqa: S307 - the user's own code
    except NameError as error:
        found = _registered(source, error.name or "", namespace)
        if found is None:
            raise _unknown(f"{owner} {source}", error.name or "", namespace) from error
    except Exception as error:
        why = str(error) if isinstance(error, ResnbError) else described(error)
        raise MagicError(f"{owner} {source}: {why}") from error
    if isinstance(found, ResourceManager):
        return found
    opened = _opened(source, found)
    if opened is not None:
        if clause.arguments_source is not None:
            raise MagicError(f"{owner} {clause.call_source}: {source} is open; join it as {source}")
        return opened
    try:
        return ResourceManager(found)
    except GraphError:
        raise MagicError(
            f"{owner} {source}: {type(found).__name__} is no resource; define one with %%resource "
            "or @resource_manager"
        ) from None


def _opened(source: str, value: Any) -> ResourceManager | None:
    """A manager that joins what is open for ordinary cells, if `value` is that."""
    from resnb.run.held.resource import HeldResource
    from resnb.run.held.session import SESSION

    held = value if isinstance(value, HeldResource) else SESSION.find(source)
    if held is None or held.state != states.OPEN or (held is not value and held.value is not value):
        return None
    return SESSION.joined(held)


def _registered(source: str, name: str, namespace: dict[str, Any]) -> ResourceManager | None:
    """The manager of the registered kind `name`, if `source` names one."""
    kind = kinds.find(name)
    if kind is None:
        return None
    manager = kind.manager or ResourceManager(kind.make)
    found: ResourceManager = eval(source, {**namespace, name: manager})  # noqa: S307
    return found


def _unknown(what: str, name: str, namespace: dict[str, Any]) -> MagicError:
    names = [
        one
        for one, value in namespace.items()
        if isinstance(value, ResourceManager) and not one.startswith("_")  # IPython's own: _, _4
    ]
    shown = f"known: {', '.join(sorted(names))}" if names else "none is defined yet"
    near = nearest(name, [*names, *kinds.names()])
    remedy = "define one with %%resource or @resource_manager"
    hint = f"did you mean {near}?" if near else remedy
    return MagicError(f"{what}: there is no such resource ({shown}); {hint}")


def arguments_of(
    clause: WithClause, namespace: dict[str, Any], owner: str = "--with"
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of `clause`, evaluated; `owner` is what the clause follows.

    Raises:
        MagicError: an argument cannot be evaluated.
    """
    source = f"(lambda *args, **kwargs: (args, kwargs))({clause.arguments_source or ''})"
    found = evaluated(source, namespace, f"{owner} {clause.call_source}")
    collected: tuple[tuple[Any, ...], dict[str, Any]] = found
    return collected
