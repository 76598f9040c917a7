"""The single changes that building and editing a flow consist of: add a task, link two tasks.

Each is recorded in the journal of the structure, and is part of the caller's transaction.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from resnb.errors import GraphError, GraphTypeError, as_word, nearest
from resnb.graph import order
from resnb.graph.base.building import BUILDING
from resnb.graph.base.kinds import SCOPE_KINDS
from resnb.graph.node import Node, with_one, without_one
from resnb.graph.resources.scope import Scope
from resnb.graph.structure import Structure
from resnb.graph.tasks.handle import label_of
from resnb.graph.tasks.task import Task

# ---- tasks


def node_of(structure: Structure, task: Any) -> Node:
    """The node of `task`, which is added if the flow does not have it yet.

    Raises:
        GraphTypeError: `task` is no task.
        GraphError: as for `add`.
    """
    if not isinstance(task, Task):
        message = f"flow {structure.name!r}: {task!r} is no task; decorate the function with @task"
        raise GraphTypeError(message)
    return structure.nodes.get(task) or add(structure, task)


def add(structure: Structure, task: Task) -> Node:
    """Add a new task without arguments. It joins the blocks around the line that is running.

    Raises:
        GraphError: the task or the scope around the line belongs to another flow, or a parameter's
            name is taken.
    """
    home, before = task.flow, task.home
    shared = not (task.is_call or task.kind in SCOPE_KINDS)
    if home is not None and not structure.owns(task) and not shared:
        raise GraphError(_of_another_flow(task, home.name, structure.name))
    now = BUILDING.get()
    scope: Any = None
    case = None
    if task.kind == "parameter":
        _take_name(structure, task)
    else:
        scope, case = now.scope, now.case
    if scope is not None and scope.flow is not structure:
        message = (
            f"scope {scope.name!r} belongs to flow {scope.flow.name!r}, so task {task.name!r} of "
            f"flow {structure.name!r} cannot be added inside it"
        )
        raise GraphError(message)
    take_home(structure, task, scope, before)
    if scope is not None:
        scope.members[task] = None
    if now.tags:
        structure.journal.assign(task, "tags", task.tags | now.tags)
    node = structure.nodes[task] = Node(task, scope, structure.next_position())
    structure.journal.version += 1
    if case is not None:
        case.add_task(task, structure)
    return node


def take_home(
    structure: Structure,
    task: Task,
    scope: Scope | None,
    before: Callable[[], Any] | None = None,
) -> None:
    """Make this the home flow of `task`, which is about to get a node inside `scope`.

    The change comes first, so that whatever interrupts the rest can be undone with it; see
    `Journal.changes`. `before` is the task's home until now.
    """
    journal = structure.journal
    if journal.is_open:
        journal.undo.append(partial(_forget, structure, task, scope, before))
    task.home = structure.home


def _forget(
    structure: Structure, task: Task, scope: Scope | None, home: Callable[[], Any] | None
) -> None:
    """Undo `take_home` and whatever came after it until the interrupt."""
    node = structure.nodes.pop(task, None)
    for upstream in () if node is None else node.upstream:
        _unlink(structure, upstream, task)
    task.home = home
    if scope is not None:
        scope.members.pop(task, None)


def adopt(structure: Structure, task: Task, scope: Scope | None) -> None:
    """Add another flow's task, which both then share, without arguments.

    Raises:
        GraphError: the task is a parameter whose name is taken.
    """
    if task.kind == "parameter":
        _take_name(structure, task)
    structure.journal.changes(partial(structure.nodes.pop, task, None))
    structure.nodes[task] = Node(task, scope, structure.next_position())
    structure.journal.version += 1


def _take_name(structure: Structure, parameter: Task) -> None:
    """Give `parameter` its name in the flow."""
    names, name = structure.parameter_names, parameter.name
    other = names.get(name)
    if other is not None and other is not parameter and other in structure.nodes:
        message = f"flow {structure.name!r} already has a parameter {name!r}: use that handle"
        raise GraphError(message)
    pop = partial(names.pop, name, None)
    structure.journal.changes(pop if other is None else partial(names.update, {name: other}))
    names[name] = parameter


def _of_another_flow(task: Task, home: str, name: str) -> str:
    """The message that `task` belongs to the flow called `home`, and not to `name`."""
    again = f"call the task again inside {name!r}"
    if task.kind == "setup":
        again = f"use {task.scope.manager.name!r} again inside {name!r}"
    if task.kind == "parameter":
        again = f"give {name!r} a parameter of that name"
    if nearest(name, [home]):
        again = f"did you mean %%flow {as_word(home)}?"
    return f"{label_of(task)} belongs to flow {home!r} and cannot be used in flow {name!r}: {again}"


# ---- edges


def link(structure: Structure, upstream: Task, node: Node) -> None:
    """Add the edge from `upstream`, which is added if need be, to `node`.

    Raises:
        GraphError: `upstream` is a resource, and the task is outside its scope.
    """
    source = node_of(structure, upstream)
    task = node.task
    if upstream.kind == "setup" and task.kind != "cleanup":
        _refuse_outside(structure, upstream, node)
    if task in source.downstream:
        return
    structure.journal.changes(partial(_unlink, structure, upstream, task))
    source.downstream = with_one(source.downstream, task)
    node.upstream = with_one(node.upstream, upstream)
    structure.journal.version += 1


def unlink(structure: Structure, upstream: Task, task: Task) -> None:
    """Remove the edge between two tasks; the node's inputs and control stay."""
    structure.journal.keep_attribute(structure.nodes[upstream], "downstream")
    structure.journal.keep_attribute(structure.nodes[task], "upstream")
    _unlink(structure, upstream, task)


def _unlink(structure: Structure, upstream: Task, task: Task) -> None:
    if (source := structure.nodes.get(upstream)) is not None:
        source.downstream = without_one(source.downstream, task)
    if (node := structure.nodes.get(task)) is not None:
        node.upstream = without_one(node.upstream, upstream)


def _refuse_outside(structure: Structure, setup: Task, node: Node) -> None:
    """Raise `GraphError` if `node` is outside the scope whose resource it is to get."""
    scope = structure.scope_of(setup)
    around = node.scope.around() if node.scope is not None else ()
    if scope not in around and node.task is not scope.cleanup_task:
        message = (
            f"task {node.task.name!r} uses resource {scope.name!r} outside its scope, where it may "
            "be cleaned up already: move the task into the `with` block, or give its cell "
            f"{scope.clause}"
        )
        raise GraphError(message)


def check_cycle(structure: Structure, sources: Iterable[Task], node: Node) -> None:
    """Raise `GraphError` if the edges from `sources` to `node`, just added, close a cycle."""
    nodes = structure.nodes
    if structure.forward and all(
        nodes[one].position < node.position and one.kind != "cleanup" for one in sources
    ):
        return
    structure.journal.assign(structure, "forward", value=False)
    if node.downstream or node.scope is not None:  # otherwise no edge leaves it
        refuse_cycle(structure, node.task, "this edge closes one")


def refuse_cycle(structure: Structure, task: Task, reason: str) -> None:
    """Raise `GraphError` if there is a cycle through `task`."""
    if cycle := order.cycle(structure, task):
        path = " -> ".join(repr(one.name) for one in cycle)
        message = f"flow {structure.name!r} must have no cycle, but {reason}: {path}"
        raise GraphError(message)
