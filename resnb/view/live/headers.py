"""Leaves out the init, set-up and clean-up of scopes: a view shows them in the scope's header.

A link that came to them or from them ends at the scope's border. Links that only say that a set-up
comes first and a clean-up last go: the box says so.
"""

from collections.abc import Container

from resnb.graph.base.kinds import SCOPE_KINDS
from resnb.picking import item_picker, picker
from resnb.view.links import is_inside
from resnb.view.outline import Link, Outline
from resnb.view.snapshot import Counts, Snapshot


class Headers:
    """Leaves out what scopes do for themselves.

    A scope without any task in it keeps its set-up, or there would be no box.

    Args:
        outline: the flow's.
        opened: the labels of clusters that show these tasks all the same.

    Attributes:
        outline: what there is then.
        origin: for each of its nodes its place before.
    """

    def __init__(self, outline: Outline, opened: Container[str] = ()) -> None:
        self._whole = outline
        nodes, clusters = outline.nodes, outline.clusters
        inside: dict[int, int] = {}  # of each cluster the first task in it
        for place, node in enumerate(nodes):
            cluster = None if node.kind in SCOPE_KINDS else node.cluster
            while cluster is not None:
                inside.setdefault(cluster, place)
                cluster = clusters[cluster].parent
        empty = {node.cluster for node in nodes} - inside.keys()
        self._kept = [
            place
            for place, node in enumerate(nodes)
            if node.kind not in SCOPE_KINDS
            or node.cluster is None
            or clusters[node.cluster].label in opened
            or (node.kind == "setup" and node.cluster in empty)
        ]
        for place in self._kept:
            if nodes[place].cluster in empty and nodes[place].cluster is not None:
                inside.setdefault(nodes[place].cluster or 0, place)
        self._goes_to = {place: new for new, place in enumerate(self._kept)}
        self._inside = inside
        self._pick, self._pick_counts = picker(self._kept), item_picker(self._kept)
        self._latest_counts: tuple[tuple[Counts, ...], tuple[Counts, ...]] = (), ()
        self.origin = tuple((place,) for place in self._kept)
        links: dict[tuple[int, int], Link] = {}
        for link in outline.links:
            moved = self._moved(outline, link)
            if moved is not None and moved.source != moved.target:
                links.setdefault((moved.source, moved.target), moved)
        self.outline = outline._replace(
            nodes=tuple(nodes[place] for place in self._kept), links=tuple(links.values())
        )

    def _moved(self, outline: Outline, link: Link) -> Link | None:
        """The link between what is left; None if the boxes say what it says."""
        source, target = outline.nodes[link.source], outline.nodes[link.target]
        start, end = self._goes_to.get(link.source), self._goes_to.get(link.target)
        tail = head = None
        if start is None:
            if source.kind != "cleanup" or source.cluster is None:
                return None
            tail, start = source.cluster, self._goes_to.get(self._inside[source.cluster])
            if is_inside(outline, target.cluster, tail):
                return None
        if end is None:
            if target.kind == "cleanup" or target.cluster is None:
                return None
            head, end = target.cluster, self._goes_to.get(self._inside[target.cluster])
            if is_inside(outline, source.cluster, head):
                return None
        if start is None or end is None:
            return None
        return link._replace(source=start, target=end, tail=tail, head=head)

    def apply(self, snapshot: Snapshot) -> Snapshot:
        """Leave them out of a snapshot of the outline."""
        outline = self.outline
        if snapshot.outline is not self._whole:  # it may have values of parameters
            shown = snapshot.outline.nodes
            outline = outline._replace(nodes=tuple([shown[place] for place in self._kept]))
        return snapshot._replace(
            outline=outline,
            codes=self._pick(snapshot.codes),
            counts=self._counts(snapshot.counts),
            values=tuple(
                (self._goes_to[place], text)
                for place, text in snapshot.values
                if place in self._goes_to
            ),
            marks=tuple(
                (self._goes_to[place], text)
                for place, text in snapshot.marks
                if place in self._goes_to
            ),
        )

    def _counts(self, counts: tuple[Counts, ...]) -> tuple[Counts, ...]:
        if counts is not self._latest_counts[0]:  # always the same one if nothing is mapped
            self._latest_counts = counts, self._pick_counts(counts)
        return self._latest_counts[1]
