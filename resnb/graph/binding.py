"""Binding arguments to tasks: which edges follow from an argument, and what is mapped over.

These are functions of a structure. If one raises, nothing has changed.
"""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from resnb.errors import GraphError, GraphTypeError
from resnb.graph.arguments import Collection, Constant, Input, as_input, tasks_in
from resnb.graph.base.building import BUILDING
from resnb.graph.base.inputs import Wrapper, allow_failure, is_sequence, unwrapped
from resnb.graph.base.kinds import SCOPE_KINDS
from resnb.graph.changes import add, check_cycle, link, node_of, take_home
from resnb.graph.node import FEW, Node, with_one
from resnb.graph.resources.scope import Scope
from resnb.graph.structure import Structure
from resnb.graph.tasks.edge import Edge
from resnb.graph.tasks.task import Task

_COLLECTIONS = frozenset({list, tuple, set, dict, slice})


def bind_call(
    structure: Structure, task: Task, names: tuple[str, ...], args: tuple[Any, ...]
) -> bool:
    """Add a new task, if all its arguments are tasks of the flow.

    This is a short way for the most common call. Only an interrupt can stop it half-way, so it
    opens no transaction, and no edge points backward.

    Args:
        structure: the flow.
        task: the task.
        names: the names of its arguments.
        args: the arguments, by position.

    Returns:
        Whether it was added; if not, see `bind_task`.
    """
    now, nodes = BUILDING.get(), structure.nodes
    scope: Any = now.scope
    if (
        task.home is not None
        or task.kind != "task"
        or len(args) > FEW
        or now.case is not None
        or now.tags
        or (scope is not None and scope.flow is not structure)
        or task in nodes
    ):
        return False
    sources: list[Node] = []
    for one in args:
        source = nodes.get(one) if isinstance(one, Task) else None
        if source is None or one.kind in SCOPE_KINDS or source in sources:
            return False
        sources.append(source)
    take_home(structure, task, scope)
    nodes[task] = Node(task, scope, structure.next_position(), names, args)
    for source in sources:
        after = source.downstream
        if len(after) < FEW:
            source.downstream = (*after, task)
        else:
            source.downstream = with_one(after, task)
    if scope is not None:
        scope.members[task] = None
    structure.journal.version += 1
    return True


def bind_task(  # noqa: PLR0917 - as `Flow.bind_task`
    structure: Structure,
    task: Task,
    inputs: Mapping[str, Any],
    positional: int,
    mapped: bool,
    upstream_tasks: Iterable[Any],
) -> None:
    """Add `task` with its arguments; see `Task.bind`.

    Args:
        structure: the flow.
        task: the task.
        inputs: its arguments by name, positional ones first.
        positional: the number of positional ones.
        mapped: whether it is mapped over every argument that is not `unmapped`.
        upstream_tasks: what else has to run first.
    """
    with structure.transaction():
        node = structure.nodes.get(task)
        if node is None:
            # tasks in the arguments first, so that edges point from older to newer tasks
            for value in inputs.values():
                _bring_in(structure, value)
            for value in upstream_tasks:
                _bring_in(structure, value)
            node = add(structure, task)
        elif node.names:
            message = f"task {task.name!r} has its arguments already: call it again instead"
            raise GraphError(message)
        else:
            structure.journal.changed(node.undo())
        node.positional = positional
        node.inputs = {
            key: _bound_mapped(structure, node, key, *unwrapped(value, mapped))
            if mapped or isinstance(value, Wrapper)
            else _bound(structure, node, value)
            for key, value in inputs.items()
        }
        for value in upstream_tasks:
            add_edge(structure, value, task, mapped=mapped)
        if mapped and not inputs and not node.control:
            message = (
                f"task {task.name!r} is mapped over nothing: give it an argument, or call it "
                "without map"
            )
            raise GraphError(message)
        check_cycle(structure, node.upstream, node)


def _bring_in(structure: Structure, value: Any) -> None:
    """Add the tasks in `value` that are not in the flow yet."""
    while isinstance(value, Wrapper):
        value = value.value
    if isinstance(value, Task):
        if value not in structure.nodes:
            add(structure, value)
    elif type(value) in _COLLECTIONS:
        for task in tasks_in(as_input(value)):
            if task not in structure.nodes:
                add(structure, task)


def _bound(structure: Structure, node: Node, value: Any) -> Input:
    """The input for an argument `value`, after adding the edges to `node` that follow from it."""
    if isinstance(value, allow_failure):
        message = (
            f"task {node.task.name!r}: allow_failure(...) is for @flow functions; here give the "
            "task trigger=triggers.all_finished"
        )
        raise GraphError(message)
    if isinstance(value, Task):
        link(structure, value, node)
        return value
    if type(value) not in _COLLECTIONS:
        return Constant(value)
    found = as_input(value)
    if type(found) is Collection:
        for task in dict.fromkeys(tasks_in(found)):
            link(structure, task, node)
    return found


def _bound_mapped(  # noqa: PLR0917 - the result of `unwrapped` comes last
    structure: Structure, node: Node, key: str, value: Any, mapped: bool, flattened: bool
) -> Input:
    """The same for argument `key`, which may be mapped over or flattened."""
    if mapped and not isinstance(value, Task) and not is_sequence(value):
        message = (
            f"task {node.task.name!r} cannot be mapped over {key}={value!r}, which is no "
            "sequence: wrap it in unmapped(...) to pass it to every child"
        )
        raise GraphTypeError(message)
    found = _bound(structure, node, value)
    if mapped:
        node.mapped = node.mapped | {key}
    if flattened:
        node.flattened = node.flattened | {key}
    return found


def add_edge(  # noqa: PLR0917 - Prefect's places
    structure: Structure,
    upstream_task: Any,
    downstream_task: Task,
    key: str | None = None,
    mapped: bool = False,
    flattened: bool = False,
) -> Edge:
    """Let one task run before another; see `Flow.add_edge`."""
    upstream_task, mapped, flattened = unwrapped(upstream_task, mapped, flattened)
    with structure.transaction():
        _bring_in(structure, upstream_task)
        node = node_of(structure, downstream_task)
        _refuse_upstream(downstream_task)
        structure.journal.changed(node.undo())
        if key is None and mapped and is_sequence(upstream_task):
            upstream_task = _collected(structure, upstream_task)
        sources = tuple(dict.fromkeys(tasks_in(as_input(upstream_task))))
        if key is None:
            if not sources and type(upstream_task) not in _COLLECTIONS:
                message = (
                    f"task {downstream_task.name!r} cannot wait for {upstream_task!r}, which "
                    "is no task: decorate the function with @task and call it"
                )
                raise GraphError(message)
            node.control = {**node.control, **dict.fromkeys(sources, mapped)}
            for task in sources:
                link(structure, task, node)
        else:
            _check_key(node, key)
            found = _bound_mapped(structure, node, key, upstream_task, mapped, flattened)
            node.inputs = {**node.inputs, key: found}
        check_cycle(structure, sources, node)
    return Edge._make((upstream_task, downstream_task, key, mapped, flattened))


def _refuse_upstream(task: Task) -> None:
    if task.kind == "parameter":
        message = f"parameter {task.name!r} can have no upstream tasks: a run gives its value"
        raise GraphError(message)


def _collected(structure: Structure, values: Any) -> Task:
    """A task that returns the list `values`, of which each child waits for one item."""
    made = Task(name=type(values).__name__)
    made.run = _itself  # type: ignore[method-assign]
    bind_task(structure, made, {"items": values}, 1, mapped=False, upstream_tasks=())
    return made


def _itself(items: Any) -> Any:
    return items


def _check_key(node: Node, key: str) -> None:
    if not node.task.signature.accepts(key):
        message = f"task {node.task.name!r} has no parameter {key!r}"
        raise GraphError(message)
    if type(node.inputs.get(key, Constant(None))) is not Constant:
        message = f"task {node.task.name!r} has a value for argument {key!r} already"
        raise GraphError(message)


def add_scope(
    structure: Structure, scope: Scope, inputs: Mapping[str, Any], positional: int, mapped: bool
) -> None:
    """Add a scope and its three tasks; `inputs` are the arguments of the manager."""
    around: Any = BUILDING.get().scope
    scope.parent = around
    init, setup, cleanup = scope.own_tasks
    with structure.transaction():
        structure.journal.changed(partial(structure.scopes.pop, scope, None))
        structure.scopes[scope] = None
        bind_task(structure, init, inputs, positional, mapped, ())
        mapped = scope.is_mapped  # an argument inside `mapped` has the same effect
        bind_task(structure, setup, {"manager": init}, 1, mapped, ())
        bind_task(structure, cleanup, {"manager": init, "resource": setup}, 2, mapped, ())
