"""Makes large flows small enough to draw: each scope becomes one node, what is cut off is counted.

A pure function of snapshots. A folded scope keeps its place in graph order, its cluster with the
lease's state, and its failures.
"""

from collections import Counter
from collections.abc import Container, Iterable, Sequence
from typing import NamedTuple

from resnb.graph.base.kinds import NO_WORK
from resnb.picking import picker
from resnb.states import census
from resnb.view.aggregate import overall
from resnb.view.names import counted
from resnb.view.outline import Cluster, Link, Node, Outline
from resnb.view.snapshot import Counts, Marks, Snapshot, in_order

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
        self._steps: list[Merged | CutOff] = []
        if not fits(outline, nodes, links) and outline.clusters:
            self._steps.append(folded_scopes(outline))
            outline = self._steps[-1].outline
        if not fits(outline, nodes, links):
            self._steps.append(CutOff(outline, nodes, links))
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


def fits(outline: Outline, nodes: int, links: int) -> bool:
    """Whether there is no more of it than may be drawn."""
    return len(outline.nodes) <= nodes and len(outline.links) <= links


class Group(NamedTuple):
    """Nodes that become one."""

    places: tuple[int, ...]  # where they are in the outline, ascending
    node: Node  # what stands for them


class Merged:
    """Turns groups of nodes into one node each; all others stay.

    Args:
        outline: what there is.
        groups: the groups, which share no node.
        kept: the clusters that are still drawn; None for all of them.

    Attributes:
        outline: what there is then.
        origin: for each of its nodes the places of those that it stands for.
    """

    def __init__(
        self, outline: Outline, groups: Sequence[Group], kept: Sequence[int] | None = None
    ) -> None:
        self._whole = outline
        nodes, clusters = outline.nodes, outline.clusters
        group_of = {place: one for one, group in enumerate(groups) for place in group.places}
        self._goes_to: list[int] = []  # the new place of each node
        self._new: list[int] = []  # of each new node the old place; of a group -1 - its number
        first: dict[int, int] = {}
        for place in range(len(nodes)):
            number = group_of.get(place)
            if number is None:
                self._goes_to.append(len(self._new))
                self._new.append(place)
                continue
            if number not in first:
                first[number] = len(self._new)
                self._new.append(-1 - number)
            self._goes_to.append(first[number])
        self._pick = [picker(one.places) for one in groups]
        self._count = [_Census(nodes, one.places) for one in groups]
        self._kept = tuple(range(len(clusters)) if kept is None else kept)
        self._cluster: dict[int | None, int] = {old: new for new, old in enumerate(self._kept)}
        self.origin = tuple((old,) if old >= 0 else groups[-1 - old].places for old in self._new)
        self.outline = outline._replace(
            nodes=tuple(
                self._here(nodes[old]) if old >= 0 else groups[-1 - old].node for old in self._new
            ),
            clusters=tuple(
                clusters[old]._replace(parent=self._cluster.get(clusters[old].parent))
                for old in self._kept
            ),
            links=tuple(self._bordered(link) for link in _moved(outline.links, self._goes_to)),
        )

    def _here(self, node: Node) -> Node:
        """A node that stays, which knows its cluster by its new place."""
        cluster = self._cluster.get(node.cluster)
        return node if cluster == node.cluster else node._replace(cluster=cluster)

    def _bordered(self, link: Link) -> Link:
        tail, head = self._cluster.get(link.tail), self._cluster.get(link.head)
        same = tail == link.tail and head == link.head
        return link if same else link._replace(tail=tail, head=head)

    def apply(self, snapshot: Snapshot) -> Snapshot:
        """Fold a snapshot of the outline."""
        codes, counts = bytearray(), []
        for old in self._new:
            if old >= 0:
                codes.append(snapshot.codes[old])
                counts.append(snapshot.counts[old])
                continue
            found = census(self._pick[-1 - old](snapshot.codes))
            codes.append(overall(found))
            counts.append(self._count[-1 - old].of(found, snapshot))
        return snapshot._replace(
            outline=self._outline_of(snapshot),
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
            marks=self._marks(snapshot.marks),
        )

    def _outline_of(self, snapshot: Snapshot) -> Outline:
        if snapshot.outline is self._whole:
            return self.outline
        shown = snapshot.outline.nodes  # they may have values of parameters
        nodes = [
            self._here(shown[old]) if old >= 0 else node
            for old, node in zip(self._new, self.outline.nodes, strict=True)
        ]
        return self.outline._replace(nodes=tuple(nodes))

    def _marks(self, marks: Marks) -> Marks:
        """Those of nodes that stay, and how many of each kind there are in the others."""
        found: dict[int, str] = {}
        inside: dict[int, Counter[str]] = {}
        for place, text in marks:
            new = self._goes_to[place]
            if self._new[new] == place:
                found[new] = text
            else:
                inside.setdefault(new, Counter())[text.partition(":")[0]] += 1
        for new, counts in inside.items():
            found[new] = ", ".join(f"{number:,} {word}" for word, number in counts.items())
        return tuple(sorted(found.items()))


class _Census:
    """How many tasks of a group are in each state: those that do work, each folded one by one."""

    def __init__(self, nodes: Sequence[Node], places: Sequence[int]) -> None:
        self._own = [place for place in places if nodes[place].kind in NO_WORK]
        self._folded = [place for place in places if nodes[place].kind == "folded"]

    def of(self, found: dict[int, int], snapshot: Snapshot) -> Counts:
        for place in (*self._own, *self._folded):
            found[snapshot.codes[place]] -= 1
        for place in self._folded:
            for code, number in snapshot.counts[place]:
                found[code] = found.get(code, 0) + number
        return in_order(found)


def folded_scopes(outline: Outline, opened: Container[str] = ()) -> Merged:
    """Turns each outermost scope into one node, inside its cluster.

    Args:
        outline: what there is.
        opened: the labels of tasks whose scopes stay as they are.
    """
    outermost = _outermost(outline.clusters)
    inside: dict[int, list[int]] = {}
    for place, node in enumerate(outline.nodes):
        if node.cluster is not None:
            inside.setdefault(outermost[node.cluster], []).append(place)
    nodes = outline.nodes
    stays = {
        top for top, places in inside.items() if any(nodes[one].label in opened for one in places)
    }
    kept = [place for place, top in enumerate(outermost) if place == top or top in stays]
    groups = [
        Group(tuple(places), _folded_node(outline.nodes, places, kept.index(top)))
        for top, places in inside.items()
        if top not in stays
    ]
    return Merged(outline, groups, kept)


def _outermost(clusters: Sequence[Cluster]) -> list[int]:
    """The place of the outermost cluster around each cluster."""
    found = []
    for place, cluster in enumerate(clusters):
        top, parent = place, cluster.parent
        while parent is not None:
            top, parent = parent, clusters[parent].parent
        found.append(top)
    return found


def _folded_node(nodes: Sequence[Node], places: Sequence[int], cluster: int) -> Node:
    work = (nodes[place] for place in places if nodes[place].kind not in NO_WORK)
    label = counted(sum(max(1, node.tasks) for node in work), "task")
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


class CutOff:
    """Keeps as many of the first nodes in graph order as fit.

    Attributes:
        outline: what there is then.
        origin: for each of its nodes its place before.
    """

    def __init__(self, outline: Outline, nodes: int, links: int) -> None:
        self._whole = outline
        arriving = Counter(max(link.source, link.target) for link in outline.links)
        end = total = 0
        for end in range(min(nodes, len(outline.nodes))):
            total += arriving[end]
            if total > links:
                break
        else:
            end += 1
        self._end = end
        self.origin = tuple((place,) for place in range(end))
        dropped = range(end, len(outline.nodes))
        self._scopes = [place for place in dropped if outline.nodes[place].kind == "folded"]
        self._tasks = len(dropped) - len(self._scopes)
        self.outline = outline._replace(
            nodes=outline.nodes[:end],
            links=tuple(link for link in outline.links if max(link.source, link.target) < end),
        )

    def _outline_of(self, snapshot: Snapshot) -> Outline:
        if snapshot.outline is self._whole:
            return self.outline
        return self.outline._replace(nodes=snapshot.outline.nodes[: self._end])

    def apply(self, snapshot: Snapshot) -> Snapshot:
        """Cut off a snapshot of the outline."""
        end, counts = self._end, snapshot.counts
        return snapshot._replace(
            outline=self._outline_of(snapshot),
            codes=snapshot.codes[:end],
            counts=counts[:end],
            values=tuple(one for one in snapshot.values if one[0] < end),
            marks=tuple(one for one in snapshot.marks if one[0] < end),
            left_out=self._tasks
            + sum(number for place in self._scopes for _, number in counts[place]),
        )
