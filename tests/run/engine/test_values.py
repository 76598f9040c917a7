"""What a task receives from upstream tasks that did not simply succeed (Prefect 1.x's meaning)."""

import pytest

from resnb import Flow, LocalExecutor, flatten, signals, task, triggers

SEES_ALL = {"trigger": triggers.all_finished, "skip_on_upstream_skip": False}


@task(**SEES_ALL)
def seen(value, *more):
    return value


@task
def passed(value):
    return value


@task
def broken():
    raise ValueError("no")


@task(name="bad for 2")
def bad_for_2(x):
    if x == 2:
        raise ValueError(x)
    return x


def ran(flow):
    return flow.run(executor=LocalExecutor()).result


def test_what_failed_gives_its_exception():
    with Flow("f") as flow:
        value = seen(broken())
    found = ran(flow)[value].result
    assert isinstance(found, ValueError)
    assert str(found) == "no"


def test_what_was_refused_by_its_trigger_gives_a_trigger_fail():
    with Flow("f") as flow:
        refused = passed(broken())
        value = seen(refused)
    states = ran(flow)
    assert isinstance(states[value].result, signals.TRIGGERFAIL)
    assert states[refused].result is states[value].result


@pytest.mark.parametrize("name", ["FAIL", "TRIGGERFAIL"])
def test_a_signal_of_failure_is_the_value(name):
    @task
    def signals_it():
        raise getattr(signals, name)("on purpose")

    with Flow("f") as flow:
        value = seen(signals_it())
    assert type(ran(flow)[value].result) is getattr(signals, name)


def test_a_signal_may_carry_a_value_along():
    @task
    def partly():
        raise signals.FAIL("half of it", result=[1, 2])

    with Flow("f") as flow:
        value = seen(partly())
    assert ran(flow)[value].result == [1, 2]


@pytest.mark.parametrize("kind", [signals.SKIP, signals.SUCCESS])
def test_skip_and_success_give_none_unless_they_carry_a_value(kind):
    @task
    def signals_it(result):
        raise kind("on purpose", result=result)

    with Flow("f") as flow:
        nothing, something = seen(signals_it(None)), seen(signals_it(5))
    states = ran(flow)
    assert states[nothing].result is None
    assert states[something].result == 5


def test_a_reduce_gets_the_exceptions_of_the_children_that_failed():
    with Flow("f") as flow:
        value = seen(bad_for_2.map([1, 2, 3]))
    one, error, three = ran(flow)[value].result
    assert (one, three) == (1, 3)
    assert isinstance(error, ValueError)


def test_a_child_gets_the_exception_of_its_own_item():
    with Flow("f") as flow:
        value = seen.map(bad_for_2.map([1, 2]))
    one, error = ran(flow)[value].result
    assert one == 1
    assert isinstance(error, ValueError)


def test_a_collection_holds_the_exceptions_of_its_elements():
    with Flow("f") as flow:
        value = seen([passed(1), broken()])
    one, error = ran(flow)[value].result
    assert one == 1
    assert isinstance(error, ValueError)


def test_a_timeout_is_a_value_too(clock):
    from tests.run.parts import ended, run_in_circles, started

    with Flow("f") as flow:
        value = seen(task(run_in_circles, name="slow", timeout=5)())
    run = started(flow, clock)
    clock.await_timer(5)
    clock.advance(5)
    assert isinstance(ended(run).result[value].result, TimeoutError)


def test_the_flow_fails_because_of_what_failed_first_not_of_what_was_refused():
    with Flow("f") as flow:
        late = task(broken.run, name="late")
        refused = passed.copy()
        flow.add_task(refused)
        refused.set_upstream(late.bind(flow=flow), key="value", flow=flow)
    state = flow.run(executor=LocalExecutor())
    with pytest.raises(Exception, match="task 'late': ValueError: no") as caught:
        state.raise_for_failure()
    assert isinstance(caught.value.__cause__, ValueError)


# ---- flatten


@pytest.mark.parametrize(
    ("nested", "flat"),
    [([[1, 2], [3]], [1, 2, 3]), ([[], [1]], [1]), ([1, 2], [1, 2]), ([], []), ("ab", ["a", "b"])],
)
def test_flatten_without_map_passes_the_flat_list(nested, flat):
    with Flow("f") as flow:
        value = passed(flatten(passed(nested)))
    assert ran(flow)[value].result == flat
    (edge,) = flow.edges_to(value)
    assert (edge.mapped, edge.flattened) == (False, True)


def test_flatten_takes_the_children_apart_and_remembers_whose_item_it_is():
    @task
    def split(x):
        if x == 2:
            raise ValueError(x)
        return [x] * x

    with Flow("f") as flow:
        parts = passed.map(flatten(split.map([1, 2, 3])))
    state = ran(flow)[parts]
    assert [one.name for one in state.map_states] == ["Success", "TriggerFailed", *["Success"] * 3]
    assert [one for one in state.result if isinstance(one, int)] == [1, 3, 3, 3]


def test_a_child_that_gave_no_collection_counts_as_one_item():
    with Flow("f") as flow:
        parts = passed.map(flatten(passed.map([[1, 2], 3])))
    assert ran(flow)[parts].result == [1, 2, 3]


def test_a_function_of_ones_own_sees_the_child_that_gave_the_item():
    asked = []

    def trigger(upstream):
        asked.append([one.name for one in upstream.values()])
        return True

    with Flow("f") as flow:
        passed.map(flatten(bad_for_2.map([1, 2])), task_args={"trigger": trigger})
    ran(flow)
    assert asked == [["Success"], ["Failed"]]
