"""Changes that are taken back: savepoints, and random edits under hypothesis.

A random program edits a flow step by step; a step that is refused must leave the flow as it was,
an accepted one must keep its invariants, and a transaction that raises takes all of them back.
"""

import itertools
from contextlib import contextmanager, suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resnb import Flow, Parameter, flatten, resource_manager, tags, task, unmapped
from resnb.errors import GraphError
from resnb.graph import editing
from resnb.graph.order import by_readiness
from tests.graph.shapes import arrows, dump, names


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


@contextmanager
def taken_back(flow):
    """A transaction that is taken back at the end of the block."""
    with suppress(StopAsyncIteration), flow.transaction():
        yield
        raise StopAsyncIteration


# ---- savepoints


@pytest.fixture
def flow():
    with Flow("f") as flow:
        step()
    return flow


def test_a_transaction_that_ends_well_keeps_its_changes(flow):
    with flow.transaction(), flow:
        step()
    assert len(flow.tasks) == 2
    with pytest.raises(KeyError), flow.transaction():
        raise KeyError
    assert len(flow.tasks) == 2


def test_a_transaction_that_raises_takes_them_back(flow):
    before = dump(flow)
    fresh = step.copy()
    with taken_back(flow), flow, tags("t"):
        with Thing(fresh) as thing:
            step(thing)
        Parameter("p")
        flow.set_reference_tasks([fresh])
    assert dump(flow) == before
    assert (fresh.flow, fresh.tags) == (None, frozenset())
    with flow:
        assert Parameter("p").flow is flow


def test_the_inner_transaction_alone_is_taken_back(flow):
    with flow.transaction(), flow:
        called("kept")()
        middle = dump(flow)
        with taken_back(flow):
            called("gone")()
        assert dump(flow) | {"open transaction": 0} == middle | {"open transaction": 0}
        called("kept too")()
    assert names(list(flow.nodes)) == ["step", "kept", "kept too"]


def test_what_the_inner_transaction_kept_goes_with_the_outer_one(flow):
    before = dump(flow)
    with taken_back(flow), flow, flow.transaction():
        called("gone")()
    assert dump(flow) == before


def test_answers_are_right_after_changes_were_taken_back(flow):
    with taken_back(flow), flow:
        extra = step(*flow.nodes)
        assert flow.terminal_tasks() == {extra}
    assert names(flow.terminal_tasks()) == ["step"]
    assert flow.edges == frozenset()


# ---- editing


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


# ---- random edits

KINDS = (
    "rest", "add", "add", "add", "edge", "edge", "value", "scope", "enter", "leave", "leave", "map",
    "parameter", "remove", "substitute", "reorder", "absorb", "grow a copy", "reference",
    "condition", "rebind", "redefine", "substitute scope",
)  # fmt: skip
numbers = st.integers(0, 99)
programs = st.lists(
    st.tuples(st.sampled_from(KINDS), numbers, numbers, numbers), min_size=15, max_size=30
)


class Editor:
    """Runs random steps on a flow; numbers pick among what is there."""

    def __init__(self):
        self.flow = Flow("f")
        self.blocks = []
        self.count = itertools.count()

    def pick(self, things, number):
        things = list(things)
        return things[number % len(things)] if things else None

    def task(self, number):
        return self.pick(self.flow.nodes, number) or 0

    def definition(self):
        return called(f"t{next(self.count)}")

    def run(self, program):
        with self.flow:
            try:
                for kind, *numbers in program:
                    self.step(kind, *numbers)
            finally:
                while self.blocks:
                    self.leave()

    def step(self, kind, *numbers):
        before = dump(self.flow)
        reached = reachable(self.flow)
        act = getattr(self, kind.replace(" ", "_"))
        try:
            act(*numbers)
        except GraphError as error:
            assert dump(self.flow) == before
            if kind == "edge" and "no cycle" in str(error):
                up, down = self.task(numbers[0]), self.task(numbers[1])
                assert up is down or up in reached[down]
        check(self.flow)

    # the steps

    def rest(self, *_):
        """Do nothing: what a step is simplified to."""

    def add(self, x, y, z):
        self.definition()(self.task(x), [self.task(y), {"k": 1}], key=z)

    def map(self, x, y, z):
        self.definition().map([self.task(x)], flatten([[self.task(y)]]), key=unmapped(self.task(z)))

    def edge(self, x, y, z):
        if self.flow.nodes:
            self.flow.add_edge(self.task(x), self.task(y), mapped=z % 4 == 0)

    def value(self, x, y, _):
        if self.flow.nodes:
            self.flow.add_edge(self.task(x), self.task(y), key="key")

    def scope(self, x, _, z):
        scope = Thing(self.task(x)) if z % 2 else Thing()
        if z % 3:
            scope.__enter__()
            self.blocks.append(scope)

    def enter(self, x, *_):
        scope = self.pick(self.flow.scopes, x)
        if scope is not None:
            scope.__enter__()
            self.blocks.append(scope)

    def leave(self, *_):
        if self.blocks:
            self.blocks.pop().__exit__(None, None, None)

    def parameter(self, x, *_):
        Parameter(f"p{x % 3}")

    def remove(self, x, y, z):
        chosen = [one for one in (self.task(x), self.task(y)) if one]
        gone = editing.dependants(self.flow, chosen)
        if any(block.setup_task in gone for block in self.blocks):
            return  # a cell does not remove the block it is in
        if z % 4 == 0:
            gone = gone[:1]
        editing.remove(self.flow, gone)

    def substitute(self, x, y, _):
        old, new = self.task(x), self.task(y)
        if old is not new:
            editing.substitute(self.flow, {old: new})

    def substitute_scope(self, x, y, _):
        old, new = self.pick(self.flow.scopes, x), self.pick(self.flow.scopes, y)
        if old is not new:
            editing.substitute(self.flow, dict(zip(old.own_tasks, new.own_tasks, strict=True)))

    def reorder(self, x, y, z):
        tasks = list(self.flow.nodes)[x % 7 : x % 7 + y % 4]
        editing.reorder(self.flow, tasks, self.task(z) or None if z % 3 else None)

    def absorb(self, x, y, _):
        other = Editor()
        other.run([("parameter", x, 0, 0), ("scope", y, y, y), ("add", x, y, 1), ("add", y, x, 1)])
        self.flow.update(other.flow, merge_parameters=y % 2 == 0)

    def grow_a_copy(self, x, y, _):
        copy = self.flow.copy()
        with copy:
            fresh = self.definition()(*list(copy.nodes)[:1])
            copy.add_edge(fresh, self.pick(copy.nodes, x))
            copy.add_edge(self.pick(copy.nodes, y), self.pick(copy.nodes, x))
        check(copy)
        self.flow.update(copy)

    def rebind(self, x, y, z):
        chosen = self.task(x)
        if self.flow.nodes and chosen.kind == "task":
            inputs = {"values[0]": self.task(y), "key": [self.task(z)]}
            editing.rebind(self.flow, chosen, inputs, 1)

    def redefine(self, x, y, _):
        scope = self.pick(self.flow.scopes, x)
        if scope is not None:
            editing.redefine_scope(self.flow, scope, Thing.options(ttl=y + 1))

    def reference(self, x, y, z):
        chosen = {self.task(x): None, self.task(y): None} if self.flow.nodes else {}
        self.flow.set_reference_tasks(list(chosen) if z % 3 else [])

    def condition(self, x, y, _):
        from resnb import ifelse

        if self.flow.nodes:
            ifelse(self.task(x), self.task(y), [self.task(x)])


def reachable(flow):
    """What can be reached from each task, by an algorithm of its own."""
    after = {one: set() for one in flow.nodes}
    for edge in flow.edges:
        after[edge.upstream_task].add(edge.downstream_task)
    changed = True
    while changed:
        changed = False
        for found in after.values():
            count = len(found)
            found.update(*[after[one] for one in found])
            changed |= len(found) > count
    return after


def check(flow):
    """The invariants, from outside."""
    flow.validate()
    reached = reachable(flow)
    assert [one for one in flow.nodes if one in reached[one]] == []
    order = flow.sorted_tasks()
    assert list(order) == by_readiness(flow)
    place = {one: number for number, one in enumerate(order)}
    assert place.keys() == flow.tasks
    assert all(place[edge.upstream_task] < place[edge.downstream_task] for edge in flow.edges)
    for scope in flow.scopes:
        for member in scope.members:
            assert member in reached[scope.setup_task]
            assert scope.cleanup_task in reached[member]


@given(programs, programs)
def test_random_edits_keep_the_invariants_and_can_be_taken_back(kept, undone):
    editor = Editor()
    editor.run(kept)
    before = dump(editor.flow)
    tasks = {one: (one.flow, one.tags) for one in editor.flow.nodes}
    with taken_back(editor.flow):
        editor.run(undone)
    assert dump(editor.flow) == before
    assert {one: (one.flow, one.tags) for one in editor.flow.nodes} == tasks
    check(editor.flow)


@given(programs, programs, programs)
def test_an_inner_transaction_taken_back_leaves_the_outer_one(first, inner, last):
    one, other = Editor(), Editor()
    with one.flow.transaction():
        one.run(first)
        count = next(one.count)
        with taken_back(one.flow):
            one.run(inner)
        one.count = itertools.count(count)
        one.run(last)
    other.run(first)
    other.count = itertools.count(next(other.count))
    other.run(last)
    assert arrows(one.flow) == arrows(other.flow)
    assert names(list(one.flow.nodes)) == names(list(other.flow.nodes))
