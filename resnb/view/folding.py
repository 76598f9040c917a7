"""Large flows made small enough to look at: scopes become one node each, the rest is counted.

A pure function of snapshots. What is folded keeps its place in graph order, its cluster with the
lease's state, and its failures; nothing is left out without being counted.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from resnb.states import (
    CANCELLED,
    FAILED,
    FIRST_FINISHED,
    PENDING,
    RETRYING,
    RUNNING,
    SUCCESS,
    TIMED_OUT,
    TRIGGER_FAILED,
)
from resnb.view.names import counted
from resnb.view.outline import Cluster, Link, Node
from resnb.view.snapshot import Counts, Snapshot, in_order

NODE_LIMIT = 150
LINK_LIMIT = 1_000
"""A layout of more links takes seconds, and nobody can follow them."""

_OF_A_SCOPE = ("init", "setup", "cleanup")


def folded(snapshot: Snapshot, nodes: int = NODE_LIMIT, links: int = LINK_LIMIT) -> Snapshot:
    """`snapshot` itself if it is small; else with scopes folded, and cut after the last that fits.

    Args:
        snapshot: the flow as it is.
        nodes: how many nodes may be drawn.
        links: how many links may be drawn.
    """
    if _fits(snapshot, nodes, links):
        return snapshot
    small = _scopes_folded(snapshot) if snapshot.outline.clusters else snapshot
    return small if _fits(small, nodes, links) else _cut(small, nodes, links)


def _fits(snapshot: Snapshot, nodes: int, links: int) -> bool:
    return len(snapshot.outline.nodes) <= nodes and len(snapshot.outline.links) <= links


def overall(codes: Iterable[int]) -> int:
    """One state for many tasks: the one that people should know about first."""
    found = set(codes)
    for code, causes in (
        (FAILED, {FAILED, TIMED_OUT}),
        (RUNNING, {RUNNING, RETRYING}),
        (CANCELLED, {CANCELLED}),
        (TRIGGER_FAILED, {TRIGGER_FAILED}),
    ):
        if found & causes:
            return code
    finished = [code >= FIRST_FINISHED for code in found]
    if finished and all(finished):
        return SUCCESS
    return RUNNING if any(finished) else PENDING


def _scopes_folded(snapshot: Snapshot) -> Snapshot:
    outline = snapshot.outline
    outermost = _outermost(outline.clusters)
    kept = sorted(set(outermost))
    inside: dict[int, list[int]] = {place: [] for place in kept}
    goes_to: list[int] = []  # the new place of each node
    new: list[int] = []  # for each new node the old place, or for a cluster -1 - its old place
    first: dict[int, int] = {}
    for place, node in enumerate(outline.nodes):
        if node.cluster is None:
            goes_to.append(len(new))
            new.append(place)
            continue
        top = outermost[node.cluster]
        inside[top].append(place)
        if top not in first:
            first[top] = len(new)
            new.append(-1 - top)
        goes_to.append(first[top])
    nodes, codes, counts = [], [], []
    for old in new:
        if old >= 0:
            nodes.append(outline.nodes[old])
            codes.append(snapshot.codes[old])
            counts.append(snapshot.counts[old])
            continue
        top = -1 - old
        node, code, count = _folded_node(snapshot, inside[top], kept.index(top))
        nodes.append(node)
        codes.append(code)
        counts.append(count)
    return snapshot._replace(
        outline=outline._replace(
            nodes=tuple(nodes),
            clusters=tuple(outline.clusters[place]._replace(parent=None) for place in kept),
            links=_moved(outline.links, goes_to),
        ),
        codes=tuple(codes),
        counts=tuple(counts),
        leases=tuple(snapshot.leases[place] for place in kept),
    )


def _outermost(clusters: Sequence[Cluster]) -> list[int]:
    """For each cluster the place of the outermost one around it."""
    found = []
    for place, cluster in enumerate(clusters):
        top, parent = place, cluster.parent
        while parent is not None:
            top, parent = parent, clusters[parent].parent
        found.append(top)
    return found


def _folded_node(
    snapshot: Snapshot, places: Sequence[int], cluster: int
) -> tuple[Node, int, Counts]:
    nodes, codes = snapshot.outline.nodes, snapshot.codes
    work = Counter(codes[place] for place in places if nodes[place].kind not in _OF_A_SCOPE)
    label = counted(work.total(), "task")
    node = Node(label, label, "folded", cluster=cluster)
    return node, overall(codes[place] for place in places), in_order(work)


def _moved(links: Iterable[Link], goes_to: Sequence[int]) -> tuple[Link, ...]:
    found: dict[tuple[int, int], Link] = {}
    for link in links:
        ends = goes_to[link.source], goes_to[link.target]
        if ends[0] == ends[1]:
            continue
        before = found.get(ends)
        if before is None:
            found[ends] = link._replace(source=ends[0], target=ends[1])
        elif link.label != before.label:
            found[ends] = before._replace(label="")
    return tuple(found.values())


def _cut(snapshot: Snapshot, nodes: int, links: int) -> Snapshot:
    """The first nodes in graph order, as many as there is room for."""
    outline = snapshot.outline
    arriving = Counter(max(link.source, link.target) for link in outline.links)
    end = total = 0
    for end in range(min(nodes, len(outline.nodes))):
        total += arriving[end]
        if total > links:
            break
    else:
        end += 1
    dropped = zip(outline.nodes[end:], snapshot.counts[end:], strict=True)
    return snapshot._replace(
        outline=outline._replace(
            nodes=outline.nodes[:end],
            links=tuple(link for link in outline.links if max(link.source, link.target) < end),
        ),
        codes=snapshot.codes[:end],
        counts=snapshot.counts[:end],
        left_out=snapshot.left_out
        + sum(
            sum(number for _, number in counts) if node.kind == "folded" else 1
            for node, counts in dropped
        ),
    )


__all__ = ["LINK_LIMIT", "NODE_LIMIT", "folded", "overall"]
