"""Snapshot -> DOT, the language of Graphviz.

Invariants: the same snapshot gives the same text and so the same layout; what users wrote reaches
Graphviz only as a quoted, escaped label, never as markup or an identifier.
"""

from contextlib import ExitStack
from typing import Any

from resnb.graph.base.kinds import SCOPE_KINDS
from resnb.view import palette, wording
from resnb.view.links import by_cluster, clipped
from resnb.view.outline import Node, contents
from resnb.view.palette import LEASE, TASK, Look
from resnb.view.snapshot import Snapshot

FONT = "Arial"  # every engine has it, or one with the same widths
_LARGE = 60
_SHAPES = {
    "case": {"shape": "octagon", "style": "filled", "margin": "0.06,0.04"},
    "merge": {"shape": "octagon", "style": "filled", "margin": "0.06,0.04"},
    "parameter": {"shape": "note", "style": "filled"},
    "folded": {"shape": "box3d", "style": "filled", "margin": "0.14,0.09"},
}
_MAPPED = {"shape": "box3d", "style": "filled", "margin": "0.14,0.09"}
_SMALL = {"fontsize": "8.5", "height": "0.22", "margin": "0.08,0.03"}
_LINKS: dict[str, dict[str, str]] = {
    "data": {},
    "control": {"style": "dashed", "arrowhead": "vee"},
    "setup": {"color": palette.FAINT_LINK, "style": "dashed", "arrowsize": "0.5"},
    "cleanup": {"color": palette.FAINT_LINK, "style": "dashed", "arrowsize": "0.5"},
}


def dot_source(snapshot: Snapshot, caption: str = "") -> str:
    """The picture of `snapshot` in the DOT language, with `caption` beneath its title."""
    import graphviz

    picture = graphviz.Digraph(
        graph_attr={
            "bgcolor": palette.PAPER, "compound": "true", "dpi": _dpi(snapshot),
            "fontcolor": palette.INK, "fontname": FONT, "fontsize": "11",
            "label": _title(snapshot, caption), "labeljust": "l", "labelloc": "t",
            "nodesep": "0.2", "pad": "0.1", "ranksep": "0.32",
        },
        node_attr={
            "fontname": FONT, "fontsize": "10", "height": "0.32", "margin": "0.12,0.05",
            "shape": "box", "style": "rounded,filled", "width": "0",
        },
        edge_attr={
            "arrowsize": "0.6", "color": palette.LINK, "fontcolor": palette.FAINT,
            "fontname": FONT, "fontsize": "8.5", "penwidth": "1",
        },
    )  # fmt: skip
    _Drawing(snapshot).draw(picture)
    return str(picture.source)


class _Drawing:
    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._contents = contents(snapshot.outline)
        self._links = by_cluster(snapshot.outline)

    def draw(self, picture: Any, cluster: int | None = None) -> None:
        snapshot = self._snapshot
        for place, is_cluster in self._contents[cluster]:
            if not is_cluster:
                picture.node(f"n{place}", **_node_look(snapshot, place))
                continue
            look = LEASE[snapshot.leases[place]]
            with ExitStack() as stack:
                outer = picture
                if snapshot.outline.clusters[place].mapped:  # a frame behind: a stack
                    outer = stack.enter_context(picture.subgraph(name=f"cluster_{place}_stack"))
                    outer.attr(**_cluster_look(look) | {"margin": "4", "label": ""})
                box = stack.enter_context(outer.subgraph(name=f"cluster_{place}"))
                box.attr(**_cluster_look(look))
                box.attr(label=_lines("l", *wording.of_cluster(snapshot, place)))
                self.draw(box, place)
        for link in self._links.get(cluster, ()):
            ends = clipped(snapshot.outline, link, cluster)
            picture.edge(f"n{link.source}", f"n{link.target}", **_LINKS[link.kind], **ends)


def _dpi(snapshot: Snapshot) -> str:
    """The resolution: large pictures are shown scaled down anyway."""
    return "96" if len(snapshot.outline.nodes) <= _LARGE else "72"


def _title(snapshot: Snapshot, caption: str) -> Any:
    name = wording.SEPARATOR.join((snapshot.outline.name, wording.of_flow(snapshot)))
    return _lines("l", name, caption, wording.left_out(snapshot) or " ")


def _lines(justified: str, *texts: str) -> Any:
    """A label with a line for each of `texts` that is not empty."""
    import graphviz

    lines = [graphviz.escape(text.replace("&", "&amp;")) for text in texts if text]
    end = f"\\{justified}"
    return graphviz.nohtml(end.join(lines) + (end if justified != "n" else ""))


def _node_look(snapshot: Snapshot, place: int) -> dict[str, Any]:
    node, look = snapshot.outline.nodes[place], TASK[snapshot.codes[place]]
    shape = dict(_MAPPED if node.mapped else _SHAPES.get(node.kind, {}))
    if node.kind in SCOPE_KINDS:
        shape |= _SMALL | ({"margin": "0.12,0.1"} if node.mapped else {})
    style = shape.pop("style", "rounded,filled")
    return shape | {
        "label": _lines("n", _name(node), *wording.of_node(snapshot, place)),
        "style": style if look.style == "solid" else f"{style},{look.style}",
        "fillcolor": look.fill,
        "color": look.line,
        "fontcolor": look.ink,
        "penwidth": f"{look.strength:g}",
    }


def _name(node: Node) -> str:
    if node.kind == "parameter" and node.note != "required":
        return f"{node.label} = {node.note}"
    return node.short


def _cluster_look(look: Look) -> dict[str, str]:
    return {
        "bgcolor": look.fill, "color": look.line, "fontcolor": look.ink, "fontsize": "10",
        "labeljust": "l", "margin": "10", "penwidth": f"{look.strength:g}",
        "style": f"rounded,{look.style}",
    }  # fmt: skip
