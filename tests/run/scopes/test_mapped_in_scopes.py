"""Mapped tasks inside one scope: they share its resource, and clean-up waits for every child."""

import pytest

from resnb import Flow, LocalExecutor, ThreadExecutor, signals, task, triggers, unmapped


@pytest.fixture(params=[LocalExecutor, ThreadExecutor], ids=["local", "threads"])
def executor(request):
    return request.param()


@pytest.fixture
def used(things):
    def use(x, thing=None):
        things.note("used", x, "with", thing)
        if x == 2:
            raise ValueError(x)
        if x == 3:
            raise signals.SKIP(str(x))
        return x

    return task(use, name="use")


def test_all_children_use_the_one_resource(things, used, executor):
    with Flow("f") as flow, things.manager()("x") as thing:
        values = used.map([0, 1, 4], unmapped(thing))
    assert flow.run(executor=executor).result[values].result == [0, 1, 4]
    assert things.story[:2] == ["init x", "setup x"]
    assert things.story[-1] == "cleanup x"
    assert sorted(things.story[2:-1]) == ["used 0 with x", "used 1 with x", "used 4 with x"]


def test_clean_up_comes_after_children_that_fail_and_are_skipped(things, used, executor):
    with Flow("f") as flow, things.manager()("x") as thing:
        values = used.map([1, 2, 3, 4], unmapped(thing))
    state = flow.run(executor=executor)
    assert state.is_failed()
    assert [one.name for one in state.result[values].map_states] == [
        "Success", "Failed", "Skipped", "Success",
    ]  # fmt: skip
    assert things.story.index("cleanup x") == len(things.story) - 1


def test_a_reduce_inside_the_scope_is_waited_for(things, used, executor):
    @task(trigger=triggers.all_finished, skip_on_upstream_skip=False)
    def total(values, thing):
        things.note("total with", thing)
        return sum(one for one in values if isinstance(one, int))

    with Flow("f") as flow, things.manager()("x") as thing:
        value = total(used.map([1, 2, 3, 4], unmapped(thing)), thing)
    assert flow.run(executor=executor).result[value].result == 5
    assert things.story[-2:] == ["total with x", "cleanup x"]


def test_no_children_still_clean_up(things, used, executor):
    with Flow("f") as flow, things.manager()("x") as thing:
        used.map([], unmapped(thing))
    assert flow.run(executor=executor).is_successful()
    assert things.story == ["init x", "setup x", "cleanup x"]


def test_children_on_the_thread_of_the_set_up(things, executor):
    import threading

    seen = set()

    @task(thread="setup")
    def where(_x):
        seen.add(threading.get_ident())
        things.note("where")

    with Flow("f") as flow, things.manager()("x"):
        where.map([1, 2, 3])
    assert flow.run(executor=executor).is_successful()
    assert len(seen) == 1
    assert threading.get_ident() not in seen


def test_a_set_up_that_failed_refuses_each_child(things, executor):
    from resnb import resource_manager

    @resource_manager
    class Broken:
        def setup(self):
            raise OSError

        def cleanup(self, resource):
            raise AssertionError

    with Flow("f") as flow, Broken() as thing:
        values = task(lambda x, thing: x).map([1, 2], unmapped(thing))
    state = flow.run(executor=executor).result[values]
    assert [one.name for one in state.map_states] == ["TriggerFailed"] * 2


def test_a_list_that_is_the_resource_can_be_mapped_over(things, executor):
    from resnb import resource_manager

    @resource_manager
    class Several:
        def __init__(self, n):
            self.n = n

        def setup(self):
            things.note("setup", self.n)
            return list(range(self.n))

        def cleanup(self, resource):
            things.note("cleanup", resource)

    with Flow("f") as flow, Several(3) as each:
        values = task(lambda one: one * 10).map(each)
    assert flow.run(executor=executor).result[values].result == [0, 10, 20]
    assert things.story == ["setup 3", "cleanup [0, 1, 2]"]
