"""What is stale, and why: flows that are run, tasks that change, steps that are replaced."""

import threading
from types import FunctionType

import pytest

from resnb import Flow, Parameter, Task, resource_manager, task
from resnb.notebook.cells.cell_runs import run_part
from resnb.notebook.cells.freshness import (
    CODE_CHANGED,
    Freshness,
    is_up_to_date,
    new_values,
    stale_run,
    state_but,
)
from resnb.notebook.cells.records import Rebuilt
from resnb.notebook.cells.steps import StepTask
from resnb.run.caching.keepers import FOUND
from resnb.run.memory import memory_of
from resnb.states import Cached, Failed, Pending, Success


@task
def load(x=1):
    return x


@task
def add(x, y=0):
    return x


@resource_manager
class Thing:
    def cleanup(self, resource):
        pass


@resource_manager
class Opened:
    def setup(self):
        return "opened"

    def cleanup(self, resource):
        pass


def other_code(x=1):
    return x + 1


class Changing:
    """A task whose code can be replaced, as a notebook's function is."""

    def __init__(self, **namespace):
        self.namespace = {"__builtins__": __builtins__, **namespace}

    def task(self, source, name="changing"):
        return task(self.function(source), name=name)

    def function(self, source):
        exec(f"def body(x=1): return {source}", self.namespace)
        return self.namespace["body"]


@pytest.fixture
def fresh():
    return Freshness()


def ran(flow, fresh, **values):
    assert flow.run(**values).is_successful()
    fresh.note(flow)


def part(flow, fresh, *tasks):
    assert run_part(flow, tasks, ()).is_successful()
    fresh.note(flow)


def chain(first):
    """A flow of four tasks: first -> middle -> last, and one by itself."""
    with Flow("f") as flow:
        one = first()
        middle = add(one, task_args={"name": "middle"})
        last = add(0, y=middle, task_args={"name": "last"})
        alone = load(task_args={"name": "alone"})
    return flow, one, middle, last, alone


def test_nothing_is_stale_before_a_run_and_after_it(fresh):
    flow, *_ = chain(load)
    fresh.note(flow)
    assert fresh.stale(flow) == {}
    ran(flow, fresh)
    assert fresh.stale(flow) == {}


def test_a_change_of_what_code_refers_to_reaches_all_that_depends_on_it(fresh):
    code = Changing(factor=2)
    flow, one, middle, last, _ = chain(code.task("x * factor"))
    ran(flow, fresh)
    code.namespace["factor"] = 3
    assert fresh.stale(flow) == {
        one: CODE_CHANGED,
        middle: "its input x has changed",
        last: "its input y has changed",
    }
    assert list(fresh.stale(flow)) == [one, middle, last]
    ran(flow, fresh)
    assert fresh.stale(flow) == {}


def test_a_part_that_is_given_a_set_up_and_a_parameter_makes_nothing_stale(fresh):
    with Flow("f") as flow:
        n = Parameter("n", default=2)
        with Opened() as thing:
            one, two = add(thing, y=n), load(thing)
        three = load(n)
    for task_, scopes in ((one, flow.scopes), (two, flow.scopes), (three, ())):
        assert run_part(flow, [task_], scopes).is_successful()
        fresh.note(flow)
        assert fresh.stale(flow) == {}
    for lease in memory_of(flow).open_leases.values():
        lease.close()


def test_what_only_waits_for_a_stale_task_is_stale_too(fresh):
    code = Changing(factor=2)
    with Flow("f") as flow:
        one = code.task("x * factor")()
        after = add(load(), task_args={"name": "after"})
        flow.add_edge(one, after)
    ran(flow, fresh)
    code.namespace["factor"] = 3
    assert fresh.stale(flow)[after] == "what it waits for has changed"


def test_only_what_has_a_value_is_stale(fresh):
    code = Changing(factor=2)
    flow, one, middle, _, _ = chain(code.task("x * factor"))
    fails = task(lambda: 1 // 0, name="fails")
    with flow:
        broken = fails(upstream_tasks=[one])
        after = add(broken, task_args={"name": "after"})
    assert not flow.run().is_successful()
    fresh.note(flow)
    code.namespace["factor"] = 3
    found = fresh.stale(flow)
    assert {one, middle} <= found.keys()
    assert not {broken, after} & found.keys()


def test_scopes_are_not_stale_themselves(fresh):
    code = Changing(factor=2)
    with Flow("f") as flow:
        one = code.task("x * factor")()
        with Thing() as thing:
            inside = add(thing, y=one)
    [scope] = flow.scopes
    flow.add_edge(one, scope.init_task)
    ran(flow, fresh)
    code.namespace["factor"] = 3
    assert fresh.stale(flow).keys() == {one, inside}


def test_a_part_of_the_flow_that_ran_outdates_what_depends_on_it(fresh):
    flow, one, middle, last, alone = chain(load)
    with flow:
        waits = load(task_args={"name": "waits"})
        with Thing() as thing:
            inside = add(thing, y=one, task_args={"name": "inside"})
    flow.add_edge(middle, waits)
    [scope] = flow.scopes
    flow.add_edge(one, scope.init_task)
    ran(flow, fresh)
    part(flow, fresh, one)
    assert fresh.stale(flow) == {
        middle: "its input x has changed",
        last: "its input y has changed",
        waits: "what it waits for has changed",
        inside: "its input y has changed",
    }
    assert alone not in fresh.stale(flow)
    part(flow, fresh, middle, last)
    assert fresh.stale(flow).keys() == {waits, inside}
    ran(flow, fresh)
    assert fresh.stale(flow) == {}


def test_what_a_run_was_given_is_as_stale_as_before(fresh):
    code = Changing(factor=2)
    flow, one, middle, _, _ = chain(code.task("x * factor"))
    ran(flow, fresh)
    code.namespace["factor"] = 3
    part(flow, fresh, middle)
    assert fresh.stale(flow)[one] == CODE_CHANGED


def test_what_a_run_was_given_is_known_from_then_on(fresh):
    code = Changing(factor=2)
    flow, one, middle, _, _ = chain(code.task("x * factor"))
    assert flow.run().is_successful()
    part(flow, fresh, middle)
    code.namespace["factor"] = 3
    assert fresh.stale(flow)[one] == CODE_CHANGED


@pytest.mark.parametrize(
    ("state", "is_stale"),
    [(Cached(FOUND, 6), False), (Cached("it was open", 6), True), (Success(FOUND, 6), True)],
)
def test_a_value_that_was_kept_fits_the_code_as_it_is_now(fresh, state, is_stale):
    code = Changing(factor=2)
    flow, one, *_ = chain(code.task("x * factor"))
    ran(flow, fresh)
    code.namespace["factor"] = 3
    assert flow.run(task_states={one: state}).is_successful()
    fresh.note(flow)
    assert (one in fresh.stale(flow)) is is_stale


def test_what_never_ran_is_not_outdated(fresh):
    flow, one, _, _, _ = chain(load)
    part(flow, fresh, one)
    assert fresh.stale(flow) == {}


def step(source, name="step", *, outputs=("y",), inputs=(), free=(), **namespace):
    """A step as a cell makes it: `source` binds names, and gives its local variables."""
    names = ", ".join(inputs)
    body = "\n    ".join([*source.splitlines(), "return locals()"])
    space = {"__builtins__": __builtins__, **namespace}
    exec(f"def cell({names}):\n    {body}", space)
    function = space["cell"]
    assert isinstance(function, FunctionType)
    return StepTask(
        name, function, dict, inputs=inputs, outputs=outputs, free=free, shown="_", log_stdout=False
    )


def steps(first, second=None):
    """A flow of two steps, the second of which reads a name of the first."""
    second = second or step("z = y", "second", outputs=("z",), inputs=("y",))
    with Flow("f") as flow:
        flow.add_task(first)
        flow.add_task(second)
        flow.add_edge(first, second, key="y")
    return flow, second


def test_a_step_tells_which_names_of_the_notebook_have_changed(fresh):
    one = step("y = a + b", free=("a", "b"), a=1, b=2)
    flow, second = steps(one)
    ran(flow, fresh)
    one.function.__globals__.update(a=3)
    assert fresh.stale(flow) == {one: "a has changed", second: "its input y has changed"}
    one.function.__globals__.update(b=4)
    assert fresh.stale(flow)[one] == "a and b have changed"
    del one.function.__globals__["b"]
    assert fresh.stale(flow)[one] == "a and b have changed"


def test_stale_steps_are_those_and_what_depends_on_them(fresh):
    code = Changing(factor=2)
    one = step("y = a", free=("a",), a=1)
    flow, second = steps(one)
    with flow:
        function = code.task("x * factor")()
        below = add(second, task_args={"name": "below"})
    ran(flow, fresh)
    code.namespace["factor"] = 3
    assert fresh.stale_steps(flow) == set()
    assert fresh.stale(flow).keys() == {function}
    one.function.__globals__.update(a=2)
    assert fresh.stale_steps(flow) == {one, second, below}


@pytest.mark.parametrize(
    ("source", "outputs", "has_same_inputs", "is_same"),
    [
        ("y = a  # laid out anew", ("y",), True, True),
        ("y = a", ("y",), False, False),
        ("y = a + 1", ("y",), True, False),
        ("y = a; w = 1", ("y", "w"), True, False),
    ],
)
def test_a_step_that_is_written_alike_takes_over_the_value(
    fresh, source, outputs, has_same_inputs, is_same
):
    old = step("y = a", free=("a",), a=1)
    flow, second = steps(old)
    ran(flow, fresh)
    new = step(source, outputs=outputs, free=("a",), a=1)
    flow.replace(old, new)
    assert fresh.rebuilt(flow, Rebuilt(old, new, has_same_inputs)) is is_same
    if is_same:
        assert memory_of(flow).state_of(new).is_successful()
        assert fresh.stale(flow) == {}
        new.function.__globals__.update(a=2)
        assert fresh.stale(flow)[new] == "a has changed"
    else:
        assert fresh.stale(flow) == {new: CODE_CHANGED, second: "its input y has changed"}


def test_a_step_that_takes_over_is_as_stale_as_the_one_before(fresh):
    old = step("y = a", free=("a",), a=1)
    flow, second = steps(old)
    ran(flow, fresh)
    other, again = step("y = a + 1", free=("a",), a=1), step("y = a + 1", free=("a",), a=1)
    flow.replace(old, other)
    assert not fresh.rebuilt(flow, Rebuilt(old, other, has_same_inputs=True))
    flow.replace(other, again)
    assert not fresh.rebuilt(flow, Rebuilt(other, again, has_same_inputs=True))
    assert fresh.stale(flow) == {second: "its input y has changed"}


def test_an_outdated_step_that_is_laid_out_anew_stays_outdated(fresh):
    first, old = step("y = 1", "first"), step("z = y", "second", outputs=("z",), inputs=("y",))
    flow, _ = steps(first, old)
    ran(flow, fresh)
    part(flow, fresh, first)
    new = step("z = y  # anew", "second", outputs=("z",), inputs=("y",))
    flow.replace(old, new)
    assert fresh.rebuilt(flow, Rebuilt(old, new, has_same_inputs=True))
    assert fresh.stale(flow) == {new: "its input y has changed"}


def test_a_step_without_a_value_hands_over_nothing(fresh):
    old, new = step("y = 1"), step("y = 1")
    flow, _ = steps(old)
    flow.replace(old, new)
    assert fresh.rebuilt(flow, Rebuilt(old, new, has_same_inputs=True)) is False
    assert fresh.stale(flow) == {}


def test_a_step_that_failed_hands_over_nothing(fresh):
    old, new = step("y = 1 // 0"), step("y = 1 // 0")
    flow, _ = steps(old)
    assert flow.run().is_failed()
    fresh.note(flow)
    flow.replace(old, new)
    assert fresh.rebuilt(flow, Rebuilt(old, new, has_same_inputs=True)) is False
    assert fresh.stale(flow) == {}


def test_a_signature_changes_with_code_parameters_and_what_is_outdated(fresh):
    code = Changing(factor=2)
    with Flow("f") as flow:
        n = Parameter("n", default=1)
        one = code.task("x * factor")(n)
        after = add(one)
    ran(flow, fresh)
    found = [fresh.signature(flow, [one, after])]
    assert found == [fresh.signature(flow, [one, after])]
    code.namespace["factor"] = 3
    found.append(fresh.signature(flow, [one, after]))
    part(flow, fresh, one)
    found.append(fresh.signature(flow, [one, after]))
    memory_of(flow).forget([n])
    found.append(fresh.signature(flow, [one, after]))
    assert len(set(found)) == 4
    assert fresh.signature(flow, [one]) != fresh.signature(flow, [after])


# --- what a run of what is stale is given


def test_only_what_is_stale_is_computed(fresh):
    code = Changing(factor=2)
    with Flow("f") as flow:
        n = Parameter("n", default=1)
        one = code.task("x * factor")(n)
        other = load()
    ran(flow, fresh)
    assert stale_run(fresh, flow, {}) is None
    assert stale_run(fresh, flow, {"n": 1}) is None
    new, state = stale_run(fresh, flow, {"n": 2})
    assert new == {"n": 2}
    assert {task: type(it) for task, it in state.result.items()} == {
        n: Pending, one: Success, other: Success
    }  # fmt: skip
    code.namespace["factor"] = 3
    new, state = stale_run(fresh, flow, {})
    assert new == {}
    assert isinstance(state.result[one], Pending)
    assert isinstance(state.result[other], Success)
    assert not state_but(flow, [other], {}).result[other].is_finished()
    assert state.is_successful()


def test_clean_ups_scopes_and_tasks_of_other_flows_do_not_count_as_out_of_date():
    with Flow("f") as flow:
        one, n = load(), Parameter("n")
        with Thing():
            pass
    [scope] = flow.scopes
    with Flow("other"):
        elsewhere = load()

    def up_to_date(**states):
        found = {one: Success(), n: Success(), scope.cleanup_task: Failed(), elsewhere: Failed()}
        return is_up_to_date(flow, Success("", {**found, **states.get("more", {})}))

    assert up_to_date()
    assert not up_to_date(more={one: Failed()})
    assert not up_to_date(more={n: Pending()})


def test_new_values_are_those_that_a_parameter_did_not_have():
    with Flow("f") as flow:
        add(Parameter("a", default=1), Parameter("b", default=None))
    assert new_values(flow, {"a": 1}) == {"a": 1}
    value, nothing = [1, 2], lambda: None
    flow.run(a=value, b=nothing)
    assert new_values(flow, {"a": value, "b": nothing}) == {}
    assert new_values(flow, {"a": [1, 2]}) == {}
    assert new_values(flow, {"a": [1, 3], "c": 1}) == {"a": [1, 3], "c": 1}
    assert new_values(flow, {"a": (1, 2)}) == {"a": (1, 2)}
    flow.run(a=1)
    assert new_values(flow, {"a": True}) == {"a": True}
    assert new_values(flow, {"a": 1.0}) == {"a": 1.0}


def test_values_without_a_key_are_new():
    with Flow("f") as flow:
        load(Parameter("a"))
    one, other = threading.Lock(), threading.Lock()
    flow.run(a=one)
    assert new_values(flow, {"a": one}) == {}
    assert new_values(flow, {"a": other}) == {"a": other}


# --- what counts as a change


LONG = "x" * 1000


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        (1, 1, True),
        (1, 2, False),
        (1, 1.0, False),
        (LONG, "".join(LONG), True),
        ("y" + LONG, f"y{LONG}", True),
        (LONG + "y", LONG + "z", False),
        (b"x" * 1000, b"".join([b"x"] * 1000), True),
        ([1] * 900, [1] * 900, True),
        ([1] * 1001, [1] * 1001, False),
        ([1, "a", None, 2.0], [1, "a", None, 2.0], True),
        ([1, [2]], [1, [2]], True),
        ([1, [2]], [1, [3]], False),
        ([object()], [object()], False),
        ((1, 2), (1, 2), True),
        ((1, 2), [1, 2], False),
        ({1, 2}, {1, 2}, True),
        ({"a": 1}, {"a": 1}, True),
        ({"a": 1}, {"a": 2}, False),
        ({"a": [1]}, {"a": [1]}, True),
        ({(1,): 1}, {(1,): 1}, True),
        (object(), object(), False),
    ],
    ids=lambda value: repr(value)[:12],
)
def test_texts_and_small_plain_values_count_by_content_and_all_others_by_identity(
    fresh, one, other, is_same
):
    code = Changing(value=one)
    with Flow("f") as flow:
        handle = code.task("value")()
    ran(flow, fresh)
    assert fresh.stale(flow) == {}
    code.namespace["value"] = other
    assert fresh.stale(flow) == ({} if is_same else {handle: CODE_CHANGED})


class Scaled(Task):
    """A task whose own attributes are part of what it is made of."""

    def __init__(self, factor):
        self.factor = factor
        super().__init__(name=f"times {factor}")

    def run(self, x):
        return self.factor * x


def test_tasks_of_a_class_are_looked_at_one_by_one():
    with Flow("etl") as flow:
        scaled = [Scaled(factor)(1) for factor in range(6)]
    freshness = Freshness()
    flow.run()
    freshness.note(flow)
    assert freshness.stale(flow) == {}
    for one in scaled[2:5]:
        one.factor += 10
        assert list(freshness.stale(flow)) == scaled[2 : scaled.index(one) + 1]
