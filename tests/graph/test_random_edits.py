"""Random edits: each keeps the invariants of the flow, and a transaction takes all of them back.

A random program edits a flow step by step; a step that is refused must leave the flow as it was,
an accepted one must keep its invariants, and a transaction that raises takes all of them back.
"""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from resnb import Flow, Parameter, flatten, resource_manager, task, unmapped
from resnb.errors import GraphError
from resnb.graph import editing
from resnb.graph.order import by_readiness
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
