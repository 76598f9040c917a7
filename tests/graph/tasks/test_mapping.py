"""Which arguments of a mapped task are mapped over, passed whole, or flattened first."""

from array import array
from collections import Counter, deque

import pytest

from resnb import Flow, Parameter, flatten, mapped, task, unmapped
from resnb.errors import GraphError
from resnb.graph.arguments import Collection, Constant
from tests.graph.shapes import arrows


@task
def numbers():
    return [1, 2]


@task
def add(x, y=0, *more):
    return x, y, more


@pytest.fixture
def flow():
    return Flow("f")


def marks(handle):
    node = handle.flow.nodes[handle]
    return node.mapped, node.flattened


def test_every_argument_is_mapped_over_unless_marked(flow):
    with flow:
        xs, whole = numbers(), Parameter("whole")
        handle = add.map(xs, unmapped(whole), [3, 4])
    assert marks(handle) == ({"x", "more[0]"}, frozenset())
    assert flow.nodes[handle].is_mapped
    assert arrows(flow) == {"numbers => add.x", "whole -> add.y"}


def test_flatten_marks_the_argument(flow):
    with flow:
        handle = add.map(flatten(numbers()), y=flatten([[1], [2]]))
    assert marks(handle) == ({"x", "y"}, {"x", "y"})
    assert arrows(flow) == {"numbers =*> add.x"}


@pytest.mark.parametrize("wrapped", [unmapped(unmapped(7)), unmapped(7)], ids=["twice", "once"])
def test_a_mark_may_be_repeated(flow, wrapped):
    with flow:
        handle = add.map([1], wrapped)
    assert flow.nodes[handle].inputs["y"] == Constant(7)
    assert flatten(flatten(7)).value == 7


@pytest.mark.parametrize(
    "both", [lambda x: unmapped(flatten(x)), lambda x: flatten(unmapped(x))], ids=["uf", "fu"]
)
def test_what_is_passed_whole_may_be_flattened(flow, both):
    with flow:
        handle, constant = add.map([1, 2], both(numbers())), add.map([1], both([[5], [6]]))
    assert marks(handle) == ({"x"}, {"y"})
    assert marks(constant) == ({"x"}, {"y"})


def test_a_collection_of_tasks_is_mapped_item_by_item(flow):
    with flow:
        a, b = numbers(), numbers()
        handle = add.map([a, b])
    assert flow.nodes[handle].inputs["x"] == Collection(list, (a, b))
    assert arrows(flow) == {"numbers => add.x"}
    assert len(flow.edges) == 2


def test_tasks_to_wait_for_are_mapped_over_too(flow):
    with flow:
        a, b = numbers(task_args={"name": "a"}), numbers(task_args={"name": "b"})
        handle = numbers.map(upstream_tasks=[a, unmapped(b)])
    assert arrows(flow) == {"a => numbers", "b -> numbers"}
    assert flow.nodes[handle].is_mapped
    assert marks(handle) == (frozenset(), frozenset())


def test_flatten_outside_map_does_not_map(flow):
    with flow:
        handle = add(flatten(numbers()), unmapped(5))
    assert marks(handle) == (set(), {"x"})
    flow.validate()
    assert flow.nodes[handle].inputs["y"] == Constant(5)


def test_an_edge_may_be_mapped(flow):
    with flow:
        xs, ys, zs, handle = numbers(), numbers(), numbers(), add(1)
    flow.add_edge(xs, handle, key="x", mapped=True)
    flow.add_edge(flatten(ys), handle, key="y", mapped=True)
    flow.add_edge(zs, handle, mapped=True)
    assert marks(handle) == ({"x", "y"}, {"y"})
    assert arrows(flow) == {"numbers => add.x", "numbers =*> add.y", "numbers => add"}


def test_a_task_that_only_receives_a_mapped_value_is_not_mapped(flow):
    with flow:
        handle = add(add.map(numbers()))
    assert not flow.nodes[handle].is_mapped


SEQUENCES = [[1], (1,), range(3), array("i"), bytearray(2), []]
WAYS = {
    "map": lambda _flow, value, _handle: add.map(value),
    "flatten": lambda _flow, value, _handle: add.map(flatten(value)),
    "edge": lambda flow, value, handle: flow.add_edge(value, handle, key="y", mapped=True),
}
NO_SEQUENCES = [5, None, {1, 2}, {"a": 1}, Counter(), "text", b"bytes", iter([1]), list, len]


@pytest.mark.parametrize("value", SEQUENCES, ids=repr)
def test_constants_that_can_be_mapped_over(flow, value):
    with flow:
        assert marks(add.map(value))[0] == {"x"}


@pytest.mark.parametrize("value", NO_SEQUENCES, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("way", WAYS)
def test_constants_that_cannot(flow, value, way):
    with flow:
        handle = add(0)
        version = flow.edges
        with pytest.raises(GraphError, match=r"'add' cannot be mapped over \w=.*unmapped\(...\)"):
            WAYS[way](flow, value, handle)
    assert flow.tasks == {handle}
    assert flow.edges == version


def test_a_map_without_arguments_is_refused(flow):
    with flow, pytest.raises(GraphError, match=r"'add': map\(\) needs at least one argument"):
        add.map()
    with flow, pytest.raises(GraphError, match="'numbers' is mapped over nothing: give it"):
        numbers(mapped=True)
    assert not flow.tasks


@pytest.mark.parametrize("options", [{}, {"timeout": 60}])
def test_children_get_their_items_and_collections_of_their_own(options):
    shared = deque()

    def grow(item, parts, given):
        parts.append(item)
        given.append(item)
        return tuple(parts)

    with Flow("f") as flow:
        start = task(lambda: "s", name="start")()
        found = task(grow, **options).map([1, 2, 3], unmapped([start]), unmapped(shared))
    assert flow.run().result[found].result == [("s", 1), ("s", 2), ("s", 3)]
    assert sorted(shared) == [1, 2, 3]


def test_a_map_with_everything_unmapped_is_a_plain_call(flow):
    with flow:
        handle = add.map(unmapped([1]), unmapped(2))
    assert marks(handle) == (set(), set())
    assert not flow.nodes[handle].is_mapped


@pytest.mark.parametrize(
    "wrapped", [lambda x: mapped(flatten(x)), lambda x: flatten(mapped(x))], ids=["in", "out"]
)
def test_mapped_marks_an_argument_of_a_plain_call(flow, wrapped):
    with flow:
        one, other = add(mapped(numbers()), [5]), add(wrapped(numbers()), [5])
    assert marks(one) == ({"x"}, set())
    assert marks(other) == ({"x"}, {"x"})


@pytest.mark.parametrize(
    ("wrapped", "is_mapped"),
    [
        (lambda x: mapped(unmapped(x)), True),
        (lambda x: unmapped(mapped(x)), False),
        (lambda x: mapped(flatten(unmapped(mapped(x)))), True),
    ],
    ids=["mapped", "unmapped", "four"],
)
def test_of_two_annotations_the_outer_one_counts(flow, wrapped, is_mapped):
    with flow:
        handle = add(wrapped(numbers()), mapped([5]))
    assert ("x" in marks(handle)[0]) is is_mapped
