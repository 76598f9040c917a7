"""Flow -> outline: the one place that reads a flow's structure for views.

The edges that follow from scopes are links like any other.
"""

from typing import TYPE_CHECKING, NamedTuple

from resnb.graph.base.labels import has_own_name, name_in_scope
from resnb.graph.tasks.parameter import Parameter
from resnb.view import protection
from resnb.view.names import shown, unique, whole
from resnb.view.option_words import option_notes
from resnb.view.outline import Cluster, Link, Node, Outline

if TYPE_CHECKING:
    from collections.abc import Sequence

    from resnb.graph.flow import Flow
    from resnb.graph.resources.scope import Scope
    from resnb.graph.tasks.task import Task


_VALUE_WIDTH = 24


class Sketch(NamedTuple):
    """An outline, and the task of each node and the scope of each cluster, in the same order."""

    outline: Outline
    tasks: "tuple[Task, ...]"
    scopes: "tuple[Scope, ...]"


def sketch(flow: "Flow") -> Sketch:
    """The outline of `flow` as it is now."""
    with flow.lock:
        return _sketched(flow)


def _sketched(flow: "Flow") -> Sketch:
    tasks, scopes = flow.sorted_tasks(), tuple(flow.scopes)
    clusters = _clusters(scopes)
    return Sketch(
        Outline(
            shown(flow.name), _nodes(flow, tasks, scopes, clusters), clusters, _links(flow, tasks)
        ),
        tasks,
        scopes,
    )


def _clusters(scopes: "Sequence[Scope]") -> tuple[Cluster, ...]:
    places: dict[Scope | None, int] = {scope: place for place, scope in enumerate(scopes)}
    labels = unique(scope.name for scope in scopes)
    return tuple(
        Cluster(
            label,
            shown(one.manager.name),
            places.get(one.parent),
            (*option_notes(one.options), *protection.scope_notes(one)),
            one.is_mapped,
            one.options.cost_per_hour,
            whole(one.name, label),
        )
        for label, one in zip(labels, scopes, strict=True)
    )


def _nodes(
    flow: "Flow",
    tasks: "Sequence[Task]",
    scopes: "Sequence[Scope]",
    clusters: "Sequence[Cluster]",
) -> tuple[Node, ...]:
    places: dict[Scope | None, int] = {scope: place for place, scope in enumerate(scopes)}
    own = {one: place for scope, place in places.items() if scope for one in scope.own_tasks}
    names = [
        _own_name(task, scopes[own[task]], clusters[own[task]]) if task in own else (task.name, "")
        for task in tasks
    ]
    nodes = []
    labels = unique(name for name, _ in names)
    for task, label, (name, short) in zip(tasks, labels, names, strict=True):
        node = flow.nodes[task]
        cluster = own[task] if task in own else places.get(node.scope)
        note = _note(flow, task)
        nodes.append(
            Node(
                label, short or label, task.kind, node.is_mapped, cluster, note,
                name=whole(name, label),
            )
        )  # fmt: skip
    return tuple(nodes)


def _own_name(task: "Task", scope: "Scope", cluster: Cluster) -> tuple[str, str]:
    """The full and the short name of a scope's own task; a name that a user gave stays."""
    manager = scope.manager.name
    name = name_in_scope(task, manager, cluster.label)
    if has_own_name(task, manager):
        return name, shown(name)
    calls = task.kind == "init" and cluster.label != cluster.manager
    return name, cluster.manager if calls else task.kind


def _note(flow: "Flow", task: "Task") -> str:
    if isinstance(task, Parameter):
        return "required" if task.required else value_text(task.default)
    return "cell deleted" if task in flow.left_behind else ""


def value_text(value: object) -> str:
    """A parameter's value in a few characters; an ellipsis if those would say nothing."""
    if isinstance(value, str) and len(value) > 8 * _VALUE_WIDTH:
        value = value[: 4 * _VALUE_WIDTH] + value[-4 * _VALUE_WIDTH :]
    plain = value is None or isinstance(value, bool | int | float | str)
    try:
        return shown(repr(value), _VALUE_WIDTH) if plain else "…"
    except Exception:  # noqa: BLE001 - an int of thousands of digits, a subclass's own repr
        return "…"


def _links(flow: "Flow", tasks: "Sequence[Task]") -> tuple[Link, ...]:
    places = {task: place for place, task in enumerate(tasks)}
    labels: dict[str | None, str] = {None: ""}
    found: dict[tuple[int, int], Link] = {}
    for target, task in enumerate(tasks):
        for edge in flow.nodes[task].edges():
            source, key = places[edge.upstream_task], edge.key
            label = labels.get(key)
            if label is None:
                label = labels[key] = shown(str(key))
            before = found.get((source, target))
            if before is None:
                kind = _kind(edge.upstream_task.kind, task.kind, data=key is not None)
                found[source, target] = Link(source, target, label, kind, edge.mapped)
            elif label and label not in before.label.split(", "):
                found[source, target] = _joined(before, label)
    for scope in flow.scopes:
        for edge in scope.derived_edges():
            source, target = places[edge.upstream_task], places[edge.downstream_task]
            kind = "setup" if edge.upstream_task is scope.setup_task else "cleanup"
            found.setdefault((source, target), Link(source, target, "", kind))
    return tuple(found.values())


def _joined(link: Link, label: str) -> Link:
    """The same link with one more argument."""
    kind = "data" if link.kind == "control" else link.kind
    label = f"{link.label}, {label}" if link.label else label
    return link._replace(label=label, kind=kind)


def _kind(source: str, target: str, *, data: bool) -> str:
    if target == "cleanup":
        return "cleanup"
    if source in ("init", "setup"):
        return "setup"
    return "data" if data else "control"
