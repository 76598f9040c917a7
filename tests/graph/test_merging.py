"""Copying a flow, and merging two."""

import pytest

from resnb import Flow, Parameter, unmapped
from resnb.errors import GraphError
from resnb.graph.tasks.edge import Edge
from tests.graph.parts import Step, Thing, diamond, source
from tests.graph.shapes import arrows, dump, names


@pytest.fixture
def flow():
    return diamond()


def test_a_copy_has_the_same_tasks_and_may_grow(flow):
    with flow, Thing() as thing:
        Step(name="inside")(thing)
        with Thing.options(name="inner")():
            Step(name="deep").map([1], unmapped(thing), upstream_tasks=[flow.top])
    flow.set_reference_tasks([flow.left])
    before = dump(flow)
    copy = flow.copy()
    assert (copy.name, copy.tasks, copy.edges) == (flow.name, flow.tasks, flow.edges)
    assert copy.sorted_tasks() == flow.sorted_tasks()
    assert copy.reference_tasks() == {flow.left}
    assert [bound(node) for node in copy.nodes.values()] == [
        bound(node) for node in flow.nodes.values()
    ]
    outer, inner = copy.scopes
    assert (inner.parent, outer.parent, inner.flow) == (outer, None, copy)
    with copy, copy.find_scope("Thing"):
        more = Step(name="more")(flow.bottom, thing)
    assert names(copy.tasks - flow.tasks) == ["more"]
    assert copy.edges - flow.edges >= {Edge(thing, more, "y")}
    assert dump(flow) == before
    copy.validate()


def bound(node):
    return node.inputs, node.positional, node.mapped, node.flattened, node.control


def test_operators_inside_a_copy_build_the_copy(flow):
    copy = flow.copy()
    with copy:
        total = flow.left + flow.right
    assert total in copy.tasks
    assert total not in flow.tasks


def test_a_copy_has_the_options_of_the_flow():
    def hook():
        pass

    flow = Flow("f", executor="x", on_failure=hook, on_completion=[hook], state_handlers=[hook])
    copy = flow.copy()
    assert (copy.executor, copy.on_failure, copy.on_completion) == ("x", (hook,), (hook,))
    assert (copy.state_handlers, copy.on_cancellation) == ((hook,), ())


def test_update_takes_tasks_edges_and_scopes(flow):
    with Flow("g") as other, Thing() as thing:
        inside = Step(name="inside")(thing)
    flow.update(other)
    assert other.tasks < flow.tasks
    assert other.edges < flow.edges
    assert flow.find_scope("Thing").members.keys() == {inside}
    assert flow.find_scope("Thing") is not other.find_scope("Thing")
    assert flow.find_scope("Thing").flow is flow
    assert inside.flow is other
    flow.validate()


def test_update_merges_parameters_when_asked(flow):
    with Flow("g") as other:
        theirs = Parameter("n")
        step = Step(name="theirs")([theirs], upstream_tasks=[theirs])
    flow.update(other, merge_parameters=True)
    assert theirs not in flow.tasks
    assert flow.upstream_tasks(step) == {flow.n}
    assert {"n -> theirs.x", "n -> theirs"} <= arrows(flow)
    flow.validate()


def test_update_with_a_grown_copy_takes_what_is_new(flow):
    with flow:
        scope = Thing()
        with scope as thing:
            first = source(task_args={"name": "first"})
    copy = flow.copy()
    with copy, copy.find_scope("Thing"):
        more = Step(name="more")(first, thing)
    copy.add_edge(flow.top, flow.bottom, key="y")
    more >> flow.bottom
    copy.add_edge(more, flow.right)
    flow.update(copy)
    assert flow.edges == copy.edges
    assert list(flow.scopes) == [scope]
    assert scope.members.keys() == {first, more}
    flow.validate()
    before = dump(flow)
    flow.update(copy)
    assert dump(flow) == before


def test_flows_that_together_have_a_cycle_do_not_merge(flow):
    copy = flow.copy()
    copy.add_edge(flow.left, flow.right)
    flow.add_edge(flow.right, flow.left)
    before = dump(flow)
    with pytest.raises(GraphError, match="together have a cycle"):
        flow.update(copy)
    assert dump(flow) == before


def test_flows_that_disagree_about_an_argument_do_not_merge(flow):
    copy = flow.copy()
    copy.add_edge(flow.top, flow.bottom, key="y")
    flow.add_edge(flow.right, flow.bottom, key="y")
    before = dump(flow)
    with pytest.raises(GraphError, match=r"task 'bottom', and pass different.*argument 'y'"):
        flow.update(copy)
    assert dump(flow) == before
