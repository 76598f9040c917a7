"""Random flows on a Dask cluster: states, values and order are those of every other executor.

The cluster is in this process, so that the tasks' code keeps one log; but for that, all goes the
way that it goes with processes: calls and values are pickled, and workers report.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resnb import DaskExecutor
from resnb.dask.bundles import forming
from tests.dask import codes
from tests.stateful.reference import expected, wired
from tests.stateful.specs import descriptions
from tests.stateful.test_runs import (
    check_cancelled,
    check_order,
    check_resources,
    check_results,
    check_threads,
    story,
)
from tests.stateful.worlds import PATIENCE, World

# the cluster's threads draw random numbers while hypothesis does
pytestmark = pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies")
SOME = settings(max_examples=max(25, settings().max_examples // 4))
LIMITS = {"small": codes.SMALL, "large": codes.LARGE, "adaptive": forming.LIMITS}


@pytest.fixture(scope="module")
def client():
    from distributed import Client, LocalCluster

    with (
        LocalCluster(
            n_workers=2, threads_per_worker=2, processes=False, dashboard_address="127.0.0.1:0"
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        yield client


@pytest.fixture(autouse=True, scope="module")
def patient():
    """A run waits for its workers' last words: nothing is lost because they stood still."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("resnb.dask.messages.END", PATIENCE)
        yield


@pytest.fixture(autouse=True)
def no_leaks():
    """Workers in this process start their threads when they need them, and keep them."""


@pytest.fixture(params=LIMITS, scope="module")
def bundles(request):
    """How large bundles get."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(forming, "LIMITS", LIMITS[request.param])
        yield request.param


@pytest.mark.usefixtures("bundles")
@SOME
@given(description=descriptions(timeouts=False))
def test_a_run_on_dask_is_what_the_reference_says(client, description):
    world = World(description)
    try:
        state = world.finish(DaskExecutor(client))
        check_results(world, state)
        check_order(world)
        check_threads(world, state)
        check_resources(world, state)
    finally:
        world.close()
        story(world)


@pytest.mark.usefixtures("bundles")
@SOME
@given(
    description=descriptions(timeouts=False),
    number=st.integers(0, 99),
    way=st.sampled_from(["code", "handler"]),
)
def test_a_cancelled_run_on_dask_cleans_up_and_begins_nothing_more(
    client, description, number, way
):
    results = expected(description)
    names = [
        name
        for name, step in wired(description).items()
        if step.kind == "task" and results[name].tries and not step.mapped
    ]
    canceller = names[number % len(names)] if names else ""
    world = World(description, canceller, way)
    try:
        state = world.finish(DaskExecutor(client))
        if canceller:
            check_cancelled(world, state, canceller)
        check_order(world)
        check_resources(world, state)
    finally:
        world.close()
        story(world)
