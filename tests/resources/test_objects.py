"""Objects of other libraries whose kernel is killed: what is known of their type is cleaned up."""

import os
import pickle
import socket
import sqlite3
import subprocess
import sys
import tempfile
import zipfile
from contextlib import closing
from pathlib import Path

import dask_gateway
import psutil
import pytest

from benchmarks.crash.engine import IMAGE, NoEngineError, client, engine
from resnb import resource
from resnb.graph.resources.ending import Ending
from resnb.ledger.recipes.pickling import pickled
from resnb.ledger.recipes.protection import NO_FIND, protection_before
from resnb.ledger.recipes.recipe import Protection, recipe_of
from tests.resources.aws import IMAGE as AMI
from tests.resources.aws import REGION
from tests.resources.killed import becomes, killed
from tests.resources.truth import gateway_server

pytestmark = [  # Docker's library leaves the sockets of logs to the garbage collector
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def opened(definition, call="", shown="value.pid", before=""):
    """What a killed kernel has printed of the object that it had open."""
    code = f"{before}\nfrom resnb import resource\nheld = resource({definition})({call})"
    return killed(f"{code}.open('one')\nvalue = held.value\nprint({shown}, flush=True)")


def runs(pid):
    try:
        return psutil.Process(int(pid)).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


SLEEP = [sys.executable, "-Sc", "import time; time.sleep(600)"]
FORK = "import multiprocessing, time; context = multiprocessing.get_context('fork')"


@pytest.mark.parametrize(
    ("before", "definition", "call"),
    [
        ("import subprocess", "subprocess.Popen", f"{SLEEP}, start_new_session=True"),
        (FORK, "context.Process", "target=time.sleep, args=(600,)"),
        ("import asyncio", "asyncio.create_subprocess_exec", "'setsid', 'sleep', '600'"),
    ],
    ids=["subprocess", "multiprocessing", "asyncio"],
)
def test_processes(before, definition, call):
    pid = opened(definition, call, before=before)
    assert becomes(lambda: runs(pid), wanted=False) is False


@pytest.mark.parametrize("kind", ["NamedTemporaryFile", "TemporaryDirectory"])
def test_what_is_temporary(kind, tmp_path):
    path = Path(
        opened(
            f"tempfile.{kind}",
            f"dir={str(tmp_path)!r}",
            "getattr(value, 'name', value)",
            "import tempfile",
        )
    )
    assert path.parent == tmp_path
    assert becomes(path.exists, wanted=False) is False


def test_a_file_that_is_to_stay_stays(tmp_path):
    with tempfile.NamedTemporaryFile(dir=tmp_path, delete=False) as one:
        found = pickle.loads(pickled(one).data)
    Ending().cleanup(found)
    assert Path(found.name).exists()


# ---- containers, clusters, machines


@pytest.fixture(scope="module")
def docker_client():
    try:
        with engine(), closing(client()) as found:
            yield found
    except NoEngineError as error:
        pytest.fail(f"NO CONTAINER ENGINE: {error}")


def ids(docker_client):
    # looked at one by one, those that are being removed would be errors
    return [one.id for one in docker_client.containers.list(all=True, sparse=True)]


RUN = "import docker; run = docker.from_env(version='1.41').containers.run"


def test_a_container_of_docker(docker_client):
    run = docker_client.containers.run
    with resource(run)(IMAGE, "sleep 600", detach=True) as container:
        assert container.id in ids(docker_client)
    assert container.id not in ids(docker_client)
    found = opened("run", f"{IMAGE!r}, 'sleep 600', detach=True", "value.id", RUN)
    assert becomes(lambda: found in ids(docker_client), wanted=False) is False


@pytest.mark.long
def test_a_container_of_testcontainers(docker_client, monkeypatch):
    monkeypatch.setenv("TESTCONTAINERS_RYUK_DISABLED", "true")
    before = (
        "from functools import partial\nfrom testcontainers.core.container import DockerContainer"
    )
    made = "lambda: DockerContainer('tiny:latest').with_command('sleep 600')"
    found = opened(made, "", "value.get_wrapped_container().id", before)
    assert becomes(lambda: found in ids(docker_client), wanted=False) is False


@pytest.mark.long
def test_a_cluster_of_a_gateway(tmp_path):
    with gateway_server(tmp_path) as url:
        call = f"address={url!r}, auth='basic'"
        opened("GatewayCluster", call, "value.name", "from dask_gateway import GatewayCluster")
        with dask_gateway.Gateway(url, auth="basic") as gateway:
            assert becomes(gateway.list_clusters, []) == []


@pytest.mark.long
def test_a_machine_of_boto3(aws, endpoint, monkeypatch):
    before = f"""
import boto3
def machine():
    return boto3.resource("ec2", region_name={REGION!r}).create_instances(
        ImageId={AMI!r}, MinCount=1, MaxCount=1)[0]
"""
    found = opened("machine", "", "value.id", before)
    state = lambda: aws.instances(instance_id=found)[0]["State"]["Name"]  # noqa: E731
    assert becomes(state, "terminated") == "terminated"


# ---- what is known of them before


def test_what_is_known_before():
    def marks(definition):
        return protection_before(resource(definition).resource_class)

    class Thing:
        def close(self): ...

    assert marks(subprocess.Popen) == Protection(NO_FIND)
    for kind in (sqlite3.Connection, socket.socket, zipfile.ZipFile):
        assert marks(kind) == Protection()
    fault = "its clean-up lives in the kernel, because no other process can find a Thing again"
    assert marks(Thing) == Protection(fault, fault)
    assert marks(lambda: Thing()) == Protection(NO_FIND, "known once open")
    assert marks(os.popen).once_open == "known once open"


def test_what_is_done_through_a_connection_is_not_taken_to_end_with_it():
    """An attribute that is a connection would clean up nothing, were it replaced in a recipe."""

    class Rows:
        def __init__(self):
            self.connection = sqlite3.connect(":memory:")

        def cleanup(self, resource):
            self.connection.execute("delete from t")

    manager = Rows()
    assert "attribute 'connection' (Connection) does not pickle" in recipe_of("x", manager).fault
    manager.connection.close()
