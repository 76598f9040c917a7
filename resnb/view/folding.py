"""Makes large flows small enough to draw: each scope becomes one node, what is cut off is counted.

A pure function of snapshots. A folded scope keeps its place in graph order, its cluster with the
lease's state, and its failures.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from resnb.states import census
from resnb.view.aggregate import overall
from resnb.view.names import counted
from resnb.view.outline import Cluster, Link, Node, Outline
from resnb.view.snapshot import NO_WORK, Snapshot, in_order, picker

NODE_LIMIT = 150
LINK_LIMIT = 1_000
"""Laying out more links takes seconds, and nobody can follow them."""


class Fold:
    """Folds the outline of a flow, and snapshots of it.

    If the outline is too large, scopes are folded; what still does not fit is cut off.

    Args:
        outline: the flow's.
        nodes: how many nodes may be drawn.
        links: how many links may be drawn.

    Attributes:
        outline: the part that is drawn.
        is_whole: whether that is all of it.
    """

    def __init__(self, outline: Outline, nodes: int = NODE_LIMIT, links: int = LINK_LIMIT) -> None:
        self._steps: list[_FoldedScopes | _CutOff] = []
        if not _fits(outline, nodes, links) and outline.clusters:
            self._steps.append(_FoldedScopes(outline))
            outline = self._steps[-1].outline
        if not _fits(outline, nodes, links):
            self._steps.append(_CutOff(outline, nodes, links))
            outline = self._steps[-1].outline
        self.outline = outline
        self.is_whole = not self._steps

    def apply(self, snapshot: Snapshot) -> Snapshot:
        """Fold a snapshot of the whole outline."""
        for step in self._steps:
            snapshot = step.apply(snapshot)
        return snapshot


def folded(snapshot: Snapshot, nodes: int = NODE_LIMIT, links: int = LINK_LIMIT) -> Snapshot:
    """Fold a snapshot as far as it takes to fit the limits.

    Args:
        snapshot: of the whole flow.
        nodes: how many nodes may be drawn.
        links: how many links may be drawn.
    """
    return Fold(snapshot.outline, nodes, links).apply(snapshot)


def _fits(outline: Outline, nodes: int, links: int) -> bool:
    return len(outline.nodes) <= nodes and len(outline.links) <= links


class _FoldedScopes:
    """Turns each outermost scope into one node, inside its cluster."""

    def __init__(self, outline: Outline) -> None:
        outermost = _outermost(outline.clusters)
        self._kept = sorted(set(outermost))
        inside: dict[int, list[int]] = {place: [] for place in self._kept}
        self._goes_to: list[int] = []  # the new place of each node
        self._new: list[int] = []  # of each new node the old place; of a scope -1 - its place
        first: dict[int, int] = {}
        for place, node in enumerate(outline.nodes):
            if node.cluster is None:
                self._goes_to.append(len(self._new))
                self._new.append(place)
                continue
            top = outermost[node.cluster]
            inside[top].append(place)
            if top not in first:
                first[top] = len(self._new)
                self._new.append(-1 - top)
            self._goes_to.append(first[top])
        nodes = outline.nodes
        self._no_work = {
            top: [place for place in places if nodes[place].kind in NO_WORK]
            for top, places in inside.items()
        }
        self._pick = {top: picker(places) for top, places in inside.items()}
        sizes = {top: len(inside[top]) - len(own) for top, own in self._no_work.items()}
        self.outline = outline._replace(
            nodes=tuple(
                nodes[old]
                if old >= 0
                else _folded_node(sizes[-1 - old], self._kept.index(-1 - old))
                for old in self._new
            ),
            clusters=tuple(outline.clusters[place]._replace(parent=None) for place in self._kept),
            links=_moved(outline.links, self._goes_to),
        )

    def apply(self, snapshot: Snapshot) -> Snapshot:
        codes, counts = bytearray(), []
        for old in self._new:
            if old >= 0:
                codes.append(snapshot.codes[old])
                counts.append(snapshot.counts[old])
                continue
            found = census(self._pick[-1 - old](snapshot.codes))
            codes.append(overall(found))
            for own in self._no_work[-1 - old]:
                found[snapshot.codes[own]] -= 1
            counts.append(in_order(found))
        shown = snapshot.outline.nodes
        nodes = [  # the snapshot's own outline may have values of parameters
            shown[old] if old >= 0 else node
            for old, node in zip(self._new, self.outline.nodes, strict=True)
        ]
        return snapshot._replace(
            outline=self.outline._replace(nodes=tuple(nodes)),
            codes=bytes(codes),
            counts=tuple(counts),
            leases=tuple([snapshot.leases[place] for place in self._kept]),
            stacks=tuple(
                (self._kept.index(place), counts)
                for place, counts in snapshot.stacks
                if place in self._kept
            ),
            values=tuple(
                (self._goes_to[place], text)
                for place, text in snapshot.values
                if self._new[self._goes_to[place]] == place
            ),
        )


def _outermost(clusters: Sequence[Cluster]) -> list[int]:
    """The place of the outermost cluster around each cluster."""
    found = []
    for place, cluster in enumerate(clusters):
        top, parent = place, cluster.parent
        while parent is not None:
            top, parent = parent, clusters[parent].parent
        found.append(top)
    return found


def _folded_node(tasks: int, cluster: int) -> Node:
    label = counted(tasks, "task")
    return Node(label, label, "folded", cluster=cluster)


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


class _CutOff:
    """Keeps as many of the first nodes in graph order as fit."""

    def __init__(self, outline: Outline, nodes: int, links: int) -> None:
        arriving = Counter(max(link.source, link.target) for link in outline.links)
        end = total = 0
        for end in range(min(nodes, len(outline.nodes))):
            total += arriving[end]
            if total > links:
                break
        else:
            end += 1
        self._end = end
        dropped = range(end, len(outline.nodes))
        self._scopes = [place for place in dropped if outline.nodes[place].kind == "folded"]
        self._tasks = len(dropped) - len(self._scopes)
        self.outline = outline._replace(
            nodes=outline.nodes[:end],
            links=tuple(link for link in outline.links if max(link.source, link.target) < end),
        )

    def apply(self, snapshot: Snapshot) -> Snapshot:
        end, counts = self._end, snapshot.counts
        return snapshot._replace(
            outline=self.outline._replace(nodes=snapshot.outline.nodes[:end]),
            codes=snapshot.codes[:end],
            counts=counts[:end],
            values=tuple(one for one in snapshot.values if one[0] < end),
            left_out=self._tasks
            + sum(number for place in self._scopes for _, number in counts[place]),
        )
