"""The flow's answers about its structure."""

import pytest

from resnb import Flow, Parameter, states
from resnb.errors import GraphError
from resnb.graph.arguments import Constant
from resnb.graph.tasks.edge import Edge
from tests.graph.parts import Step, Thing, diamond, source
from tests.graph.shapes import arrows, dump, names


@pytest.fixture
def flow():
    return diamond()


def test_tasks_and_edges(flow):
    assert names(flow.tasks) == ["bottom", "left", "n", "right", "top"]
    assert arrows(flow) == {
        "top -> left.x",
        "top -> right.x",
        "left -> bottom.x",
        "right -> bottom",
        "n -> bottom",
    }


def test_neighbours(flow):
    assert flow.edges_to(flow.left) == {Edge(flow.top, flow.left, "x")}
    assert flow.edges_from(flow.n) == {Edge(flow.n, flow.bottom)}
    assert flow.upstream_tasks(flow.bottom) == {flow.left, flow.right, flow.n}
    assert flow.downstream_tasks(flow.top) == {flow.left, flow.right}
    assert flow.downstream_tasks(flow.bottom) == set()
    for one in flow.tasks:
        assert flow.all_upstream_edges()[one] == flow.edges_to(one)
        assert flow.all_downstream_edges()[one] == flow.edges_from(one)


def test_ends(flow):
    assert flow.root_tasks() == {flow.top, flow.n}
    assert flow.terminal_tasks() == {flow.bottom}


def test_answers_follow_changes(flow):
    assert flow.terminal_tasks() == {flow.bottom}
    assert flow.sorted_tasks()[-1] is flow.bottom
    with flow:
        more = Step(name="more")(flow.bottom)
    assert flow.terminal_tasks() == {more}
    assert flow.sorted_tasks()[-1] is more
    assert "bottom -> more.x" in arrows(flow)


def test_answers_count_edges_of_scopes(flow):
    with flow, Thing():
        inside = source()
    assert names(flow.upstream_tasks(inside)) == ["Thing.setup"]
    assert names(flow.downstream_tasks(inside)) == ["Thing.cleanup"]
    assert names(flow.root_tasks()) == ["Thing", "n", "top"]


# ---- reference tasks


def test_reference_tasks_are_the_last_ones_unless_chosen(flow):
    assert flow.reference_tasks() == {flow.bottom}
    assert not flow.has_reference_tasks
    flow.set_reference_tasks([flow.left, flow.right])
    assert flow.reference_tasks() == {flow.left, flow.right}
    assert flow.has_reference_tasks
    flow.set_reference_tasks([])
    assert flow.reference_tasks() == {flow.bottom}


def test_a_task_before_cleanup_only_is_a_reference_task(flow):
    with flow:
        with Thing() as thing:
            last = source()
        (scope,) = flow.scopes
        flow.bottom >> scope.cleanup_task
    assert flow.reference_tasks() == {last, flow.bottom}
    assert thing not in flow.reference_tasks()


# ---- order


def test_tasks_are_sorted_as_they_were_added(flow):
    assert names(flow.sorted_tasks()) == ["top", "left", "right", "n", "bottom"]


def test_edges_come_before_the_order_of_adding():
    with Flow("f") as flow:
        handles = [source(task_args={"name": name}) for name in "abcd"]
    a, b, _, d = handles
    d >> a
    a >> b
    assert names(flow.sorted_tasks()) == ["c", "d", "a", "b"]


def test_tasks_from_some_on(flow):
    assert names(flow.sorted_tasks([flow.left])) == ["left", "bottom"]
    assert names(flow.sorted_tasks([flow.right, flow.n])) == ["right", "n", "bottom"]


# ---- finding tasks


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, ["top", "left", "right", "n", "bottom"]),
        ({"name": "left"}, ["left"]),
        ({"tags": ["a"]}, ["top", "left", "n"]),
        ({"tags": ["a", "b"]}, ["top"]),
        ({"task_type": Step}, ["left", "right", "bottom"]),
        ({"task_type": Parameter}, ["n"]),
        ({"task_type": Step, "tags": ["a"]}, ["left"]),
        ({"name": "nobody"}, []),
    ],
    ids=str,
)
def test_get_tasks(flow, wanted, found):
    assert names(flow.get_tasks(**wanted)) == found


def test_a_task_without_a_run_is_pending(flow):
    assert isinstance(flow.top.state, states.Pending)
    assert isinstance(source.state, states.Pending)


# ---- making flows of tasks and edges


def test_a_flow_of_given_tasks_and_edges():
    a, b, c = source.copy(), Step(), Step()
    flow = Flow("f", tasks=[c], edges=[Edge(a, b, "x"), Edge(b, c)], reference_tasks=[b])
    assert arrows(flow) == {"source -> Step.x", "Step -> Step"}
    assert flow.reference_tasks() == {b}


def test_adding_a_task_twice_does_nothing(flow):
    before = dump(flow)
    assert flow.add_task(flow.left) is flow.left
    assert dump(flow) == before


def test_add_edge_gives_the_edge(flow):
    fresh = source.copy()
    assert flow.add_edge(fresh, flow.left, key="y") == Edge(fresh, flow.left, "y")
    assert flow.chain(fresh, flow.right, flow.bottom) == [
        Edge(fresh, flow.right),
        Edge(flow.right, flow.bottom),
    ]


# ---- validate

DAMAGE = {
    "a one-sided edge": lambda f: setattr(f.nodes[f.top], "downstream", ()),
    "an edge without a reason": lambda f: change(f.nodes[f.left], "upstream", f.right),
    "an edge to nowhere": lambda f: change(f.nodes[f.left], "downstream", source),
    "an input without an edge": lambda f: setattr(f.nodes[f.top], "inputs", {"x": f.left}),
    "a node that is gone": lambda f: f.nodes.pop(f.left),
    "a mark on no argument": lambda f: setattr(f.nodes[f.left], "mapped", {"z"}),
    "a flattened argument": lambda f: setattr(f.nodes[f.left], "flattened", {"z"}),
    "an order that is wrong": lambda f: setattr(f.nodes[f.left], "position", 99),
    "a claim that is wrong": lambda f: (f.add_edge(f.bottom, late(f)), setattr(f, "forward", True)),
    "a reference to nowhere": lambda f: setattr(f, "_reference", (source,)),
    "a member that is gone": lambda f: scope_of(f).members.update({source: None}),
    "a member that is none": lambda f: scope_of(f).members.update({f.top: None}),
    "a member unknown to its scope": lambda f: scope_of(f).members.clear(),
    "a cycle": lambda f: tie(f.nodes, f.bottom, f.top),
}


def late(flow):
    handle = flow.add_task(source.copy())
    flow.nodes[handle].position = -1
    nodes = {handle: flow.nodes.pop(handle), **flow.nodes}
    flow.nodes.clear()
    flow.nodes.update(nodes)
    return handle


def scope_of(flow):
    return flow.find_scope("Thing")


def tie(nodes, upstream, downstream):
    change(nodes[upstream], "downstream", downstream)
    change(nodes[downstream], "upstream", upstream)
    nodes[downstream].control = {upstream: False}


def change(node, name, task):
    setattr(node, name, (*getattr(node, name), task))


@pytest.mark.parametrize("name", DAMAGE)
def test_validate_finds_damage(flow, name):
    with flow, Thing():
        source()
    flow.validate()
    DAMAGE[name](flow)
    with pytest.raises(GraphError):
        flow.validate()


def test_inputs_are_immutable(flow):
    value = flow.nodes[flow.bottom].inputs
    assert value == {"x": flow.left}
    with pytest.raises(AttributeError):
        Constant(1).value = 2
