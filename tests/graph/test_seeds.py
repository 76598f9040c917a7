"""Both forms of Prefect's example "a temporary Dask cluster", unchanged but for the import line."""

import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.graph.shapes import arrows, names

SEEDS = Path(__file__).with_name("seeds")
# n_workers -> init -> setup -> load -> summarize -> write <- out_path
#                  \-------\------------------\-> cleanup
EDGES = {
    "n_workers -> DaskCluster.n_workers",
    "DaskCluster -> DaskCluster.setup.manager",
    "DaskCluster -> DaskCluster.cleanup.manager",
    "DaskCluster.setup -> DaskCluster.cleanup.resource",
    "DaskCluster.setup -> {load}",
    "DaskCluster.setup -> {summarize}.client",
    "{load} -> {summarize}.df",
    "{summarize} -> DaskCluster.cleanup",
    "{summarize} -> {write}.df",
    "out_path -> {write}.path",
}
FORMS = {
    "functional": {"load": "load_data", "summarize": "summarize", "write": "write_csv"},
    "imperative": {"load": "LoadData", "summarize": "Summarize", "write": "WriteCSV"},
}


@pytest.fixture
def fake_dask(monkeypatch):
    """Stands for Dask: nothing may be called while the flow is built."""
    dask, distributed = ModuleType("dask"), ModuleType("dask.distributed")
    distributed.Client = dask.distributed = distributed
    monkeypatch.setitem(sys.modules, "dask", dask)
    monkeypatch.setitem(sys.modules, "dask.distributed", distributed)


@pytest.fixture(params=FORMS)
def form(request):
    return request.param


@pytest.fixture
def flow(form, fake_dask):
    path = SEEDS / f"{form}.txt"
    namespace = {}
    exec(compile(path.read_text(encoding="utf-8"), path, "exec"), namespace)
    return namespace["flow"]


def test_the_edges_are_those_of_prefect(flow, form):
    assert arrows(flow) == {edge.format(**FORMS[form]) for edge in EDGES}
    flow.validate()


def test_parameters_keep_their_defaults(flow):
    defaults = {one.name: (one.default, one.required) for one in flow.parameters()}
    assert defaults == {"n_workers": (None, False), "out_path": ("summary.csv", False)}


def test_cleanup_comes_right_after_the_last_task_of_the_scope(flow, form):
    last, write = FORMS[form]["summarize"], FORMS[form]["write"]
    order = names(flow.sorted_tasks())
    assert order[order.index(last) + 1] == "DaskCluster.cleanup"
    assert order[-1] == write


def test_only_the_csv_decides_the_outcome(flow, form):
    assert names(flow.reference_tasks()) == [FORMS[form]["write"]]
    assert names(flow.terminal_tasks()) == sorted(["DaskCluster.cleanup", FORMS[form]["write"]])
