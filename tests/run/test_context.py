"""`resnb.context`: what running code can ask about itself, and what users add to that."""

import threading
from datetime import UTC, datetime, timedelta

import cloudpickle
import pytest

import resnb
from resnb import Flow, LocalExecutor, Parameter, ThreadExecutor, flow, get_run_logger, task
from resnb.signals import LOOP
from resnb.unsupported import CONTEXT

FACTS = {
    "date", "flow_name", "flow_run_id", "flow_run_name", "logger", "now_nodash", "parameters",
    "scheduled_start_time", "today", "today_nodash", "tomorrow", "tomorrow_nodash", "yesterday",
    "yesterday_nodash",
}  # fmt: skip


@task
def look(name):
    return resnb.context.get(name)


def test_what_a_task_can_ask_about_itself():
    seen = {}

    @task(max_retries=1, tags=["a"])
    def see(x):
        context = resnb.context
        seen[context.get("map_index")] = dict(context)
        if context.task_run_count == 1:
            raise ValueError

    with Flow("f") as flow:
        n = Parameter("n", default=3)
        see.map([n, 2], task_args={"name": "looks"})
        see(n)
    assert flow.run(executor=LocalExecutor()).is_successful()
    assert seen.keys() == {None, 0, 1}
    for index, facts in seen.items():
        assert facts.pop("logger") is get_run_logger()
        assert facts.pop("task_run_id").startswith(facts["flow_run_id"])
        of_task = {name: value for name, value in facts.items() if name not in FACTS}
        assert facts.keys() - of_task.keys() == FACTS - {"logger"}
        assert (facts["flow_name"], facts["parameters"]) == ("f", {"n": 3})
        assert of_task == {
            "map_index": index,
            "task_full_name": "see" if index is None else f"looks[{index}]",
            "task_loop_count": 1,
            "task_name": "see" if index is None else "looks",
            "task_run_count": 2,
            "task_tags": {"a"},
        }


def test_the_days_are_those_of_the_beginning_in_utc():
    names = ["date", "yesterday", "today_nodash", "tomorrow", "now_nodash", "scheduled_start_time"]
    with Flow("f") as flow:
        found = look.map(names)
    before = datetime.now(UTC)
    flow.run()
    date, yesterday, today, tomorrow, now, scheduled = found.value
    assert before <= date <= datetime.now(UTC)
    assert scheduled == date
    assert (yesterday, tomorrow) == tuple(
        (date + timedelta(days=days)).date().isoformat() for days in (-1, 1)
    )
    assert today == date.date().isoformat().replace("-", "")
    assert now == date.strftime("%Y%m%dT%H%M%S")


def test_handlers_and_hooks_of_the_flow_are_told_of_the_run():
    seen = []

    def handler(_flow, _old, new):
        seen.append((new.name, resnb.context.flow_name, resnb.context.get("task_name")))

    def hook(run):
        seen.append(("hook", resnb.context.parameters["n"], resnb.context.flow_run_id))

    with Flow("f", state_handlers=[handler], on_completion=hook, on_running=hook) as flow:
        run_id = look("flow_run_id")
        Parameter("n", default=2)
    flow.run(n=5)
    assert seen == [
        ("Running", "f", None),
        ("hook", 5, run_id.value),
        ("Success", "f", None),
        ("hook", 5, run_id.value),
    ]


def test_hooks_of_a_task_see_the_task():
    seen = []

    def handler(_task, _old, _new):
        seen.append(resnb.context.task_full_name)

    with Flow("f") as flow:
        task(lambda x: x, name="t", state_handlers=[handler]).map([1, 2])
    flow.run(executor=LocalExecutor())
    assert seen == ["t", "t[0]", "t[0]", "t[1]", "t[1]", "t"] or set(seen) == {"t", "t[0]", "t[1]"}


@pytest.mark.parametrize("name", CONTEXT)
def test_what_is_left_out_gives_its_advice_by_get_too(name):
    message = f"context has no '{name}', which Prefect has: "
    for ask in (
        resnb.context.get,
        resnb.context.__getitem__,
        lambda one: getattr(resnb.context, one),
    ):
        with pytest.raises(AttributeError, match=message):
            ask(name)
    with resnb.context({name: 1}):  # what somebody has given is there
        assert resnb.context.get(name) == 1


def test_outside_a_run():
    assert resnb.context.get("parameters") is None
    assert resnb.context.get("today", "never") == "never"
    with pytest.raises(AttributeError, match="context has no 'map_index' here; it has: logger"):
        _ = resnb.context.map_index
    assert repr(resnb.context) == "<context of the running code>"
    assert cloudpickle.loads(cloudpickle.dumps(resnb.context)) is resnb.context


def test_the_flow_that_is_being_built_is_there():
    with Flow("outer") as outer:
        with Flow("inner") as inner:
            assert resnb.context.flow is inner
        assert resnb.context.flow is outer
    assert "flow" not in resnb.context


@pytest.mark.parametrize("executor", [LocalExecutor(), ThreadExecutor()], ids=repr)
def test_a_block_adds_to_what_its_runs_see(executor):
    with Flow("f") as flow:
        found = look.map(["x", "y", "today", "parameters"])
    with resnb.context({"x": 1}, y=2, today="2020-02-29"):
        flow.run(executor=executor)
    assert found.value == [1, 2, "2020-02-29", {}]
    flow.run(executor=executor)
    assert found.value[:2] == [None, None]
    assert resnb.context.get("x") is None


def test_blocks_are_nested_and_changed_in_place():
    context = resnb.context
    with context(x=1) as same:
        assert same is context
        with context(x=2, z=3):
            context.z = 4
            context["w"] = 5
            context.update(v=6)
            assert (context.x, context.z, context.w, context.v) == (2, 4, 5, 6)
            assert context.setdefault("x", 9) == 2
            assert context.pop("w") == 5
            with pytest.raises(KeyError):
                del context["logger"]
        assert (context.x, context.get("z"), context.get("v")) == (1, None, None)
        with pytest.raises(ValueError, match="stop"), context(x=7):
            raise ValueError("stop")
        assert context.x == 1


def test_another_thread_and_the_next_task_see_nothing_of_it():
    seen = []
    with resnb.context(x=1):
        thread = threading.Thread(target=lambda: seen.append(resnb.context.get("x")))
        thread.start()
        thread.join()

    @task
    def leaves(n):
        found = resnb.context.get("mine")
        resnb.context.mine = n
        return found

    with Flow("f") as flow:
        mine = leaves.map([1, 2, 3])
    flow.run(executor=LocalExecutor())
    assert (seen, mine.value) == ([None], [None] * 3)


def test_functions_know_their_run():
    @flow(flow_run_name="load {day}")
    def outer(day):
        @flow
        def inner():
            return resnb.context.flow_name, look("flow_name")

        own = resnb.context.flow_run_name, look("task_name"), look.submit("flow_run_name").result()
        return own, inner(), resnb.context.parameters

    assert outer("monday") == (
        ("load monday", "look", "load monday"),
        ("inner", "inner"),
        {"day": "monday"},
    )
    named = outer.with_options(flow_run_name=lambda: "mine")
    assert named("x")[0][0] == "mine"


# ---- LOOP


@task
def count_to(n):
    context = resnb.context
    if context.task_loop_count < n:
        before = context.get("task_loop_result", [])
        raise LOOP("once more", result=[*before, context.task_loop_count])
    return context.get("task_loop_result")


@pytest.mark.parametrize("executor", [LocalExecutor(), ThreadExecutor()], ids=repr)
def test_a_loop_has_its_count_and_result(executor):
    with Flow("f") as flow:
        one, several = count_to(4), count_to.map([1, 2, 3])
    assert flow.run(executor=executor).is_successful()
    assert one.value == [1, 2, 3]
    assert several.value == [None, [1], [1, 2]]


def test_each_round_of_a_loop_has_all_its_tries():
    tries = []

    @task(max_retries=1)
    def unsteady():
        context = resnb.context
        tries.append((context.task_loop_count, context.task_run_count))
        if context.task_run_count == 1:
            raise ValueError("not yet")
        if context.task_loop_count < 3:
            raise LOOP(result=context.task_loop_count)
        return context.task_loop_result

    with Flow("f") as flow:
        value = unsteady()
    assert flow.run().is_successful()
    assert tries == [(1, 1), (1, 2), (2, 1), (2, 2), (3, 1), (3, 2)]
    assert value.value == 2


def test_a_cancelled_loop_ends():
    rounds = []

    @task
    def endless():
        rounds.append(1)
        if len(rounds) == 3:
            run.cancel()
        raise LOOP

    with Flow("f") as flow:
        endless()
    from resnb.run.flow_run import FlowRun

    run = FlowRun(flow, parameters={}, executor=LocalExecutor(), task_states=None)
    assert run.run().is_cancelled()
    assert len(rounds) == 3
