"""Flows to look at, made-up progress of them, and the engines that draw them."""

import shutil
from types import MappingProxyType

import pytest

from resnb import Flow, Parameter, resource_manager, task
from resnb.states import SUCCESS, Failed, Success
from resnb.view import engines


class FakeProgress:
    """What a test says of a run; tasks by name, and a default for those it does not name."""

    def __init__(
        self, codes=None, *, leases=None, flow=SUCCESS, counts=None, failures=None, values=None
    ):
        self.codes, self.leases, self.flow = codes or {}, leases or {}, flow
        self.counts, self.failures, self.values = counts or {}, failures or {}, values or {}

    def code_of(self, task):
        return self.codes.get(task.name, SUCCESS)

    def codes_of(self, tasks):
        return bytes(map(self.code_of, tasks))

    def child_counts(self, task):
        return self.counts.get(task.name, {})

    link = ""
    stale = MappingProxyType({})

    def lease_state(self, scope):
        return self.leases.get(scope.name, "closed")

    def state_of(self, task):
        if task.name in self.failures:
            return Failed(self.failures[task.name])
        return Success("", self.values.get(task.name, getattr(task, "default", None)))

    def flow_code(self):
        return self.flow


@resource_manager
class Cluster:
    def __init__(self, n=None, m=None):
        pass

    def setup(self):
        pass

    def cleanup(self, resource):
        pass


def no_op(*_, **__):
    pass


@pytest.fixture
def progress():
    return FakeProgress


@pytest.fixture
def cluster():
    return Cluster


@pytest.fixture
def work():
    """Makes a task of the given name, to be called in a flow."""
    return lambda name: task(no_op, name=name)


@pytest.fixture
def seed(work):
    """The example that everybody knows: two tasks on a cluster, one after it."""
    with Flow("dask-example") as flow:
        n_workers = Parameter("n_workers", default=None)
        out_path = Parameter("out_path")
        with Cluster.use((n_workers,), {}, name="client") as client:
            df = work("load")(None)
            summary = work("summarize")(df, client=client)
        work("write")(summary, path=out_path)
    return flow


@pytest.fixture
def nested(work):
    """A scope inside a scope, with tasks between their ends."""
    with Flow("nested") as flow, Cluster.use((), {}, name="outer"):
        first = work("first")()
        with Cluster.options(ttl="2h").use((), {}, name="inner") as inner:
            work("second")(first, inner)
        work("third")(first)
    return flow


@pytest.fixture
def large(work):
    """Three scopes of a hundred tasks each, and a task that takes something of each."""
    with Flow("large") as flow:
        found = []
        for number in range(3):
            with Cluster.use((), {}, name=f"part_{number}"):
                found.append([work("one")(number) for _ in range(100)][-1])
        work("all")(found)
    return flow


def installed():
    return {"system": shutil.which("dot"), "bundled": engines.bundled()}


@pytest.fixture(params=["system", "bundled"])
def engine(request, monkeypatch):
    """Each engine in turn, chosen as a user would."""
    program = installed()[request.param]
    if program is None:
        pytest.skip(f"no {request.param} Graphviz engine on this machine")
    monkeypatch.setenv(engines.VARIABLE, request.param)
    return engines.Engine(request.param, program)
