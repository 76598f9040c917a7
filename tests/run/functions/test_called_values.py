"""``@flow(keep_values="terminal")``: the run keeps no value that the function has."""

import asyncio

import pytest

from resnb import LocalExecutor, ThreadExecutor, flow, states, task
from resnb.errors import NoValueError, OptionError
from resnb.graph.tasks.task import Task
from tests.run.engine.test_keep_values import failing_at_first
from tests.run.frames import Frame

pytestmark = pytest.mark.usefixtures("no_collection")
EXECUTORS = [ThreadExecutor(2), LocalExecutor()]


@task
def load():
    return Frame()


def clean(frame):
    assert isinstance(frame, Frame)
    return Frame()


def links():
    return [task(clean), task(failing_at_first(), name="clean", max_retries=1)]


@pytest.mark.parametrize("executor", EXECUTORS, ids=repr)
@pytest.mark.parametrize("link", links(), ids=["plain", "with a failed try"])
def test_called_tasks(executor, link):
    @flow(keep_values="terminal", executor=executor)
    def etl():
        frame = load()
        for _ in range(5):
            frame = link(frame)
        return isinstance(frame, Frame)

    assert etl()
    assert (Frame.most, Frame.alive, len(etl.edges)) == (2, 0, 5)
    one = next(iter(etl.sorted_tasks()))
    assert one.state.is_successful()
    with pytest.raises(NoValueError, match=r"'load' was let go.*'etl'"):
        assert one.value


@pytest.mark.parametrize("executor", EXECUTORS, ids=repr)
@pytest.mark.parametrize("link", links(), ids=["plain", "with a failed try"])
def test_submitted_tasks(executor, link):
    @flow(keep_values="terminal", executor=executor)
    def etl():
        future = load.submit()
        for _ in range(5):
            future = link.submit(future)
        return future.result() is future.result()

    assert etl()
    assert (Frame.most, Frame.alive, len(etl.edges)) == (2, 0, 5)


def test_async_functions():
    @task
    async def aload():
        return Frame()

    @flow(keep_values="terminal")
    async def etl():
        frame = await aload()
        frame = task(clean)(frame)
        return await load.submit(), isinstance(frame, Frame)

    assert isinstance(asyncio.run(etl())[0], Frame)
    assert (Frame.most, Frame.alive) == (2, 1)  # the last is in what the function returned


def test_a_state_that_the_function_asked_for_is_its_own():
    @flow(keep_values="terminal")
    def etl():
        state = load(return_state=True)
        return isinstance(state, states.Success) and isinstance(state.result, Frame)

    assert etl()
    assert Frame.alive == 0


def test_a_function_inside_a_function():
    @flow
    def inner():
        return load()

    @flow(keep_values="terminal")
    def outer():
        return isinstance(inner(), Frame)

    assert outer()
    (one,) = outer.sorted_tasks()
    assert repr(one.state.kept) == "<let go: what reads it has ended>"


def test_what_cannot_be_referred_to_weakly_gives_no_edge():
    @flow(keep_values="terminal")
    def etl():
        rows = task(lambda: [1, 2], name="rows")()
        count = task(len, name="count")(rows)
        return task(lambda n: n + 1000, name="more")(count + 1000)

    assert etl() == 2002
    assert etl.edges == frozenset()
    etl.keep_values = "all"
    assert etl() == 2002
    assert [edge.upstream_task.name for edge in etl.edges] == ["rows"]


def test_all_is_the_default_and_the_option_is_checked():
    @flow
    def etl():
        return isinstance(load(), Frame)

    assert etl()
    (one,) = etl.sorted_tasks()
    assert isinstance(one, Task)
    assert isinstance(one.value, Frame)
    assert etl.with_options(keep_values="terminal").keep_values == "terminal"
    with pytest.raises(OptionError, match=r"flow 'etl': keep_values='some' must be"):
        flow(keep_values="some")(etl.fn)
