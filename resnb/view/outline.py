"""What there is to draw of a flow apart from its state: nodes, clusters (scopes) and links.

Nodes and clusters are referred to by their places. An outline is plain data that changes only with
the flow's structure; its labels are unique, so a view can follow a node from one outline to the
next.
"""

from typing import NamedTuple


class Node(NamedTuple):
    """A task, or a folded scope.

    Attributes:
        label: its name, unique in the flow.
        short: its name inside its cluster.
        kind: ``task``, ``parameter``, ``case``, ``merge``, ``init``, ``setup``, ``cleanup`` or
            ``folded`` (several tasks, or a scope and all that is in it).
        mapped: whether it runs once for each item of something.
        cluster: the place of the innermost cluster around it.
        note: a parameter's value in the latest run, or its default, or that it is required; of
            another task, that its cell was deleted, which is marked.
        tasks: how many tasks are folded into it; 0 for a task.
        name: its whole name, if the label lacks the middle of that; else empty.
    """

    label: str
    short: str
    kind: str
    mapped: bool = False
    cluster: int | None = None
    note: str = ""
    tasks: int = 0
    name: str = ""


class Cluster(NamedTuple):
    """A resource scope."""

    label: str  # its name, unique in the flow
    manager: str  # the name of its resource manager
    parent: int | None  # the place of the cluster around it
    notes: tuple[str, ...]  # its options that are not the defaults, in words
    mapped: bool = False  # whether it has a resource for each item of something
    cost: float | None = None  # what an hour of it costs; None if nobody has said
    name: str = ""  # its whole name, if the label lacks the middle of that


class Link(NamedTuple):
    """That one node comes after another.

    Attributes:
        source: the place of the first node.
        target: the place of the second.
        label: the arguments that receive the value; empty if there are none.
        kind: ``data``, ``control``, ``setup`` (from the resource to what uses it) or
            ``cleanup`` (to the clean-up from what it waits for).
        mapped: whether each child depends on one item of the value.
        tail: the cluster at whose border it begins; None if it begins at the node.
        head: the cluster at whose border it ends; None if it ends at the node.
    """

    source: int
    target: int
    label: str
    kind: str
    mapped: bool = False
    tail: int | None = None
    head: int | None = None


class Outline(NamedTuple):
    """All nodes in graph order, all clusters with outer ones first, all links."""

    name: str
    nodes: tuple[Node, ...]
    clusters: tuple[Cluster, ...]
    links: tuple[Link, ...]


class Child(NamedTuple):
    """A node or a cluster that is directly inside a cluster."""

    place: int
    is_cluster: bool


def contents(outline: Outline) -> dict[int | None, list[Child]]:
    """The children of each cluster, and of the flow itself (None), in graph order.

    A cluster stands where its first node is; one without nodes is left out.
    """
    found: dict[int | None, list[Child]] = {None: []}
    for place, node in enumerate(outline.nodes):
        inner, entry = node.cluster, Child(place, is_cluster=False)
        while inner is not None and inner not in found:
            found[inner] = [entry]
            entry = Child(inner, is_cluster=True)
            inner = outline.clusters[inner].parent
        found[inner].append(entry)
    return found
