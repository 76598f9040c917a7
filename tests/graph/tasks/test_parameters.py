"""Parameters: their names, defaults, and that a flow has each name once."""

import pytest

from resnb import Flow, Parameter, case, resource_manager, task
from resnb.errors import GraphError
from tests.graph.shapes import arrows, dump


@task
def echo(x):
    return x


@pytest.fixture
def flow():
    return Flow("f")


@pytest.mark.parametrize(
    ("options", "default", "required"),
    [
        ({}, None, True),
        ({"default": None}, None, False),
        ({"default": 2}, 2, False),
        ({"default": 2, "required": True}, 2, True),
        ({"required": False}, None, False),
    ],
)
def test_whether_a_value_must_be_given(options, default, required):
    one = Parameter("n", **options)
    assert (one.default, one.required, one.run()) == (default, required, default)


def test_a_parameter_joins_the_flow_around_it(flow):
    with flow:
        one = Parameter("n")
        assert one() is one
    assert flow.parameters() == {one}
    assert flow.tasks == {one}


def test_a_parameter_joins_a_flow_where_it_is_used(flow):
    one = Parameter("n")
    assert one.flow is None
    with flow:
        echo(one)
        echo([one])
    assert arrows(flow) == {"n -> echo.x"}
    assert flow.parameters() == {one}


def test_a_parameter_belongs_to_no_scope_and_no_case(flow):
    @resource_manager
    class Thing:
        def cleanup(self, resource): ...

    with flow:
        value = echo(1)
        with Thing(), case(value, 1):
            one = Parameter("n")
            echo(one)
    assert not flow.edges_to(one)
    assert flow.nodes[one].scope is None


@pytest.mark.parametrize("name", ["", "two words", "1st", "a-b", "class", None, 5], ids=repr)
def test_a_name_that_is_no_identifier_is_refused(flow, name):
    with flow, pytest.raises(GraphError, match=r"Parameter\(.*must be a Python identifier"):
        Parameter(name)
    assert not flow.tasks


AGAIN = {
    "made": lambda _second: Parameter("n"),
    "used": echo,
    "inside a list": lambda second: echo([1, second]),
    "called": lambda second: second(),
    "waited for": lambda second: echo(1, upstream_tasks=[second]),
}


@pytest.mark.parametrize("way", AGAIN)
def test_a_second_parameter_of_that_name_is_refused(flow, way):
    second = Parameter("n")
    with flow:
        Parameter("n")
        before = dump(flow)
        with pytest.raises(GraphError, match="already has a parameter 'n': use that handle"):
            AGAIN[way](second)
        assert dump(flow) == before
    assert second.flow is None


def test_two_flows_may_have_a_parameter_of_one_name():
    with Flow("f") as f:
        one = Parameter("n")
    with Flow("g") as g:
        other = Parameter("n")
    assert (f.parameters(), g.parameters()) == ({one}, {other})
