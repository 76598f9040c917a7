"""`await flow.run_async()`, and coroutines among a flow's tasks."""

import asyncio
import threading

import pytest

from resnb import Flow, Parameter, signals, task, triggers
from resnb.errors import RunError
from tests.run.parts import PATIENCE


@task
async def doubled(x):
    await asyncio.sleep(0)
    return 2 * x


def test_run_async_gives_the_state_and_leaves_the_loop_free():
    gate = threading.Event()

    async def main():
        run = asyncio.ensure_future(flow.run_async(n=4))
        await asyncio.sleep(0)
        gate.set()  # which only a loop that is free can do
        return await run

    with Flow("f") as flow:
        value = doubled(task(lambda n: n if gate.wait(PATIENCE) else None)(Parameter("n")))
    assert asyncio.run(main()).result[value].result == 8


def test_run_async_checks_before_it_begins():
    async def main():
        with Flow("f") as flow:
            doubled(1)
            with pytest.raises(RunError, match="inside its own building block"):
                await flow.run_async()
        return await flow.run_async()

    assert asyncio.run(main()).is_successful()


def test_run_async_of_two_flows_after_each_other():
    with Flow("f") as flow:
        value = doubled(1)

    async def main():
        return [(await flow.run_async()).result[value].result for _ in range(2)]

    assert asyncio.run(main()) == [2, 2]


def test_a_cancel_of_the_awaiting_task_cancels_the_run_and_cleans_up(things):
    began = threading.Event()

    @task
    async def waits(_thing):
        began.set()
        await asyncio.Event().wait()

    with Flow("f") as flow, things.manager()("x") as thing:
        waits(thing)

    async def main():
        run = asyncio.ensure_future(flow.run_async())
        await asyncio.to_thread(began.wait, PATIENCE)
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run

    asyncio.run(main())
    assert things.story == ["init x", "setup x", "cleanup x"]


def test_coroutines_are_mapped_retried_and_judged_like_other_tasks():
    tries = []

    @task(max_retries=1)
    async def flaky(x):
        tries.append(x)
        if tries.count(x) == 1:
            raise ValueError(x)
        if x == 3:
            raise signals.SKIP(str(x))
        return x

    @task(trigger=triggers.any_failed)
    async def on_failure(values):
        return values

    with Flow("f") as flow:
        values = flaky.map([1, 2, 3])
        refused = on_failure(doubled.map(values), task_args={"skip_on_upstream_skip": False})
    states = flow.run().result
    assert [one.name for one in states[values].map_states] == ["Success", "Success", "Skipped"]
    assert sorted(tries) == [1, 1, 2, 2, 3, 3]
    assert states[refused].name == "TriggerFailed"


def test_coroutines_wait_side_by_side():
    """Each waits for the other, which nothing but one loop for both can bring about."""
    met = {"a": asyncio.Event(), "b": asyncio.Event()}

    @task
    async def meets(mine, other):
        met[mine].set()
        await met[other].wait()
        return mine

    with Flow("f") as flow:
        a, b = meets("a", "b"), meets("b", "a")
    states = flow.run().result
    assert (states[a].result, states[b].result) == ("a", "b")
