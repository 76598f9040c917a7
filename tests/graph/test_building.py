"""Adding tasks: what a call, an argument, an operator or an edge leaves in the graph."""

import threading
from collections import OrderedDict
from contextlib import suppress

import pytest

from resnb import Flow, Parameter, Task, tags, task
from resnb.errors import GraphError, OutsideFlowError
from resnb.graph import editing
from resnb.graph.arguments import Collection, Constant
from tests.graph.shapes import arrows, dump, names


@task
def one():
    return 1


@task
def echo(x):
    return x


@task
def pair(x, y=0, *more, key=None, **others):
    return x, y, more, key, others


class Double(Task):
    def run(self, x):
        return 2 * x


@pytest.fixture
def flow():
    return Flow("f")


def node_of(handle):
    return handle.flow.nodes[handle]


# ---- calls


def test_a_call_adds_a_copy_and_leaves_the_definition_alone(flow):
    with flow:
        first, second = one(), one()
    assert flow.tasks == {first, second}
    assert (one.flow, first.flow, second.flow) == (None, flow, flow)
    assert first.name == second.name == "one"


def test_a_definition_serves_several_flows():
    with Flow("f") as f:
        here = echo(1)
    with Flow("g") as g:
        there = echo(2)
    assert (here.flow, there.flow) == (f, g)


def test_bind_adds_the_very_task(flow):
    double = Double()
    assert double.bind(1, flow=flow) is double
    assert flow.tasks == {double}


def test_functional_and_imperative_building_give_the_same_graph(flow):
    with flow:
        echo(pair(one(), y=one()))
    other = Flow("g")
    x, y = one.copy(), one.copy()
    both, last = pair.copy(), echo.copy()
    other.add_task(last)
    both.bind(x, flow=other)
    both.set_upstream(y, key="y")
    last.set_upstream(both, key="x")
    assert arrows(flow) == arrows(other) == {"one -> pair.x", "one -> pair.y", "pair -> echo.x"}
    assert len(flow.edges) == len(other.edges) == 3


def test_a_task_that_is_an_argument_comes_along(flow):
    source, wait_for = one.copy(), one.copy(name="first")
    with flow:
        target = echo([{"k": source}], upstream_tasks=[wait_for])
    assert list(flow.nodes) == [source, wait_for, target]
    assert arrows(flow) == {"one -> echo.x", "first -> echo"}


def test_arguments_are_stored_by_name_with_those_by_position_first(flow):
    with flow:
        handle = pair(1, 2, 3, 4, key=5, extra=6)
    node = node_of(handle)
    assert node.inputs == {
        "x": Constant(1),
        "y": Constant(2),
        "more[0]": Constant(3),
        "more[1]": Constant(4),
        "key": Constant(5),
        "extra": Constant(6),
    }
    assert list(node.inputs)[: node.positional] == ["x", "y", "more[0]", "more[1]"]


def test_task_args_change_the_copy_only(flow):
    with flow:
        handle = echo(1, task_args={"name": "other", "max_retries": 2, "timeout": "1m"})
    assert (handle.name, handle.max_retries, handle.timeout) == ("other", 2, 60)
    assert (echo.name, echo.max_retries, echo.timeout) == ("echo", 0, None)


def test_an_option_that_is_none_goes_back_to_its_default(flow):
    strict = task(lambda: 1, name="strict", timeout=1, max_retries=3, trigger=all)
    with flow:
        handle = strict(
            task_args={"timeout": None, "max_retries": None, "trigger": None, "name": None}
        )
    assert (handle.timeout, handle.max_retries) == (None, 0)
    assert handle.trigger is Task.trigger
    assert handle.name == "strict"


def test_the_signature_is_worked_out_once_for_each_definition(flow):
    definition = task(lambda x: x)
    with flow:
        assert definition(1).signature is definition(2).signature


def test_a_class_names_its_tasks_unless_it_says_otherwise():
    class Named(Double):
        name = "by class"

    class Plain(Named):
        pass

    assert [kind().name for kind in (Double, Named, Plain)] == ["Double", "by class", "Plain"]
    assert Double(name="by hand").name == "by hand"


def test_flow_can_be_given_instead_of_a_block(flow):
    first = one(flow=flow)
    second = echo.map([1], upstream_tasks=[first], flow=flow)
    assert second.flow is flow
    assert arrows(flow) == {"one => echo"}


def test_another_thread_builds_no_part_of_this_flow(flow):
    errors = []

    def call():
        try:
            one()
        except OutsideFlowError as error:
            errors.append(error)

    with flow:
        thread = threading.Thread(target=call)
        thread.start()
        thread.join()
    assert len(errors) == 1
    assert not flow.tasks


def test_blocks_nest_and_the_inner_one_counts():
    with Flow("f") as f:
        one()
        with Flow("g") as g:
            one()
            one()
        one()
    assert (len(f.tasks), len(g.tasks)) == (2, 2)


def test_tags_go_to_every_task_added_inside_the_block(flow):
    with tags("outer"), flow, tags("inner", "inner too"):
        handle = echo(1, task_args={"tags": ["own"]})
        result = handle + 1
    assert handle.tags == {"outer", "inner", "inner too", "own"}
    assert result.tags == {"outer", "inner", "inner too"}
    with flow:
        assert echo(1).tags == frozenset()


def test_texts_of_handles_show_neither_times_nor_addresses(flow):
    parameter = Parameter("n")
    assert (repr(one), repr(parameter)) == ("<Task: one>", "<Parameter: n>")
    with flow:
        handle = one()
        flow.add_task(parameter)
    after = "of flow 'f', pending: its value is .value after a run>"
    assert repr(handle) == f"<handle of task 'one' {after}"
    assert repr(parameter) == f"<handle of parameter 'n' {after}"
    assert repr(flow) == "<Flow: 'f', 2 tasks>"


# ---- arguments


@pytest.mark.parametrize(
    "value", [None, 0, "text", [1, [2]], (1,), {1: 2}, {1}, slice(1), OrderedDict(a=1), [], {}]
)
def test_an_argument_without_tasks_is_a_constant(flow, value):
    with flow:
        handle = echo(value)
    assert node_of(handle).inputs["x"] == Constant(value)
    assert flow.tasks == {handle}


def test_collections_are_searched_for_tasks(flow):
    with flow:
        a, b, c = (one(task_args={"name": name}) for name in "abc")
        handle = echo([a, (b, {"k": c, a: 1}), slice(a, None), 5])
    found = node_of(handle).inputs["x"]
    assert found == Collection(
        list,
        (
            a,
            Collection(tuple, (b, Collection(dict, (Constant("k"), c, a, Constant(1))))),
            Collection(slice, (a, Constant(None), Constant(None))),
            Constant(5),
        ),
    )
    assert arrows(flow) == {"a -> echo.x", "b -> echo.x", "c -> echo.x"}
    assert len(flow.edges) == 3


def test_a_set_of_tasks_is_a_collection(flow):
    with flow:
        a, b = one(), one()
        handle = echo({a, b})
    found = node_of(handle).inputs["x"]
    assert (found.kind, set(found.items)) == (set, {a, b})


def test_one_value_may_be_several_arguments(flow):
    with flow:
        a = one()
        pair(a, a, a)
    assert arrows(flow) == {"one -> pair.x", "one -> pair.y", "one -> pair.more[0]"}
    assert flow.upstream_tasks(flow.get_tasks("pair")[0]) == {a}


# ---- order


ORDERS = {
    "a >> b >> c": lambda a, b, c: a >> b >> c,
    "a | b | c": lambda a, b, c: a | b | c,
    "c << b << a": lambda a, b, c: c << b << a,
    "set_upstream": lambda a, b, c: c.set_upstream(b.set_upstream(a)),
    "set_downstream": lambda a, b, c: (a.set_downstream(b), b.set_downstream(c)),
    "set_dependencies": lambda a, b, c: b.set_dependencies(
        upstream_tasks=[a], downstream_tasks=[c]
    ),
    "chain": lambda a, b, c: a.flow.chain(a, b, c),
    "add_edge": lambda a, b, c: [a.flow.add_edge(a, b), b.flow.add_edge(b, c)],
}
FANS = {
    "[a, b] >> c": (lambda a, b, c: [a, b] >> c, {"a -> c", "b -> c"}),
    "[a, b] | c": (lambda a, b, c: [a, b] | c, {"a -> c", "b -> c"}),
    "c << [a, b]": (lambda a, b, c: c << [a, b], {"a -> c", "b -> c"}),
    "a >> [b, c]": (lambda a, b, c: a >> [b, c], {"a -> b", "a -> c"}),
    "a >> (b, c)": (lambda a, b, c: a >> (b, c), {"a -> b", "a -> c"}),
    "[] >> c": (lambda _a, _b, c: [] >> c, set()),
    "set_upstream([a, b])": (lambda a, b, c: c.set_upstream([a, b]), {"a -> c", "b -> c"}),
}


@pytest.fixture
def abc(flow):
    with flow:
        return [one(task_args={"name": name}) for name in "abc"]


@pytest.mark.parametrize("form", ORDERS)
@pytest.mark.parametrize("where", ["inside", "after"])
def test_order_without_values(flow, abc, form, where):
    if where == "inside":
        with flow:
            ORDERS[form](*abc)
    else:
        ORDERS[form](*abc)
    assert arrows(flow) == {"a -> b", "b -> c"}


@pytest.mark.parametrize("form", FANS)
def test_order_of_several_tasks_at_once(flow, abc, form):
    connect, expected = FANS[form]
    connect(*abc)
    assert arrows(flow) == expected


def test_an_edge_with_a_key_passes_the_value(flow):
    with flow:
        a, target = one(), pair(0)
    a.set_downstream(target, key="y")
    target.set_dependencies(keyword_tasks={"key": [a, 1]})
    target.set_upstream(7, key="other")
    assert arrows(flow) == {"one -> pair.y", "one -> pair.key"}
    assert node_of(target).inputs["other"] == Constant(7)


def test_the_same_edge_twice_is_one_edge(flow, abc):
    a, b, _ = abc
    a >> b
    a >> b
    assert len(flow.edges) == 1
    assert flow.upstream_tasks(b) == {a}


# ---- operators and indexing

BINARY = {
    "Add": (lambda a, b: a + b, 9),
    "Sub": (lambda a, b: a - b, 5),
    "Mul": (lambda a, b: a * b, 14),
    "Div": (lambda a, b: a / b, 3.5),
    "FloorDiv": (lambda a, b: a // b, 3),
    "Mod": (lambda a, b: a % b, 1),
    "Pow": (lambda a, b: a**b, 49),
    "And": (lambda a, b: a & b, 2),
    "GreaterThan": (lambda a, b: a > b, True),
    "GreaterThanOrEqual": (lambda a, b: a >= b, True),
    "LessThan": (lambda a, b: a < b, False),
    "LessThanOrEqual": (lambda a, b: a <= b, False),
    "Equal": (lambda a, b: a.is_equal(b), False),
    "NotEqual": (lambda a, b: a.is_not_equal(b), True),
    "Or": (lambda a, b: a.or_(b), 7),
}


def computed(handle, values):
    """The value of `handle` by its own code, given its upstream tasks' values."""
    node = node_of(handle)
    arguments = [
        value.value if isinstance(value, Constant) else values[value]
        for value in node.inputs.values()
    ]
    assert node.positional == len(arguments)
    return handle.run(*arguments)


@pytest.mark.parametrize("name", BINARY)
def test_an_operator_between_handles_is_a_task(flow, abc, name):
    a, b, _ = abc
    operate, expected = BINARY[name]
    handle = operate(a, b)
    assert (handle.name, handle.flow) == (name, flow)
    assert flow.upstream_tasks(handle) == {a, b}
    assert computed(handle, {a: 7, b: 2}) == expected


@pytest.mark.parametrize("name", BINARY)
def test_an_operator_with_a_constant_is_a_task(abc, name):
    a = abc[0]
    operate, expected = BINARY[name]
    assert computed(operate(a, 2), {a: 7}) == expected


MIRRORED = {"GreaterThan": "LessThan", "GreaterThanOrEqual": "LessThanOrEqual"}
MIRRORED |= {other: name for name, other in MIRRORED.items()}


@pytest.mark.parametrize("name", sorted(BINARY.keys() - {"Equal", "NotEqual", "Or"}))
def test_a_constant_may_stand_on_the_left(abc, name):
    b = abc[1]
    operate, expected = BINARY[name]
    handle = operate(7, b)
    assert handle.name == MIRRORED.get(name, name)
    assert computed(handle, {b: 2}) == expected


def test_not(abc):
    a = abc[0]
    handle = a.not_()
    assert handle.name == "Not"
    assert computed(handle, {a: 0}) is True


def test_equality_of_handles_is_identity(abc):
    a, b, _ = abc
    assert a == a  # noqa: PLR0124
    assert a != b
    assert {a: 1}[a] == 1


ITEMS = {
    "a['k']": (lambda a, _: a["k"], {"k": 5}),
    "a[1]": (lambda a, _: a[1], [4, 5]),
    "a[b]": (lambda a, b: a[b], {"value of b": 5}),
}


@pytest.mark.parametrize("name", ITEMS)
def test_indexing_is_a_task(abc, name):
    a, b, _ = abc
    index, value = ITEMS[name]
    handle = index(a, b)
    assert handle.name == name
    assert computed(handle, {a: value, b: "value of b"}) == 5


def test_a_slice_may_hold_tasks(flow, abc):
    a, b, c = abc
    handle = a[b:c]
    assert node_of(handle).inputs["b"] == Collection(slice, (b, c, Constant(None)))
    assert flow.upstream_tasks(handle) == {a, b, c}


def test_nout_allows_unpacking(flow):
    with flow:
        a, b = task(lambda: (1, 2), nout=2, name="two")()
    assert (a.name, b.name) == ("two[0]", "two[1]")
    assert arrows(flow) == {"two -> two[0].a", "two -> two[1].a"}


def test_nout_is_read_from_the_annotation():
    @task
    def three() -> tuple[int, str, float]:
        return 1, "", 0.0

    @task
    def many() -> tuple[int, ...]:
        return ()

    assert (three.nout, many.nout, task(three.run, nout=1).nout) == (3, None, 1)


def test_unpacking_without_nout_names_the_remedy(abc):
    with pytest.raises(
        GraphError, match=r"task 'a' of flow 'f'.* has no items yet.*@task\(nout=...\)"
    ):
        _x, _y = abc[0]


def test_operators_after_the_block_go_to_the_home_of_the_handle(flow, abc):
    handle = abc[0] + 1
    assert handle.flow is flow
    assert names(flow.upstream_tasks(handle)) == ["a"]


# ---- lean nodes


@task
def number():
    return 1


@task
def couple(x, y):
    return x, y


@pytest.mark.parametrize("count", [1, 7, 8, 9, 30])
def test_few_and_many_neighbours_keep_their_order_and_can_be_taken_back(count):
    with Flow("f") as flow:
        source = number()
        readers = [couple(source, 1) for _ in range(count)]
        last = number()
    for one in readers:
        last.set_upstream(one)
    assert list(flow.nodes[source].downstream) == readers
    assert list(flow.nodes[last].upstream) == readers
    flow.validate()
    before = dump(flow)

    def extend():
        more = [couple(source, readers[0]) for _ in range(9)]
        last.set_upstream(more[3])
        flow.validate()
        last.set_upstream(None)

    with pytest.raises(GraphError, match="is no task"), flow.transaction(), flow:
        extend()
    assert dump(flow) == before
    flow.validate()


def test_edges_that_go_together_are_kept_once_and_come_back():
    with Flow("f") as flow:
        source = number()
        readers = [couple(source, 1) for _ in range(20)]
    whole, node = dump(flow), flow.nodes[source]
    with suppress(ZeroDivisionError), flow.transaction():
        editing.remove(flow, readers[:5])
        part = dump(flow)
        with suppress(ZeroDivisionError), flow.transaction(), flow:
            couple(source, readers[9])
            editing.remove(flow, readers[10:])
            assert 1 / 0
        assert dump(flow) == part
        editing.remove(flow, readers[5:12])
        flow.validate()
        assert [one.args[:2] for one in flow.journal.undo].count((node, "downstream")) == 2
        assert 1 / 0
    assert dump(flow) == whole
    flow.validate()


def test_a_call_with_tasks_only_shares_what_it_can():
    with Flow("f") as flow:
        a, b = number(), number()
        one, two = couple(a, b), couple(a, b)
    first, second = flow.nodes[one], flow.nodes[two]
    assert first.names is second.names
    assert first.values is first.upstream
    assert (first.values, first.positional) == ((a, b), 2)


def nested(depth, inside):
    for _ in range(depth):
        inside = [inside]
    return inside


def test_what_contains_itself_or_is_nested_deeply_is_a_constant():
    looped, linked = [1], {}
    looped.append(looped)
    linked["link"] = (linked, slice(None, linked))
    for value in (looped, linked, nested(10_000, None)):
        with Flow("f") as flow:
            same = echo(value)
        assert flow.run().result[same].result is value


@pytest.mark.parametrize("depth", [0, 10_000])
def test_a_task_in_such_a_collection_is_refused(depth):
    with Flow("f") as flow:
        value = nested(depth, [one()])
        value.append(value)
        before = dump(flow)
        with pytest.raises(GraphError, match="'one' is in a collection that contains itself"):
            echo(value)
        assert dump(flow) == before
