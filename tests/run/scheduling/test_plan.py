"""The arrays of a run: who waits for whom, what is special, what is given."""

import pytest

from resnb import Flow, Parameter, flow, states, task, triggers
from resnb.errors import OptionError
from resnb.graph.arguments import as_input
from resnb.run.memory import memory_of
from resnb.run.scheduling import plan
from resnb.run.scheduling.compiling import compiled
from resnb.run.scheduling.plan import LEASE, LOOP, argument


@task
def one(x=0, *, y=0):
    return x + y


def plan_of(flow, given=None, only=None, **parameters):
    return compiled(flow, parameters, given or {}, only)


def edges(plan):
    return {
        (plan.tasks[up].name, plan.tasks[row].name)
        for row, rows in enumerate(plan.upstream)
        for up in rows
    }


def test_rows_follow_the_order_of_adding_and_edges_mirror_each_other():
    with Flow("f") as flow:
        a = one(task_args={"name": "a"})
        b = one(a, task_args={"name": "b"})
        one(b, y=a, task_args={"name": "c"})
    plan = plan_of(flow)
    assert [one.name for one in plan.tasks] == ["a", "b", "c"]
    assert plan.upstream == [(), (0,), (1, 0)]
    assert plan.downstream == [(1, 2), (2,), ()]


def test_only_plain_references_by_position_take_the_short_way():
    from resnb import flatten

    with Flow("f") as flow:
        a = one()
        one(a)
        one([a])
        one(y=a)
        one(1)
        one(flatten(a))
    assert plan_of(flow).references == [(), (0,), None, None, None, None]


@pytest.mark.parametrize(
    ("options", "judged", "special", "watched"),
    [
        ({}, 0, 0, False),
        ({"max_retries": 3}, 0, 0, False),
        ({"on_completion": print}, 0, 1, False),
        ({"timeout": 1}, 0, 1, False),
        ({"trigger": triggers.any_failed}, 1, 0, False),
        ({"trigger": lambda _: True}, 1, 1, False),
        ({"on_failure": print}, 0, 1, True),
        ({"on_cancellation": print}, 0, 1, True),
        ({"state_handlers": [print]}, 0, 1, True),
    ],
    ids=lambda value: next(iter(value), "plain") if isinstance(value, dict) else None,
)
def test_what_takes_more_than_a_call(options, judged, special, watched):
    with Flow("f") as flow:
        one(task_args=options)
    plan = plan_of(flow)
    assert (plan.judged[0], plan.special[0], 0 in plan.watched) == (judged, special, watched)


def test_where_code_runs(things):
    @task
    async def coroutine(_):
        return 1

    with Flow("f") as flow, things.manager()("x") as thing:
        coroutine(thing)
        one(thing, task_args={"thread": "setup"})
    plan = plan_of(flow)
    lanes = {plan.tasks[row].name: lane for row, lane in plan.lanes.items()}
    assert lanes.pop("coroutine") == LOOP
    assert set(lanes.values()) == {LEASE}
    assert len(lanes) == 4


def test_members_wait_for_set_up_and_clean_up_for_all_members(things):
    with Flow("f") as flow, things.manager()("x"):
        a = one(task_args={"name": "a"})
        one(a, task_args={"name": "b"})
    assert edges(plan_of(flow)) == {
        ("Thing", "Thing.setup"),
        ("Thing", "Thing.cleanup"),
        ("Thing.setup", "Thing.cleanup"),
        ("Thing.setup", "a"),
        ("a", "b"),
        ("a", "Thing.cleanup"),
        ("b", "Thing.cleanup"),
    }


def test_a_member_whose_upstream_is_given_waits_for_set_up_itself(things):
    with Flow("f") as flow, things.manager()("x"):
        a = one(task_args={"name": "a"})
        one(a, task_args={"name": "b"})
    assert ("Thing.setup", "b") in edges(plan_of(flow, {a: states.Success(result=1)}))


def test_clean_ups_at_the_end_of_the_flow_come_last_in_first_out(things):
    manager = things.manager(lifetime="flow")
    with Flow("f") as flow:
        with manager("x"):
            one(task_args={"name": "a"})
        with manager.options(name="Other")("y"):
            one(task_args={"name": "b"})
        one(task_args={"name": "c"})
    found = edges(plan_of(flow))
    assert {("c", "Thing.cleanup"), ("c", "Other.cleanup"), ("b", "Thing.cleanup")} <= found
    assert ("Other.cleanup", "Thing.cleanup") in found
    assert ("Thing.cleanup", "Other.cleanup") not in found


def test_final_states_are_given_and_others_are_not():
    with Flow("f") as flow:
        a, b, c, d = (one() for _ in range(4))
    mapped = states.Mapped(map_states=[states.Success(), states.Pending()])
    whole = states.Mapped(map_states=[states.Success(), states.Failed()])
    plan = plan_of(flow, {a: states.Success(), b: states.Pending(), c: mapped, d: whole})
    assert plan.given.keys() == {0, 3}
    assert plan.kept == {2: mapped.map_states}


def test_a_part_of_a_flow():
    with Flow("f") as flow:
        a = one(task_args={"name": "a"})
        b = one(a, task_args={"name": "b"})
        one(b, task_args={"name": "c"})
    plan = plan_of(flow, {a: states.Success()}, only=[b])
    assert [one.name for one in plan.tasks] == ["a", "b"]
    assert plan.downstream == [(1,), ()]


def test_parameters():
    with Flow("f") as flow:
        n, m = Parameter("n"), Parameter("m", default=2)
        one(n, y=m)
    assert [function() for function in plan_of(flow, n=1).functions[:2]] == [1, 2]
    with pytest.raises(OptionError, match=r"flow 'f' needs parameter 'n': pass n=... to the run"):
        plan_of(flow)
    assert plan_of(flow, {n: states.Success(result=5)}).given
    with pytest.raises(OptionError, match=r"no parameter 'k' \(its parameters: m, n\)"):
        plan_of(flow, n=1, k=2)


def test_arguments_are_put_together_from_values():
    with Flow("f"):
        a, b = one(), one()
    row_of, values = {a: 0, b: 1}, ["A", "B"]

    def given(value):
        return argument(as_input(value), row_of, values)

    assert given([a, {"x": b}, (1, a), {b}]) == ["A", {"x": "B"}, (1, "A"), {"B"}]
    assert given(slice(a, None, b)) == slice("A", None, "B")
    assert given({a: [b, None]}) == {"A": ["B", None]}
    assert given(7) == 7


def test_each_lane_is_a_number_of_its_own():
    lanes = (plan.WORKER, plan.LEASE, plan.LOOP, plan.REMOTE, plan.CALLER)
    assert len(set(lanes)) == len(lanes)


def test_a_task_that_a_function_calls_runs_on_the_callers_thread_and_on_no_cluster():
    @flow
    def etl():
        return task(int)()

    assert etl() == 0
    (row,) = memory_of(etl).latest_run.plan.lanes.items()
    assert row == (0, plan.CALLER)
