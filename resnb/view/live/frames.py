"""Makes the frames about a flow's graph: its structure, its states, and what changes in them."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeVar

from resnb import __version__
from resnb.states import FIRST_FINISHED, FIRST_UNSUCCESSFUL, RUNNING
from resnb.view.live.layout import Box, Curve, Layout
from resnb.view.outline import Cluster, Node, Outline
from resnb.view.snapshot import Snapshot
from resnb.view.wire.graph import (
    ClusterInfo,
    Delta,
    Direction,
    Folded,
    NodeInfo,
    RunInfo,
    ScopeTimes,
    States,
    Structure,
    Tally,
)

T = TypeVar("T")
LONGEST_LINK = 500
"""Characters of a link."""


class Folding(NamedTuple):
    """What a structure says of what is not drawn.

    Attributes:
        folded: whether the flow is so large that it is folded, or a user has unfolded it.
        names: for each folded node the tasks in it.
        headers: for each cluster, by its label, the tasks that its header stands for.
    """

    folded: Folded = "no"
    names: Mapping[int, list[str]] = {}
    headers: Mapping[str, list[str]] = {}


WHOLE = Folding()


class Times(NamedTuple):
    """How long tasks took, and resources were open; each pair begins with a place."""

    tasks: Sequence[tuple[int, float]] = ()
    scopes: Sequence[tuple[int, ScopeTimes]] = ()


NO_TIMES = Times()


def structure(
    outline: Outline,
    layout: Layout,
    version: int,
    folding: Folding = WHOLE,
    direction: Direction = "down",
) -> Structure:
    """The frame for a structure.

    Args:
        outline: what there is.
        layout: where it stands.
        version: a number that grows with each structure; later frames refer to it.
        folding: what is not drawn.
        direction: which way the graph goes.
    """
    return {
        "frame": "structure",
        "resnb": __version__,
        "version": version,
        "name": outline.name,
        "folded": folding.folded,
        "direction": direction,
        "size": (round(layout.width, 1), round(layout.height, 1)),
        "nodes": [
            _node(outline, node, box, folding.names.get(place))
            for place, (node, box) in enumerate(zip(outline.nodes, layout.nodes, strict=True))
        ],
        "clusters": [
            _cluster(one, box, folding.headers.get(one.label, []))
            for one, box in zip(outline.clusters, layout.clusters, strict=True)
        ],
        "links": [
            {"source": one.source, "target": one.target, "kind": one.kind, "path": path(one)}
            for one in layout.curves
        ],
    }


def _node(outline: Outline, node: Node, box: Box, inside: list[str] | None) -> NodeInfo:
    found: NodeInfo = {
        "id": node_id(outline, node),
        "text": node.short,
        "kind": node.kind,
        "mapped": node.mapped,
        "cluster": node.cluster,
        "box": box,
    }
    if inside is not None:
        found["inside"] = inside
    if node.name:
        found["name"] = node.name
    return found


def _cluster(one: Cluster, box: Box, inside: list[str]) -> ClusterInfo:
    found: ClusterInfo = {
        "id": one.label,
        "manager": one.manager,
        "parent": one.parent,
        "notes": list(one.notes),
        "mapped": one.mapped,
        "box": box,
        "inside": inside,
        "cost": one.cost,
    }
    if one.name:
        found["name"] = one.name
    return found


def node_id(outline: Outline, node: Node) -> str:
    """The node's name, unique in the flow; the labels of folded scopes need not be."""
    if node.kind != "folded" or node.tasks or node.cluster is None:
        return node.label
    return f"scope {outline.clusters[node.cluster].label}"


def path(curve: Curve) -> str:
    """The curve in SVG's notation."""
    (start, *rest) = curve.points
    bends = (rest[place : place + 3] for place in range(0, len(rest) - 2, 3))
    words = "".join(f"C{' '.join(f'{x:g},{y:g}' for x, y in bend)}" for bend in bends)
    return f"M{start[0]:g},{start[1]:g}{words}L{curve.tip[0]:g},{curve.tip[1]:g}"


def run_info(snapshot: Snapshot, version: int, elapsed: float | None, link: str) -> RunInfo:
    """What every frame with states says of the run.

    Args:
        snapshot: the states.
        version: the structure's.
        elapsed: seconds that the latest run took or has been taking.
        link: the address of its cluster's dashboard; sent if it is a page of the web or of this
            server.
    """
    is_page = link.startswith(("http://", "https://")) or (
        link[:1] == "/" and link[1:2] not in "/\\"
    )
    link = link if is_page and len(link) <= LONGEST_LINK else ""
    return {"version": version, "tally": tally(snapshot), "elapsed": elapsed, "link": link}


def states(snapshot: Snapshot, run: RunInfo, times: Times = NO_TIMES) -> States:
    """The frame with the state of everything."""
    values = dict(snapshot.values)
    return {
        **run,
        "frame": "states",
        "flow": snapshot.code,
        "codes": list(snapshot.codes),
        "counts": [(place, one) for place, one in enumerate(snapshot.counts) if one],
        "leases": list(snapshot.leases),
        "stacks": list(snapshot.stacks),
        "notes": [
            (place, values.get(place, node.note))
            for place, node in enumerate(snapshot.outline.nodes)
            if node.kind == "parameter"
        ],
        "marks": list(snapshot.marks),
        "times": list(times.tasks),
        "scopes": list(times.scopes),
        "hidden": snapshot.left_out,
    }


def delta(  # noqa: C901 - a line or two for each field
    before: Snapshot, now: Snapshot, run: RunInfo, times: Times = NO_TIMES
) -> Delta | None:
    """What has changed between two snapshots of one structure; None if nothing has."""
    if now == before and not (times.tasks or times.scopes):
        return None
    changed: Delta = {"frame": "delta", **run}  # type: ignore[typeddict-item]
    if now.code != before.code:
        changed["flow"] = now.code
    if now.codes != before.codes:
        changed["codes"] = changes(before.codes, now.codes)
    if now.counts != before.counts:
        changed["counts"] = changes(before.counts, now.counts)
    if now.leases != before.leases:
        changed["leases"] = changes(before.leases, now.leases)
    if now.stacks != before.stacks:
        changed["stacks"] = [one for one in now.stacks if one not in before.stacks]
    if now.values != before.values:
        nodes, values = now.outline.nodes, dict(now.values)
        places = sorted({place for place, _ in (*now.values, *before.values)})
        changed["notes"] = [(place, values.get(place, nodes[place].note)) for place in places]
    if now.marks != before.marks:
        gone = [(place, "") for place, _ in before.marks if not now.mark(place)]
        changed["marks"] = [*gone, *now.marks]
    if times.tasks:
        changed["times"] = list(times.tasks)
    if times.scopes:
        changed["scopes"] = list(times.scopes)
    return changed


def changes(before: Sequence[T], now: Sequence[T]) -> list[tuple[int, T]]:
    """The items that are others than before, each with its place."""
    pairs = enumerate(zip(before, now, strict=True))
    return [(place, new) for place, (old, new) in pairs if new != old]


def tally(snapshot: Snapshot) -> Tally:
    """How far the run is; set-ups, clean-ups and parameters do not count."""
    total = done = failed = running = 0
    for code, number in snapshot.totals:
        total += number
        if FIRST_FINISHED <= code < FIRST_UNSUCCESSFUL:
            done += number
        elif code >= FIRST_UNSUCCESSFUL:
            failed += number
        elif code == RUNNING:
            running += number
    return Tally(total, done, failed, running)
