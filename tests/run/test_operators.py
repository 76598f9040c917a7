"""Python's operators on handles: what each computes at run time, either way round."""

import operator

import pytest

from resnb import Flow, LocalExecutor, Parameter, task
from resnb.errors import GraphError, OutsideFlowError


@task
def give(value):
    return value


def value_of(flow, handle, **parameters):
    return flow.run(executor=LocalExecutor(), **parameters).result[handle].result


BINARY = {
    "Add": operator.add,
    "Sub": operator.sub,
    "Mul": operator.mul,
    "Div": operator.truediv,
    "FloorDiv": operator.floordiv,
    "Mod": operator.mod,
    "Pow": operator.pow,
}
COMPARISONS = {
    "GreaterThan": operator.gt,
    "GreaterThanOrEqual": operator.ge,
    "LessThan": operator.lt,
    "LessThanOrEqual": operator.le,
}


@pytest.mark.parametrize("name", BINARY | COMPARISONS)
def test_between_two_handles_and_a_handle_and_a_constant(name):
    function = (BINARY | COMPARISONS)[name]
    with Flow("f") as flow:
        a, b = give(7), give(2)
        both, right = function(a, b), function(a, 2)
    assert both.name == right.name == name
    assert value_of(flow, both) == value_of(flow, right) == function(7, 2)


@pytest.mark.parametrize("name", BINARY)
def test_a_constant_on_the_left(name):
    with Flow("f") as flow:
        result = BINARY[name](7, give(2))
    assert result.name == name
    assert value_of(flow, result) == BINARY[name](7, 2)


@pytest.mark.parametrize("name", COMPARISONS)
def test_a_comparison_with_a_constant_on_the_left(name):
    with Flow("f") as flow:
        result = COMPARISONS[name](7, give(2))
    assert value_of(flow, result) is COMPARISONS[name](7, 2)


@pytest.mark.parametrize("left", [0, 1, "", "a"])
@pytest.mark.parametrize("right", [0, 2])
def test_logic(left, right):
    with Flow("f") as flow:
        a, b = give(left), give(right)
        found = [a & b, a & right, left & b if isinstance(left, int) else a & b, a.or_(b),
                 a.or_(right), a.not_(), a.is_equal(b), a.is_not_equal(right)]  # fmt: skip
        together = give(found)
    either, both = left or right, left and right
    equal = left == right
    assert value_of(flow, together) == [
        both, both, both, either, either, not left, equal, not equal,
    ]  # fmt: skip


def test_equality_of_handles_stays_identity():
    with Flow("f"):
        a, b = give(1), give(1)
    assert a == a  # noqa: PLR0124 - that is the question
    assert a != b
    assert len({a, b, a}) == 2


@pytest.mark.parametrize(
    ("value", "key", "found"),
    [
        ({"a": 1}, "a", 1),
        ([1, 2, 3], -1, 3),
        ([1, 2, 3], slice(1, None), [2, 3]),
        ({None: 4}, None, 4),
        ({(1, 2): 5}, (1, 2), 5),
    ],
    ids=["text", "number", "slice", "none", "tuple"],
)
def test_items(value, key, found):
    with Flow("f") as flow:
        item, same = give(value)[key], give(value)[give(key)]
    assert value_of(flow, item) == value_of(flow, same) == found


def test_items_of_items_and_names_that_say_which():
    with Flow("f") as flow:
        item = give({"a": [{"b": 7}]})["a"][0]["b"]
    assert item.name == "give['a'][0]['b']"
    assert value_of(flow, item) == 7


def test_a_missing_item_fails_the_task():
    with Flow("f") as flow:
        item = give({})["a"]
    assert isinstance(value_of(flow, item), KeyError)


def test_operators_on_parameters():
    with Flow("f") as flow:
        n = Parameter("n")
        result = (n + 1) * 2 - n
    assert value_of(flow, result, n=5) == 7


def test_operators_outside_the_block_use_the_flow_of_their_handle():
    with Flow("f") as flow:
        a = give(1)
    assert value_of(flow, a + 1) == 2
    with pytest.raises(OutsideFlowError, match="called outside a flow"):
        _ = give + 1


@pytest.mark.parametrize("arrow", [operator.rshift, operator.or_], ids=[">>", "|"])
def test_arrows_only_order(arrow):
    with Flow("f") as flow:
        a, b, c, d = (give(x) for x in range(4))
        assert arrow(arrow(a, b), c) is c
        assert arrow([b, c], d) is d
        assert arrow(d, [e := give(4)]) == [e]
    found = {(edge.upstream_task, edge.downstream_task, edge.key) for edge in flow.edges}
    assert found == {(a, b, None), (b, c, None), (b, d, None), (c, d, None), (d, e, None)}


def test_the_arrow_back():
    with Flow("f") as flow:
        a, b = give(0), give(1)
        assert b << a is a
    assert flow.upstream_tasks(b) == {a}


def test_unpacking_takes_as_many_as_nout_says():
    @task(nout=2)
    def pair():
        return 1, 2

    @task
    def triple() -> tuple[int, int, int]:
        return 1, 2, 3

    with Flow("f") as flow:
        a, b = pair()
        *_, last = triple()
        total = give([a, b, last])
        with pytest.raises(GraphError, match=r"task 'give-2'.*no items yet.*nout="):
            _, _ = give((1, 2))
    assert value_of(flow, total) == [1, 2, 3]
