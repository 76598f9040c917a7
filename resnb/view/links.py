"""Which links a picture needs, and in which cluster each belongs.

The box around a scope already says that its set-up comes first and its clean-up last, so links that
say the same are drawn only if no other link implies them.
"""

from collections import defaultdict

from resnb.view.outline import Link, Outline


def worth_drawing(outline: Outline) -> list[Link]:
    """The links of `outline`, except those that follow from links inside a scope."""
    nodes = outline.nodes
    arriving: defaultdict[int, list[Link]] = defaultdict(list)
    for link in outline.links:
        arriving[link.target].append(link)

    def implied(link: Link) -> bool:
        source, target = nodes[link.source], nodes[link.target]
        if source.kind not in ("init", "setup") or source.cluster is None:
            return False
        if source.kind == "init" and target.kind == "setup":
            return False
        return any(
            nodes[other.source].kind != "init"
            and is_inside(outline, nodes[other.source].cluster, source.cluster)
            for other in arriving[link.target]
            if other.source not in (link.source, link.target)
        )

    return [link for link in outline.links if not implied(link)]


def by_cluster(outline: Outline) -> dict[int | None, list[Link]]:
    """The links worth drawing, by the innermost cluster around both ends.

    Graphviz leads a link that is declared further out around that cluster's border.
    """
    found: defaultdict[int | None, list[Link]] = defaultdict(list)
    for link in worth_drawing(outline):
        found[common_cluster(outline, link)].append(link)
    return found


def clipped(outline: Outline, link: Link, cluster: int | None) -> dict[str, str]:
    """Attributes that let a link end at the border of a resource's box, not at a step inside it."""
    source, target = outline.nodes[link.source], outline.nodes[link.target]
    look = {}
    if link.head is not None:
        look["lhead"] = f"cluster_{link.head}"
    elif target.kind in ("init", "folded") and target.cluster != cluster:
        look["lhead"] = f"cluster_{target.cluster}"
    if link.tail is not None:
        look["ltail"] = f"cluster_{link.tail}"
    elif source.kind in ("cleanup", "folded") and source.cluster != cluster:
        look["ltail"] = f"cluster_{source.cluster}"
    return look


def is_inside(outline: Outline, cluster: int | None, outer: int) -> bool:
    """Whether `cluster` is `outer` or lies within it."""
    while cluster is not None:
        if cluster == outer:
            return True
        cluster = outline.clusters[cluster].parent
    return False


def common_cluster(outline: Outline, link: Link) -> int | None:
    """The innermost cluster around both ends of `link`."""
    cluster = outline.nodes[link.source].cluster
    other = outline.nodes[link.target].cluster
    while cluster is not None and not is_inside(outline, other, cluster):
        cluster = outline.clusters[cluster].parent
    return cluster
