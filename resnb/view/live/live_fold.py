"""Makes a flow small enough for a live view, where a reader can open what was folded.

First what scopes do for themselves goes into their headers. If the rest is still too large, chains
and repeated tasks become one node each; then tasks of one level with the same name, then scopes,
then whole levels. What was opened by a reader stays open.
"""

from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from typing import TypeAlias

from resnb.graph.base.kinds import SCOPE_KINDS
from resnb.view.folding import CutOff, Merged, fits, folded_scopes
from resnb.view.live.groups import repeated, same_level
from resnb.view.live.headers import Headers
from resnb.view.outline import Outline
from resnb.view.snapshot import Snapshot

NODES, LINKS = 100, 600
"""How much is drawn before anything is folded."""
MOST_NODES, MOST_LINKS = 1_500, 4_000
"""How much is drawn when a reader unfolds everything: Graphviz lays that out in about 2 s."""
NAMED = 5_000
"""Maximum number of folded tasks whose names views are sent, to search in."""

Opened: TypeAlias = AbstractSet[tuple[str, str]]
"""What a reader has opened: ``("cluster", its label)``, or ``("node", label)`` of each task."""


class LiveFold:
    """Folds the outline of a flow for live views, and snapshots of it.

    Args:
        outline: the flow's.
        opened: what a reader has opened.
        is_unfolded: whether a reader has unfolded everything.

    Attributes:
        outline: the part that is drawn.
        is_large: whether anything but headers is folded, or would be if it were not opened.
        inside: for each of its nodes the places in the whole outline of what it stands for.
    """

    def __init__(
        self, outline: Outline, opened: Opened = frozenset(), *, is_unfolded: bool = False
    ) -> None:
        self._whole = outline
        self._opened = opened
        clusters = {label for what, label in opened if what == "cluster"}
        self._steps: list[Headers | Merged | CutOff] = [Headers(outline, clusters)]
        self.inside = self._steps[0].origin
        self.outline = self._steps[0].outline
        self.is_large = not fits(self.outline, NODES, LINKS)
        if not is_unfolded:
            self._fold()
        if not fits(self.outline, MOST_NODES, MOST_LINKS):
            self._add(CutOff(self.outline, MOST_NODES, MOST_LINKS))

    def _fold(self) -> None:
        opened = {label for what, label in self._opened if what == "node"}
        ways: tuple[Callable[[Outline], Merged], ...] = (
            lambda now: Merged(now, repeated(now, opened)),
            lambda now: Merged(now, same_level(now, opened, by_name=True)),
            lambda now: folded_scopes(now, opened),
            lambda now: Merged(now, same_level(now, opened, by_name=False)),
        )
        for place, way in enumerate(ways):
            room = NODES + (len(opened) if place else 0)  # what is opened opens nothing else
            if fits(self.outline, room, LINKS):
                return
            self._add(way(self.outline))

    def _add(self, step: Merged | CutOff) -> None:
        before, after = self.outline, step.outline
        if (len(before.nodes), before.clusters) == (len(after.nodes), after.clusters):
            return  # it would only take time
        self._steps.append(step)
        self.outline = step.outline
        self.inside = tuple(
            tuple(old for place in places for old in self.inside[place]) for places in step.origin
        )

    def apply(self, snapshot: Snapshot) -> Snapshot:
        """Fold a snapshot of the whole outline."""
        for step in self._steps:
            snapshot = step.apply(snapshot)
        return snapshot

    def names(self) -> dict[int, list[str]]:
        """For each folded node the tasks in it, as far as views are sent their names."""
        found: dict[int, list[str]] = {}
        left = NAMED
        for place, node in enumerate(self.outline.nodes):
            if node.kind == "folded":
                inside = self._tasks_in(place)
                found[place] = [name for name, _ in zip(inside, range(left), strict=False)]
                left -= len(found[place])
        return found

    def in_header(self) -> dict[str, list[str]]:
        """For each cluster the tasks that its header stands for, in the order in which they run."""
        shown = {place for places in self.inside for place in places}
        nodes, clusters = self._whole.nodes, self._whole.clusters
        found: dict[str, list[str]] = {}
        for place, node in enumerate(nodes):
            if node.kind in SCOPE_KINDS and node.cluster is not None and place not in shown:
                found.setdefault(clusters[node.cluster].label, []).append(node.label)
        return found

    def _tasks_in(self, place: int) -> Iterator[str]:
        nodes = self._whole.nodes
        return (
            nodes[one].label for one in self.inside[place] if nodes[one].kind not in SCOPE_KINDS
        )
