from resnb import Flow
from resnb.states import (
    CANCELLED,
    FAILED,
    PENDING,
    RUNNING,
    SKIPPED,
    SUCCESS,
    TIMED_OUT,
    TRIGGER_FAILED,
)
from resnb.view.aggregate import overall
from resnb.view.folding import folded
from resnb.view.snapshot import snapshot


def test_a_small_flow_stays_as_it_is(seed):
    whole = snapshot(seed)
    assert folded(whole) is whole


def test_scopes_of_a_large_flow_become_a_node_each(large, progress):
    small = folded(snapshot(large, progress(leases={"part_1": "open"})))
    assert [(node.label, node.kind, node.cluster) for node in small.outline.nodes] == [
        ("100 tasks", "folded", 0),
        ("100 tasks", "folded", 1),
        ("100 tasks", "folded", 2),
        ("all", "task", None),
    ]
    assert [(link.source, link.target) for link in small.outline.links] == [(0, 3), (1, 3), (2, 3)]
    assert small.leases == ("closed", "open", "closed")
    assert small.counts == (((SUCCESS, 100),),) * 3 + ((),)
    assert small.left_out == 0


def test_nested_scopes_fold_into_the_outermost(nested):
    small = folded(snapshot(nested), nodes=2)
    assert [node.label for node in small.outline.nodes] == ["3 tasks"]
    assert [(one.label, one.parent) for one in small.outline.clusters] == [("outer", None)]
    assert small.outline.links == ()


def test_a_folded_scope_shows_what_to_know_first():
    assert overall([SUCCESS, TIMED_OUT, RUNNING]) == FAILED
    assert overall([SUCCESS, RUNNING, CANCELLED]) == RUNNING
    assert overall([SUCCESS, TRIGGER_FAILED, CANCELLED]) == CANCELLED
    assert overall([SUCCESS, TRIGGER_FAILED]) == TRIGGER_FAILED
    assert overall([SUCCESS, SKIPPED]) == SUCCESS
    assert overall([SUCCESS, PENDING]) == RUNNING
    assert overall([PENDING]) == overall([]) == PENDING


def test_what_does_not_fit_is_counted_folded_tasks_included(large, work):
    with large:
        for _ in range(200):
            work("more")()
    whole = snapshot(large)
    small = folded(whole)
    assert len(small.outline.nodes) == len(small.codes) == len(small.counts) == 150
    assert small.left_out == 54
    tiny = folded(whole, nodes=1)
    assert [node.label for node in tiny.outline.nodes] == ["100 tasks"]
    assert tiny.left_out == 200 + 201
    assert all(max(one.source, one.target) < 150 for one in small.outline.links)


def test_links_are_limited_too(work):
    with Flow("dense") as flow:
        layer = [work("a")() for _ in range(20)]
        for _ in range(2):
            layer = [work("b")(layer) for _ in range(20)]
    small = folded(snapshot(flow), links=100)
    assert len(small.outline.links) == 100
    assert len(small.outline.nodes) == 25
    assert small.left_out == 35
