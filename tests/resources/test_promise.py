"""The ready-made resources keep the whole promise, on their real engines."""

import gc
import socket
import sys

import pytest

from benchmarks.crash.engine import IMAGE, NoEngineError, engine
from resnb.resources import (
    DaskCluster,
    DockerContainer,
    PostgresDatabase,
    SSHTunnel,
    Subprocess,
    TemporaryFolder,
    command,
)
from resnb.testing import check_resource
from tests.resources.sshd import sshd
from tests.resources.truth import Containers, Databases, Folders, Processes, gateway_server

STEPS = 2
"""Steps of a set-up that fail by default; all of them with the long tests."""
pytestmark = [  # Docker's library leaves the sockets of logs to the garbage collector
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
SLEEP = [sys.executable, "-Sc", "print('ready', flush=True); import time; time.sleep(600)"]


def _greets(tunnel):
    with socket.create_connection(("127.0.0.1", tunnel.port), 10) as connection:
        assert connection.recv(7) == b"SSH-2.0"


@pytest.fixture(scope="module")
def containers():
    try:
        with engine():
            gc.collect()  # sockets of the first, failing look for an engine
            yield Containers()
    except NoEngineError as error:
        pytest.fail(f"NO CONTAINER ENGINE: {error}")


@pytest.fixture(params=[STEPS, pytest.param(None, marks=pytest.mark.long)], ids=["some", "all"])
def steps(request):
    return request.param


def test_a_folder():
    check_resource(TemporaryFolder(prefix="a-"), engine=Folders())


def test_a_process(steps):
    check_resource(
        Subprocess(SLEEP, ready_line="ready"), engine=Processes("RESNB_LEASE"), steps=steps
    )


def test_a_command(steps):
    up = 'mkdir "/tmp/resnb-check-$RESNB_LEASE"'
    down = 'rm -rf "/tmp/resnb-check-$RESNB_LEASE"'
    check_resource(command(up, down), engine=Folders(), steps=steps)


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_container(containers, steps):
    say = ["sh", "-c", "echo ready; sleep 600"]
    plain = DockerContainer(IMAGE, say, ready_line="ready")
    guarded = DockerContainer(IMAGE, say, ready_line="ready", self_destruct="1s")
    check_resource(plain, engine=containers, doomed=guarded, steps=steps)


@pytest.mark.long
def test_a_database(mortal, steps):
    check_resource(
        PostgresDatabase(mortal.url_of("postgres")), engine=Databases(mortal), steps=steps
    )


@pytest.mark.long
def test_a_tunnel(tmp_path):
    with sshd(tmp_path) as port:
        check_resource(
            SSHTunnel("box", port, config=tmp_path / "config"),
            engine=Processes("RESNB_LEASE"),
            use=_greets,
        )


@pytest.mark.long
def test_a_dask_cluster():
    check_resource(
        DaskCluster(1, dashboard_address=":0", self_destruct="5m"),
        engine=Processes("RESNB_CLUSTER"),
        use=lambda client: client.submit(sum, [1, 2]).result(),
    )


@pytest.mark.long
def test_a_cluster_of_a_gateway(tmp_path):
    with gateway_server(tmp_path) as url:
        options = {"cluster": "dask_gateway.GatewayCluster", "address": url, "auth": "basic"}
        check_resource(
            DaskCluster(1, **options),
            engine=Processes("RESNB_LEASE"),
            use=lambda client: client.submit(sum, [1, 2]).result(),
            doomed=DaskCluster(**options, self_destruct="1s"),
        )
