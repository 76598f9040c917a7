"""What is sent to a live view: a structure when it changes, states when it is shown, then deltas.

Frames are plain JSON. Texts in them are bounded and harmless to read (see `resnb.view.names`),
and a view writes them as text, never as markup.
"""

from typing import Any, NamedTuple, TypeAlias

import resnb
from resnb.states import FIRST_FINISHED, FIRST_UNSUCCESSFUL, RUNNING
from resnb.view.live.layout import Curve, Layout
from resnb.view.outline import Node, Outline
from resnb.view.snapshot import Counts, Snapshot

Frame: TypeAlias = dict[str, Any]

LONGEST_LINK = 500
"""Characters of a link."""


class Tally(NamedTuple):
    """How far a run is, in tasks and children that do work.

    Attributes:
        total: how many there are.
        done: how many have ended well.
        failed: how many have ended otherwise.
        running: how many are running.
    """

    total: int
    done: int
    failed: int
    running: int


def structure(outline: Outline, layout: Layout, version: int, fold: str = "no") -> Frame:
    """The frame for a structure.

    Args:
        outline: what there is.
        layout: where it stands.
        version: a number that grows with each structure; later frames refer to it.
        fold: ``no``, ``yes`` (the flow is so large that it is folded) or ``unfolded``.
    """
    return {
        "frame": "structure",
        "resnb": resnb.__version__,  # a view of another version says so
        "version": version,
        "name": outline.name,
        "folded": fold,
        "size": [round(layout.width, 1), round(layout.height, 1)],
        "nodes": [
            {
                "id": _id(outline, node),
                "text": node.short,
                "kind": node.kind,
                "mapped": node.mapped,
                "cluster": node.cluster,
                "box": list(box),
            }
            for node, box in zip(outline.nodes, layout.nodes, strict=True)
        ],
        "clusters": [
            {
                "id": one.label,
                "manager": one.manager,
                "parent": one.parent,
                "notes": list(one.notes),
                "mapped": one.mapped,
                "box": list(box),
            }
            for one, box in zip(outline.clusters, layout.clusters, strict=True)
        ],
        "links": [
            {
                "source": curve.source,
                "target": curve.target,
                "kind": curve.kind,
                "path": path(curve),
            }
            for curve in layout.curves
        ],
    }


def _id(outline: Outline, node: Node) -> str:
    """What tells a node from all others; folded scopes may be called alike."""
    if node.kind != "folded" or node.cluster is None:
        return node.label
    return f"scope {outline.clusters[node.cluster].label}"


def path(curve: Curve) -> str:
    """The curve in SVG's words."""
    (start, *rest) = curve.points
    words = [f"M{start[0]:g},{start[1]:g}"]
    words += [f"C{' '.join(f'{x:g},{y:g}' for x, y in rest[i : i + 3])}" for i in _steps(rest)]
    return f"{''.join(words)}L{curve.tip[0]:g},{curve.tip[1]:g}"


def _steps(points: list[Any]) -> range:
    return range(0, len(points) - 2, 3)


def states(snapshot: Snapshot, version: int, elapsed: float | None = None, link: str = "") -> Frame:
    """The frame with the state of everything.

    Args:
        snapshot: the states.
        version: the structure's.
        elapsed: seconds that the latest run took or has been taking.
        link: the address of the dashboard of the cluster that it ran on; empty for none.
    """
    values = dict(snapshot.values)
    notes = {
        place: values.get(place, node.note)
        for place, node in enumerate(snapshot.outline.nodes)
        if node.kind == "parameter"
    }
    return {
        "frame": "states",
        "version": version,
        "flow": snapshot.code,
        "codes": list(snapshot.codes),
        "counts": {place: _pairs(one) for place, one in enumerate(snapshot.counts) if one},
        "leases": list(snapshot.leases),
        "stacks": dict(snapshot.stacks),
        "notes": notes,
        "tally": list(tally(snapshot)),
        "hidden": snapshot.left_out,
        "elapsed": elapsed,
        **_linked(link),
    }


def _linked(link: str) -> Frame:
    """A link as part of a frame: to a page of the web or of this server, or none."""
    is_page = link.startswith(("http://", "https://")) or (
        link[:1] == "/" and link[1:2] not in "/\\"
    )
    return {"link": link} if is_page and len(link) <= LONGEST_LINK else {}


def delta(
    before: Snapshot, now: Snapshot, version: int, elapsed: float | None = None, link: str = ""
) -> Frame | None:
    """What has changed between two snapshots of one structure; None if nothing has."""
    changed: Frame = {}
    if now.code != before.code:
        changed["flow"] = now.code
    if now.codes != before.codes:
        pairs = enumerate(zip(before.codes, now.codes, strict=True))
        changed["codes"] = [[place, new] for place, (old, new) in pairs if new != old]
    if now.counts != before.counts:
        counted = enumerate(zip(before.counts, now.counts, strict=True))
        changed["counts"] = [[place, _pairs(new)] for place, (old, new) in counted if new != old]
    if now.leases != before.leases:
        leased = enumerate(zip(before.leases, now.leases, strict=True))
        changed["leases"] = [[place, new] for place, (old, new) in leased if new != old]
    if now.stacks != before.stacks:
        changed["stacks"] = [one for one in now.stacks if one not in before.stacks]
    if now.values != before.values:
        nodes, values = now.outline.nodes, dict(now.values)
        places = sorted({place for place, _ in (*now.values, *before.values)})
        changed["notes"] = [[place, values.get(place, nodes[place].note)] for place in places]
    if not changed and now.totals == before.totals:
        return None
    now_known = {"tally": list(tally(now)), "elapsed": elapsed, **_linked(link)}
    return {"frame": "delta", "version": version, **now_known, **changed}


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


def _pairs(counts: Counts) -> list[list[int]]:
    return [[code, number] for code, number in counts]


__all__ = ["Frame", "Tally", "delta", "path", "states", "structure", "tally"]
