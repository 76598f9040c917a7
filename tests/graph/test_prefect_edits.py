"""Flows put together and changed as people do in Prefect 1.x."""

import gc

import pytest

from resnb import (
    Edge,
    Flow,
    LocalExecutor,
    Parameter,
    Task,
    apply_map,
    case,
    flatten,
    mapped,
    task,
    triggers,
    unmapped,
)
from resnb.errors import ArgumentError, GraphError, GraphTypeError
from resnb.graph.arguments import Constant


class Add(Task):
    def run(self, x, y=1):
        return x + y


@task
def give(value=None):
    return value


def ran(flow, **parameters):
    return flow.run(executor=LocalExecutor(), **parameters)


# ---- a task in two flows


def test_a_task_that_is_added_itself_may_stand_in_two_flows():
    add, n = Add(), Parameter("n", default=4)
    with Flow("one") as one:
        add.bind(1, y=2)
    with Flow("two") as two:
        add.bind(n, y=10)
    with Flow("three") as three:
        last = Add()(n)
    assert (ran(one).result[add].result, ran(two).result[add].result) == (3, 14)
    assert ran(three, n=1).result[last].result == 2
    assert one.nodes[add].inputs["x"] == Constant(1)
    one.validate()
    two.validate()


def test_edges_by_hand_in_two_flows():
    first, second = Task("first"), Task("second")
    one, two = Flow("one", tasks=[first]), Flow("two")
    one.add_edge(first, second)
    two.add_edge(second, first)
    assert (one.sorted_tasks(), two.sorted_tasks()) == ((first, second), (second, first))
    assert first.flow is two


def test_binding_again_while_the_old_flow_is_held():
    add, held = Add(), []
    for number in (1, 2):
        with Flow("same") as flow:
            add.bind(number)
        held.append(flow)  # as Out[] does
        ran(flow)
        assert add.value == number + 1
    assert ran(held[0]).result[add].result == 2
    del held[1], flow
    gc.collect()
    assert ran(held[0]).result[add].result == 2


def test_a_failed_change_leaves_the_first_flow_in_charge():
    add = Add()
    with Flow("one") as one:
        add.bind(1)
    with Flow("two") as two, pytest.raises(GraphError):
        add.bind(two.add_task(Task("x")), y=mapped(5))
    assert add.flow is one
    assert add not in two.tasks


def test_what_a_call_made_belongs_to_its_flow():
    with Flow("one") as one:
        called = give(1)
        derived = called + 1
    for handle in (called, derived):
        with Flow("two") as two, pytest.raises(GraphError, match="belongs to flow 'one'"):
            give(handle)
        assert not two.tasks
    assert called.flow is one


# ---- replace and update


def test_replace_keeps_inputs_edges_and_reference_tasks():
    @task
    def subtract(x, y):
        return x - y

    with Flow("f") as flow:
        first = give(0)
        x, y = Parameter("x"), Parameter("y")
        total = Add()(x, y, upstream_tasks=[first])
        after = give(total)
    flow.set_reference_tasks([total])
    flow.replace(total, subtract)
    flow.validate()
    assert flow.reference_tasks() == {subtract}
    assert flow.upstream_tasks(subtract) == {x, y, first}
    assert ran(flow, x=10, y=4).result[after].result == 6


def test_replace_keeps_what_is_mapped_and_constant():
    with Flow("f") as flow:
        numbers = give([[1], [2, 3]])
        total = Add().map(flatten(numbers), unmapped(10))
    new = Add()
    flow.replace(total, new)
    assert ran(flow).result[new].result == [11, 12, 13]
    assert flow.constants == {numbers: {"value": [[1], [2, 3]]}, new: {"y": 10}}


def test_replace_takes_a_constant():
    with Flow("f") as flow:
        x, y = Parameter("x"), Parameter("y")
        total = Add()(x, y)
    flow.replace(x, 55)
    flow.replace(y, [6][0])
    assert ran(flow).result[total].result == 61
    assert len(flow.tasks) == 3
    assert flow.parameters() == set()


def test_replace_refuses_a_task_that_lacks_an_argument():
    with Flow("f") as flow:
        total = Add()(1, 2)
    with pytest.raises(GraphError, match="'give' cannot take the place of 'Add': it has no param"):
        flow.replace(total, give.copy())
    assert flow.tasks == {total}


# ---- smaller things


def test_a_flow_is_iterated_in_order_and_has_a_logger():
    with Flow("f") as flow:
        first = give(1)
        second = give(first)
    assert list(flow) == [first, second] == list(flow.sorted_tasks())
    assert flow.logger is first.logger
    assert flow.constants == {first: {"value": 1}}


def test_set_dependencies_returns_the_task():
    flow, add, value = Flow("f"), Add(), give.copy()
    assert add.set_dependencies(flow, keyword_tasks={"x": value}, validate=False) is add
    assert flow.set_dependencies(add, upstream_tasks=[Task("before")], validate=True) is add


def test_pipe_passes_any_keyword_and_goes_through_unmapped():
    def takes(x, task=None, flow=None, **others):
        return x, task, others

    with Flow("f") as flow:
        value = give(1)
        assert value.pipe(takes, task=3, n=5) == (value, 3, {"n": 5})
        total = unmapped(value).pipe(Add().map, y=[1, 2])
    assert ran(flow).result[total].result == [2, 3]


def test_tags_given_twice_are_joined():
    tagged = task(lambda: 1, tags=["a"])
    with Flow("f"):
        assert tagged(task_args={"tags": ["b"]}).tags == {"a", "b"}
    assert tagged.with_options(tags=["b"]).tags == {"b"}


def test_constants_upstream():
    with Flow("f") as flow:
        mapped_over = Add().map(x=[1, 2, 3], upstream_tasks=[["a", "b"]])
        plain = give(1, upstream_tasks=[["a", "b"]])
    states = ran(flow).result
    assert states[mapped_over].result == [2, 3]
    assert states[plain].result == 1
    with Flow("f"), pytest.raises(GraphError, match=r"cannot wait for .*decorate the function"):
        give(1, upstream_tasks=[5])


@pytest.mark.parametrize("kinds", [[KeyError], {KeyError, OSError}, frozenset([KeyError])], ids=str)
def test_retry_on_takes_any_collection(kinds):
    assert set(task(lambda: 1, retry_on=kinds).retry_on) == set(kinds)


def test_an_edge_knows_its_tasks_and_annotations():
    a, b = Task("a"), Task("b")
    edge = Edge(flatten(mapped(a)), b, key="x")
    assert (edge.mapped, edge.flattened, edge.tasks) == (True, True, {a, b})
    assert Edge(unmapped(a), b, mapped=True).mapped is False
    assert edge == Edge(a, b, "x", mapped=True, flattened=True)
    with pytest.raises(GraphError, match="'a' to itself"):
        Edge(a, a)
    for key in ("not a name", 5):
        with pytest.raises(GraphError, match="an edge's key is the name of a parameter"):
            Edge(a, b, key)


def test_a_parameter_has_no_upstream_tasks():
    with Flow("f") as flow:
        n, first = Parameter("n", default=1), give(1)
        for change in (lambda: first >> n, lambda: flow.add_edge(first, n)):
            with pytest.raises(GraphError, match="parameter 'n' can have no upstream tasks"):
                change()
    flow.validate()
    assert flow.edges == set()


@pytest.mark.parametrize(
    "mistake",
    [
        lambda flow: flow.add_task(1),
        lambda _: list(give(1)),
        lambda _: give.map(5),
        lambda flow: apply_map(give, 5, flow=flow),
        lambda _: case(5, 1),
        lambda _: case(give(1), give(2)),
        lambda _: give(1, 2, 3),
        lambda _: Add()(),
        lambda _: Add()(z=1),
    ],
    ids=["task", "unpack", "map", "apply_map", "no task", "a task", "many", "few", "unknown"],
)
def test_what_is_a_type_error_in_prefect_is_one(mistake):
    with Flow("f") as flow, pytest.raises(TypeError) as caught:
        mistake(flow)
    assert isinstance(caught.value, GraphTypeError | ArgumentError)
    assert isinstance(caught.value, ValueError)


def test_parameters_of_a_run_likewise():
    flow = Flow("f", tasks=[Parameter("n")])
    for given in ({}, {"n": 1, "m": 2}):
        with pytest.raises(TypeError, match="parameter"):
            flow.run(**given)


@pytest.mark.parametrize("name", ["flow", "mapped", "task_args", "upstream_tasks"])
def test_reserved_names_are_refused_where_the_task_is_defined(name):
    scope = {}
    exec(
        f"def f(a, *, {name}=1): ...\nclass T(Task):\n    def run(self, {name}): ...",
        {"Task": Task},
        scope,
    )
    for define in (lambda: task(scope["f"]), scope["T"]):
        with pytest.raises(GraphError, match=f"a parameter of run cannot be called '{name}'"):
            define()


@pytest.mark.parametrize("kind", [triggers.some_failed, triggers.some_successful])
def test_a_trigger_that_was_not_called(kind):
    with Flow("f") as flow:
        value = give(give(1), task_args={"trigger": kind})
    assert ran(flow).result[value].result == 1


def test_a_mapped_task_is_not_unpacked_by_nout():
    pair = task(lambda x: (x, x), nout=2)
    with Flow("f"):
        first, second = pair(1)
        assert (first.name, second.name) == ("<lambda>[0]", "<lambda>[1]")
        with pytest.raises(TypeError, match="has no items yet"):
            list(pair.map([1, 2]))
