"""Lays out the graph that live views draw, with Graphviz.

An outline goes in as DOT whose labels only take up room (views draw their own text, so nothing that
users wrote is markup anywhere); boxes and curves in points come out.
"""

import json
from collections.abc import Mapping, Sequence
from itertools import compress
from operator import not_
from typing import Any, NamedTuple, TypeAlias

from resnb.errors import described
from resnb.view.dot import FONT
from resnb.view.engines import RANKS, DrawingError, Engine, Turned, render, turned_by
from resnb.view.links import by_cluster, clipped
from resnb.view.outline import Child, Link, Node, Outline, contents

Point: TypeAlias = tuple[float, float]

AS_IS = Turned(loose=False, roots=False, others=False)
_CHIP = "set-up 00.0 s 000"
_TIMES, _COST = "open 00 min, idle 00 %", ", about 000.00"
"""What a scope's header has room for."""
_TIMED = frozenset({"task", "case", "merge", "init", "setup", "cleanup"})
_NOTES = 48
"""The most room for a scope's notes, in characters; longer ones are condensed."""
_WIDEST_VALUE = 8
"""The least room for a parameter's value, which may change, in characters."""


class Box(NamedTuple):
    """A rectangle: its upper left corner and size in points; y grows downwards."""

    x: float
    y: float
    width: float
    height: float


class Curve(NamedTuple):
    """A link as a chain of cubic Bezier curves: a start, then three points for each."""

    source: int  # the place of the node where it begins
    target: int  # the place of the node where it ends
    kind: str  # see `resnb.view.outline.Link`
    points: tuple[Point, ...]  # the points
    tip: Point  # where the arrow's head ends


class Layout(NamedTuple):
    """Boxes of nodes and clusters, in the order of the outline, and curves of links."""

    width: float
    height: float
    nodes: tuple[Box, ...]
    clusters: tuple[Box, ...]
    curves: tuple[Curve, ...]


def layout_of(outline: Outline, direction: str = "down") -> Layout:
    """The layout of `outline`.

    Args:
        outline: what there is.
        direction: ``down`` or ``right``.

    Raises:
        DrawingError: there is no engine, or none of them can lay this out.
    """
    if not outline.nodes:
        return Layout(0, 0, (), (), ())

    def source(engine: Engine) -> str:
        is_ordered = bool(outline.links) and not outline.clusters  # nothing would be turned
        turned = AS_IS if is_ordered else turned_by(engine, direction)
        return layout_source(outline, direction, turned)

    return parse_layout(outline, render(source, "json0"))


# ---- to Graphviz


def layout_source(outline: Outline, direction: str = "down", turned: Turned = AS_IS) -> str:
    """`outline` in the DOT language, with room for the text that views draw.

    Args:
        outline: what there is.
        direction: ``down`` or ``right``.
        turned: what the engine turns, which names its last nodes first.
    """
    import graphviz

    source = graphviz.Digraph(
        graph_attr={
            "compound": "true", "fontname": FONT, "fontsize": "10", "nodesep": "0.24",
            "pad": "0", "rankdir": RANKS[direction], "ranksep": "0.36",
        },
        node_attr={
            "fontname": FONT, "fontsize": "10", "height": "0.36", "margin": "0.2,0.06",
            "shape": "box", "width": "0.5",
        },
        edge_attr={"arrowsize": "0.6"},
    )  # fmt: skip
    inside = _ordered(outline, turned)
    _write(outline, inside, by_cluster(outline), source, None)
    return str(source.source)


def _ordered(outline: Outline, turned: Turned) -> Mapping[int | None, Sequence[Child]]:
    """What is in each cluster, in the order that lets the engine draw it in the outline's."""
    nodes = outline.nodes
    below = {
        link.target
        for link in outline.links
        if nodes[link.source].cluster == nodes[link.target].cluster
    }
    found: dict[int | None, Sequence[Child]] = {}
    for cluster, children in contents(outline).items():
        if cluster is None:
            found[None] = children[::-1] if turned.loose and not outline.links else children
        elif not (turned.roots or turned.others):
            found[cluster] = children
        else:
            is_root = [not one.is_cluster and one.place not in below for one in children]
            roots = list(compress(children, is_root))
            others = list(compress(children, map(not_, is_root)))
            found[cluster] = (
                *(roots[::-1] if turned.roots else roots),
                *(others[::-1] if turned.others else others),
            )
    return found


def _write(
    outline: Outline,
    inside: Mapping[int | None, Sequence[Child]],
    links: Mapping[int | None, list[Link]],
    picture: Any,
    cluster: int | None,
) -> None:
    for place, is_cluster in inside[cluster]:
        if not is_cluster:
            picture.node(f"n{place}", **_room(outline.nodes[place]))
            continue
        with picture.subgraph(name=f"cluster_{place}") as box:
            one = outline.clusters[place]
            state = " · 00 failed, 00 closing" if one.mapped else " · with the reaper"
            times = _TIMES + (_COST if one.cost is not None else "")
            notes = " · ".join(one.notes)
            lines = [f"{one.label}{state} {_CHIP}", times, *([notes[:_NOTES]] if notes else [])]
            box.attr(label=_wide(lines), labeljust="l", margin="10")
            _write(outline, inside, links, box, place)
    for link in links.get(cluster, ()):
        picture.edge(f"n{link.source}", f"n{link.target}", **clipped(outline, link, cluster))


def _room(node: Node) -> dict[str, str]:
    text = node.short
    if node.kind == "parameter":
        text = f"{node.label} = {node.note.ljust(_WIDEST_VALUE, 'x')}"
    lines = [text]
    if node.mapped or node.kind == "folded":
        lines.append("0,000 of 0,000 done")
    elif node.kind in _TIMED:
        lines.append("00 min 00 s")
    is_counted = node.mapped or node.kind == "folded"  # it has a bar, too
    return {"label": _wide(lines), **({"margin": "0.17,0.1"} if is_counted else {})}


def _wide(lines: list[str]) -> Any:
    """A label as large as `lines`; its characters do not matter."""
    import graphviz

    plain = ["".join(one if one.isalnum() and one.isascii() else "m" for one in x) for x in lines]
    return graphviz.nohtml("\\n".join(plain))


# ---- from Graphviz


def parse_layout(outline: Outline, data: bytes) -> Layout:
    """The layout in an engine's output (format ``json0``).

    Raises:
        DrawingError: the output is no layout of `outline`.
    """
    try:
        return _Parser(json.loads(data)).layout(outline)
    except (ValueError, KeyError, TypeError, IndexError) as error:
        message = f"the engine's layout cannot be read: {described(error)}"
        raise DrawingError(message) from None


class _Parser:
    def __init__(self, found: Any) -> None:
        self._found = found
        left, bottom, right, top = _numbers(found["bb"])
        self._left, self._top = left, top
        self.width, self.height = right - left, top - bottom

    def layout(self, outline: Outline) -> Layout:
        boxes: dict[str, Box] = {}
        names: dict[int, str] = {}
        for one in self._found.get("objects", ()):
            names[one["_gvid"]] = one["name"]
            boxes[one["name"]] = self._cluster(one) if "bb" in one else self._node(one)
        kinds = {(link.source, link.target): link.kind for link in outline.links}
        curves = []
        for one in self._found.get("edges", ()):
            source, target = (int(names[one[end]].removeprefix("n")) for end in ("tail", "head"))
            curves.append(self._curve(source, target, kinds[source, target], one["pos"]))
        nowhere = Box(0, 0, 0, 0)  # a scope without a node is not drawn
        return Layout(
            self.width,
            self.height,
            tuple(boxes[f"n{place}"] for place in range(len(outline.nodes))),
            tuple(boxes.get(f"cluster_{place}", nowhere) for place in range(len(outline.clusters))),
            tuple(curves),
        )

    def _point(self, text: str) -> Point:
        x, y = _numbers(text)
        return round(x - self._left, 1), round(self._top - y, 1)

    def _node(self, one: Mapping[str, Any]) -> Box:
        x, y = self._point(one["pos"])
        width, height = 72 * float(one["width"]), 72 * float(one["height"])
        return Box(
            round(x - width / 2, 1), round(y - height / 2, 1), round(width, 1), round(height, 1)
        )

    def _cluster(self, one: Mapping[str, Any]) -> Box:
        left, bottom, right, top = _numbers(one["bb"])
        x, y = left - self._left, self._top - top
        return Box(round(x, 1), round(y, 1), round(right - left, 1), round(top - bottom, 1))

    def _curve(self, source: int, target: int, kind: str, text: str) -> Curve:
        tip = None
        points = []
        for word in text.split():
            if word.startswith("e,"):
                tip = self._point(word[2:])
            elif not word.startswith("s,"):
                points.append(self._point(word))
        return Curve(source, target, kind, tuple(points), tip or points[-1])


def _numbers(text: str) -> list[float]:
    return [float(word) for word in text.split(",")]
