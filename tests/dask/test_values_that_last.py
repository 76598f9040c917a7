"""Values that are kept, on a cluster of processes: found by any worker, and by the kernel."""

import os
from types import SimpleNamespace

import pytest

from resnb import DaskExecutor, Flow, LocalResult, Parameter, task
from resnb.cache_validators import partial_inputs_only
from resnb.dask.workers.tries import Report
from resnb.run.output.displays import DISPLAY
from resnb.run.output.log import LOG_LIMIT
from tests.dask import codes


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The cache, which the workers share."""
    found = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RESNB_CACHE", str(found))
        yield found


@pytest.fixture(scope="module")
def executor(folder):
    with codes.cluster() as cluster, codes.client_of(cluster) as client:
        yield DaskExecutor(client)


def a_graph(marks, name, **options):
    """A flow of a chain of two tasks and a mapped one, each of which leaves a mark of each call."""

    def noted(code):
        def run(number):
            codes.mark(marks, code)
            return number + 1

        return task(run, name=code, **options)

    with Flow(name) as flow:
        first = noted("first")(Parameter("number", default=1))
        second = noted("second")(first)
        children = noted("child").map([1, 2])
    return flow, (first, second, children)


def states(flow, tasks, executor, **parameters):
    state = flow.run(executor=executor, **parameters)
    assert state.is_successful(), state
    found = [state.result[one] for one in tasks]
    names = [one.name for one in found[:2]] + [one.name for one in found[2].map_states]
    return names, [one.result for one in found]


ALL = ["Success"] * 4, [2, 3, [2, 3]]
KEPT = ["Cached"] * 4, [2, 3, [2, 3]]


@pytest.mark.parametrize(
    "options",
    [
        {"cache_for": "1h"},
        {"cache_for": "1h", "cache_validator": partial_inputs_only(["number"])},
        {
            "cache_for": "1h",
            "cache_validator": lambda state, inputs, _: (
                state.cached_inputs["number"].value == inputs["number"]
            ),
        },
        {"target": "{flow_name}/{task_full_name}-{number}.pkl"},
    ],
    ids=["code", "validator", "own validator", "target"],
)
def test_a_cluster_keeps_and_finds_values(executor, tmp_path, options, request):
    if "target" in options:
        options = {**options, "result": LocalResult(dir=tmp_path / "kept")}
    name = request.node.callspec.id
    assert states(*a_graph(tmp_path, name, **options), executor) == ALL
    called = {code: len(codes.marks(tmp_path, code)) for code in ("first", "second", "child")}
    assert called == {"first": 1, "second": 1, "child": 2}
    assert all(str(os.getpid()) not in one for one in codes.marks(tmp_path, "first"))
    flow, tasks = a_graph(tmp_path, name, **options)
    assert states(flow, tasks, executor) == KEPT
    assert states(flow, tasks, None) == KEPT  # the kernel finds what a worker has kept
    assert len(list(tmp_path.glob("*-*-*"))) == 4
    assert states(flow, tasks, executor, number=5)[0] == ["Success"] * 2 + ["Cached"] * 2


def test_a_worker_finds_what_only_it_can_look_for(executor, tmp_path):
    """An input that is computed anew is known on the cluster only."""

    def graph():
        with Flow("f") as flow:
            first = task(codes.one, name="anew")()
            second = task(codes.plus_one, name="plus one", cache_for="1h")(first)
        state = flow.run(executor=executor)
        return [state.result[one].name for one in (first, second)], second.value

    assert graph() == (["Success", "Success"], 2)
    assert graph() == (["Success", "Cached"], 2)


def test_of_what_a_task_displayed_a_part_does_not_come_back_from_a_worker():
    report = Report(SimpleNamespace(row=3, number=1))
    report.write(3, "stdout", "a")
    report.write(3, DISPLAY, "x" * LOG_LIMIT)
    report.write(3, DISPLAY, "small")
    report.write(3, "stdout", "y" * LOG_LIMIT)
    texts = report.message()["texts"]
    assert texts[:2] == [("stdout", "a"), (DISPLAY, "small")]
    assert texts[2][1].endswith("y\n[more was printed than comes back from a worker]\n")
