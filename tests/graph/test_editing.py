"""Editing a flow: removing, substituting, rebinding and reordering its tasks."""

import pytest

from resnb import Flow, Parameter, flatten, resource_manager, task, unmapped
from resnb.errors import GraphError
from resnb.graph import editing
from tests.graph.shapes import arrows, dump, names, taken_back


@task
def step(*values, key=None):
    return values, key


@resource_manager
class Thing:
    def __init__(self, *values):
        self.values = values

    def cleanup(self, resource): ...


def called(name):
    return step.copy(name=name)


@pytest.fixture
def flow():
    with Flow("f") as flow:
        step()
    return flow


@pytest.fixture
def abc():
    # a -> b -> c
    with Flow("f") as flow:
        a = called("a")()
        b = called("b")(a)
        c = called("c")([b], key=flow.add_task(Parameter("p")))
    return flow, a, b, c


def test_dependants_are_all_that_is_downstream(abc):
    flow, a, b, c = abc
    assert editing.dependants(flow, [b]) == [b, c]
    assert set(editing.dependants(flow, [a])) == {a, b, c}


def test_removing(abc):
    flow, _, b, c = abc
    editing.remove(flow, [b, c])
    assert names(flow.tasks) == ["a", "p"]
    assert not flow.edges
    assert (b.flow, c.flow) == (None, None)
    flow.validate()


def test_removing_a_member_leaves_the_scope(flow):
    with flow, Thing():
        first = called("first")()
        called("second")(first)
    editing.remove(flow, editing.dependants(flow, flow.get_tasks("second")))
    (scope,) = flow.scopes
    assert list(scope.members) == [first]
    assert "first -> Thing.cleanup" in arrows(flow)


@pytest.mark.parametrize("own", [0, 1, 2])
def test_removing_any_part_of_a_scope_removes_it_with_its_members(flow, own):
    with flow:
        with Thing() as thing:
            inside = called("inside")(thing)
            with Thing():
                called("deep")()
        called("after")(inside)
        waits = called("waits")(upstream_tasks=[called("first")()])
        scope = flow.find_scope("Thing")
        waits >> scope.cleanup_task
    editing.remove(flow, editing.dependants(flow, [scope.own_tasks[own]]))
    assert names(flow.tasks) == ["first", "step", "waits"]
    assert not flow.scopes
    flow.validate()


def test_removing_what_cleanup_waits_for_leaves_the_cleanup(flow):
    with flow:
        scope = Thing()
        waits = called("waits")()
        waits >> scope.cleanup_task
    editing.remove(flow, editing.dependants(flow, [waits]))
    assert names(flow.tasks) == ["Thing", "Thing.cleanup", "Thing.setup", "step"]
    flow.validate()


def test_removing_from_a_copy_leaves_the_original(abc):
    flow, _, _, c = abc
    copy = flow.copy()
    editing.remove(copy, [c])
    assert c not in copy.tasks
    assert c in flow.tasks
    assert c.flow is flow


def test_a_removed_parameter_frees_its_name(abc):
    flow, *_, c = abc
    (old,) = flow.parameters()
    editing.remove(flow, [old, c])
    with flow:
        new = Parameter("p")
    assert flow.parameters() == {new}


def test_a_removed_reference_task_is_none_any_more(abc):
    flow, a, b, c = abc
    flow.set_reference_tasks([a, c])
    editing.remove(flow, [c])
    assert flow.reference_tasks() == {a}
    flow.set_reference_tasks([b])
    editing.remove(flow, [b])
    assert flow.reference_tasks() == {a, *flow.parameters()}
    assert not flow.has_reference_tasks


def test_substituting_redirects_values_and_order(abc):
    flow, a, b, c = abc
    with flow:
        new = called("new")()
        waits = called("waits")(upstream_tasks=[b])
        mapped = called("mapped").map(b, flatten([b]), unmapped(a))
    flow.set_reference_tasks([b, c])
    editing.substitute(flow, {b: new})
    assert {one for one in arrows(flow) if one.startswith("new")} == {
        "new -> c.values[0]",
        "new -> waits",
        "new => mapped.values[0]",
        "new =*> mapped.values[1]",
    }
    assert not flow.downstream_tasks(b)
    assert flow.upstream_tasks(mapped) == {new, a}
    assert flow.upstream_tasks(waits) == {new}
    assert flow.reference_tasks() == {new, c}
    flow.validate()


def test_several_tasks_may_be_substituted_at_once(abc):
    flow, a, b, c = abc
    with flow:
        both = called("both")(a, b)
        new_a = called("a")()
        new_b = called("b")(new_a)
    editing.substitute(flow, {a: new_a, b: new_b})
    assert flow.upstream_tasks(both) == {new_a, new_b}
    assert flow.upstream_tasks(c) == {new_b, *flow.parameters()}
    assert flow.upstream_tasks(b) == {a}
    editing.remove(flow, [a, b])
    flow.validate()


def test_a_scope_is_substituted_as_a_whole(flow):
    with flow:
        old, new = Thing(), Thing()
        late = called("late")(upstream_tasks=[old.cleanup_task])
    editing.substitute(flow, dict(zip(old.own_tasks, new.own_tasks, strict=True)))
    assert flow.upstream_tasks(late) == {new.cleanup_task}
    editing.remove(flow, old.own_tasks)
    assert list(flow.scopes) == [new]
    flow.validate()


def test_rebinding_gives_other_arguments(abc):
    flow, a, b, c = abc
    a >> c
    editing.rebind(flow, c, {"values[0]": [a], "key": 5}, 1)
    assert arrows(flow) == {"a -> b.values[0]", "a -> c.values[0]", "a -> c"}
    assert flow.downstream_tasks(b) == set()
    flow.validate()
    before = dump(flow)
    with pytest.raises(GraphError, match="no cycle"):
        editing.rebind(flow, a, {"values[0]": c}, 1)
    assert dump(flow) == before


def test_redefining_a_scope_keeps_its_tasks(flow):
    with flow:
        scope = Thing(1)
        with scope:
            called("inside")()
    before = dump(flow)
    other = resource_manager(ttl="1m")(type("Other", (Thing.resource_class,), {}))
    with taken_back(flow):
        editing.redefine_scope(flow, scope, other)
        assert (scope.manager, scope.options.ttl) == (other, 60)
        assert isinstance(scope.init_task.run(), other.resource_class)
        assert flow.edges == before["edges"]
    assert dump(flow) == before


def test_a_retired_parameter_frees_its_name_but_stays(abc):
    flow, *_, c = abc
    (old,) = flow.parameters()
    with taken_back(flow), flow:
        editing.retire_parameters(flow, [old, c])
        assert {old, Parameter("p")} == flow.parameters()
    with flow, pytest.raises(GraphError, match="already has a parameter 'p'"):
        Parameter("p")


def test_reordering(abc):
    flow, a, b, c = abc
    (p,) = flow.parameters()
    with flow:
        x, y = called("x")(), called("y")()
    editing.reorder(flow, [y, x], b)
    assert list(flow.nodes) == [a, y, x, b, p, c]
    assert flow.sorted_tasks() == (a, y, x, b, p, c)
    editing.reorder(flow, [a], None)
    assert list(flow.nodes) == [y, x, b, p, c, a]
    assert flow.sorted_tasks() == (y, x, p, a, b, c)
    editing.reorder(flow, [b, c], b)
    assert list(flow.nodes) == [y, x, b, c, p, a]
    flow.validate()


def test_a_task_added_after_reordering_comes_last(abc):
    flow, a, *_ = abc
    editing.reorder(flow, [a], None)
    with flow:
        last = called("last")()
    assert list(flow.nodes)[-1] is last
    flow.validate()


def test_a_cycle_is_found_after_reordering(flow):
    with flow:
        scope = Thing()
        with scope:
            inside = called("inside")()
    editing.reorder(flow, [inside], scope.init_task)
    before = dump(flow)
    with pytest.raises(GraphError, match="no cycle"):
        inside >> scope.init_task
    assert dump(flow) == before


def test_an_edge_that_points_forward_may_close_a_cycle(abc):
    flow, *_ = abc
    with flow:
        x, y = called("x")(), called("y")()
    y >> x
    with pytest.raises(GraphError, match="'y' -> 'x' -> 'y'"):
        x >> y
