"""What failed, was refused or is flattened means the same on a cluster as in the kernel."""

import threading

import pytest

from resnb import (
    DaskExecutor,
    Flow,
    LocalExecutor,
    ThreadExecutor,
    flatten,
    signals,
    task,
    triggers,
    unmapped,
)
from tests.dask import codes

EXECUTORS = {
    "local": lambda _: LocalExecutor(),
    "threads": lambda _: ThreadExecutor(2),
    "dask": DaskExecutor,
}


@pytest.fixture(scope="module")
def client():
    with codes.cluster() as cluster, codes.client_of(cluster) as client:
        yield client


@pytest.fixture(params=EXECUTORS)
def executor(request, client):
    return EXECUTORS[request.param](client)


@task
def upto(n):
    if n < 0:
        raise ValueError(n)
    return list(range(n))


@task
def text(value):
    return f"{type(value).__name__} {value}"


always = text.copy(trigger=triggers.all_finished)


def test_what_failed_gives_its_exception(executor):
    with Flow("f") as flow:
        broken = upto(-1)
        seen, refused = always(broken), text(broken)
        told = always(refused)
    state = flow.run(executor=executor)
    assert state.result[seen].result == "ValueError -1"
    assert isinstance(state.result[refused].result, signals.TRIGGERFAIL)
    assert state.result[told].result.startswith("TRIGGERFAIL ")


class Odd(Exception):  # noqa: N818 - it does not pickle by itself, which is what matters
    def __init__(self, first, second):
        super().__init__(f"{first} and {second}")
        self.lock = threading.Lock()


def test_an_exception_that_does_not_pickle_by_itself_is_what_it_is(client):
    async def broken():
        raise Odd(1, 2)

    with Flow("f") as flow:
        seen = always(task(broken)())
    state = flow.run(executor=DaskExecutor(client))
    assert state.result[seen].result == "Odd 1 and 2"


def test_flattened_items_know_who_gave_them(executor):
    with Flow("f") as flow:
        lists = upto.map([2, -1, 0, 1])
        each, every = text.map(flatten(lists)), always.map(flatten(lists))
    state = flow.run(executor=executor)
    children = state.result[each].map_states
    assert [one.name for one in children] == ["Success", "Success", "TriggerFailed", "Success"]
    assert state.result[every].result == ["int 0", "int 1", "ValueError -1", "int 0"]


def test_a_level_is_taken_out_of_a_plain_argument(executor):
    with Flow("f") as flow:
        lists = upto.map([2, 0, 1])
        pair = [upto(1), upto(2)]
        found = text(flatten(lists)), text(flatten(pair)), text(flatten(upto(2)))
        beside = task(lambda x, y: (x, y), name="beside").map([1, 2], unmapped(upto(1)))
    state = flow.run(executor=executor)
    assert [state.result[one].result for one in found] == [
        "list [0, 1, 0]",
        "list [0, 0, 1]",
        "list [0, 1]",
    ]
    assert state.result[beside].result == [(1, [0]), (2, [0])]


def test_those_who_watch_a_task_hear_of_its_refusal(executor):
    told = []

    def handler(_task, old, new):
        told.append((old.name, new.name))

    def failed(_task, state):
        told.append(state.name)

    with Flow("f") as flow:
        watched = text.copy(state_handlers=[handler], on_failure=failed)
        refused = watched(upto(-1))
        children = watched.map(upto.map([1, -1]))
    state = flow.run(executor=executor)
    assert state.result[refused].name == "TriggerFailed"
    assert [one.name for one in state.result[children].map_states] == ["Success", "TriggerFailed"]
    assert sorted(map(str, told)) == sorted(
        map(
            str,
            [
                *[("Pending", "TriggerFailed"), "TriggerFailed"] * 2,
                ("Pending", "Mapped"),
                ("Pending", "Running"),
                ("Running", "Success"),
            ],
        )
    )


def test_only_the_children_that_failed_run_again(executor, client):
    with Flow("f") as flow:
        lists = upto.map([2, -1])
        each = always.map(flatten(lists))
    first = flow.run(executor=DaskExecutor(client))
    assert [one.name for one in first.result[lists].map_states] == ["Success", "Failed"]
    again = flow.run(executor=executor, task_states=first)
    assert again.result[lists].result[0] == [0, 1]
    assert again.result[each].result == ["int 0", "int 1", "ValueError -1"]
