"""Which links a picture needs, and where they belong.

The box around a scope says that its set-up comes first and its clean-up last; of the links that
say it again only those are drawn that no other link implies.
"""

from collections import defaultdict

from resnb.view.outline import Link, Outline


def worth_drawing(outline: Outline) -> list[Link]:
    """The links of `outline` without those that follow from the links inside a scope."""
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


__all__ = ["common_cluster", "is_inside", "worth_drawing"]
