"""Containers of a real engine, found again by another process: one that is there, one that is gone."""

import pickle

import pytest

from benchmarks.crash.engine import IMAGE, NoEngineError, client, engine
from benchmarks.crash.rows import Spec
from benchmarks.crash.running import carry_out
from resnb.ledger.recipes.pickling import pickled


@pytest.fixture(scope="module")
def docker_client():
    try:
        with engine():
            found = client()
            yield found
            found.close()
    except NoEngineError as error:
        pytest.fail(f"NO CONTAINER ENGINE: {error}")


@pytest.fixture
def container(docker_client):
    container = docker_client.containers.run(IMAGE, ["sleep", "1000"], detach=True)
    yield container
    for one in docker_client.containers.list(all=True, filters={"id": container.id}, sparse=True):
        one.remove(force=True)


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # each handle opens a client of its own
def test_a_container_is_found_again(container):
    found = pickle.loads(pickled(container).data)
    assert found.id == container.id
    found.remove(force=True)


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_one_that_is_gone_needs_no_cleaning_up(container):
    """A clean-up that was cut short has removed it; the one that follows must not fail for that."""
    handle = pickled(container).data
    container.remove(force=True)
    found = pickle.loads(handle)
    assert found.id == container.id
    found.stop(timeout=1)
    found.kill()
    found.remove(force=True)


def test_a_killed_kernel_leaves_none(docker_client):
    specs = [Spec("SIGKILL", moment, "container") for moment in ("set-up", "cleanup")]
    for row in carry_out(specs, kernels=2, engine=docker_client):
        assert (row.error, row.leaks, row.listed) == ("", [], []), row
