"""Layouts have a place for everything, and nothing that users wrote reaches the engine."""

import pytest

from resnb import Flow
from resnb.view.engines import DrawingError
from resnb.view.live.frames import path
from resnb.view.live.layout import layout_of, layout_source, parse_layout
from resnb.view.outline import Cluster, Link, Node, Outline
from resnb.view.snapshot import snapshot


def is_inside(box, outer):
    return (
        outer.x <= box.x
        and outer.y <= box.y
        and box.x + box.width <= outer.x + outer.width
        and box.y + box.height <= outer.y + outer.height
    )


def test_nodes_stand_in_their_clusters_and_these_in_the_picture(nested, engine):
    outline = snapshot(nested).outline
    layout = layout_of(outline)
    for node, box in zip(outline.nodes, layout.nodes, strict=True):
        if node.cluster is not None:
            assert is_inside(box, layout.clusters[node.cluster])
    for cluster, box in zip(outline.clusters, layout.clusters, strict=True):
        if cluster.parent is not None:
            assert is_inside(box, layout.clusters[cluster.parent])
    assert max(box.x + box.width for box in layout.nodes) <= layout.width
    assert max(box.y + box.height for box in layout.nodes) <= layout.height


def test_curves_go_down_and_are_chains_of_bezier_curves(seed, engine):
    layout = layout_of(snapshot(seed).outline)
    assert layout.curves
    for curve in layout.curves:
        assert len(curve.points) % 3 == 1
        assert curve.points[0][1] < curve.tip[1]
        assert path(curve).startswith("M")


@pytest.mark.parametrize(("direction", "axis"), [("down", "x"), ("right", "y")])
def test_what_comes_first_in_a_cluster_is_drawn_first(engine, direction, axis):
    clusters = (Cluster("db", "Db", None, ()), Cluster("volume", "Volume", 0, ()))
    roots, inner, children = range(4), range(4, 7), range(8, 11)
    nodes = [
        Node(str(place), str(place), "task", cluster=1 if place in inner else 0)
        for place in range(11)
    ]
    ends = [(place, 7) for place in (*roots, *inner)] + [(7, place) for place in children]
    links = tuple(Link(source, target, "", "data") for source, target in ends)
    layout = layout_of(Outline("etl", tuple(nodes), clusters, links), direction)
    places = [getattr(box, axis) for box in layout.nodes]
    for group in (roots, inner, children):
        found = [places[place] for place in group]
        assert found == sorted(found), group


@pytest.mark.parametrize(("direction", "axis"), [("down", "x"), ("right", "y")])
def test_tasks_without_links_are_drawn_in_their_order(engine, direction, axis):
    nodes = tuple(Node(f"load {number}", f"load {number}", "task") for number in range(4))
    places = [
        getattr(box, axis) for box in layout_of(Outline("etl", nodes, (), ()), direction).nodes
    ]
    assert places == sorted(places)


def test_an_empty_flow_has_an_empty_layout():
    assert layout_of(snapshot(Flow("empty")).outline).nodes == ()


def test_the_engine_sees_no_character_that_means_something_to_it(work):
    with Flow("hostile") as flow:
        for name in ('"]; evil', "<b>bold</b>", "a\nb", "\\N", "🚀"):
            work(name)()
    source = layout_source(snapshot(flow).outline)
    assert not {"evil", "<", "🚀", "\\N"} & set(source.split())
    assert "<b>" not in source


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b'{"bb": "0,0,1"}', b'{"bb": "0,0,1,1"}'])
def test_what_is_no_layout_is_said_to_be_none(seed, data):
    with pytest.raises(DrawingError, match="cannot be read"):
        parse_layout(snapshot(seed).outline, data)
