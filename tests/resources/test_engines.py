"""Ready-made resources on real engines: containers, Dask, PostgreSQL. Nothing is left there."""

import doctest
import os
from contextlib import nullcontext
from types import SimpleNamespace
from urllib.request import urlopen

import psycopg
import pytest

from benchmarks.crash.engine import IMAGE, NoEngineError, client, engine
from resnb.dask import gateway
from resnb.errors import CleanupError, NothingMadeError, OptionError, ResnbError
from resnb.ledger.recipes import kinds
from resnb.ledger.recipes.handles import FoundLease
from resnb.resources import DaskCluster, DockerContainer, PostgresDatabase, cluster
from resnb.resources import container as container_module
from tests.resources.elsewhere import elsewhere

pytestmark = [  # Docker's library leaves the sockets of logs to the garbage collector
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def docker_client():
    try:
        with engine():
            found = client()
            yield found
            found.close()
    except NoEngineError as error:
        pytest.fail(f"NO CONTAINER ENGINE: {error}")


def containers(docker_client):
    return docker_client.containers.list(all=True, filters={"label": "resnb.lease"})


def test_a_container(docker_client):
    say = ["sh", "-c", "echo $WORD; sleep 600"]
    used = DockerContainer(IMAGE, say, environment={"WORD": "ready"}, ready_line="ready")
    with used as container:
        assert container.logs() == "ready\n"
        assert docker_client.containers.get(container.id).status == "running"
        with pytest.raises(ResnbError, match="DockerContainer: port 80 leads nowhere"):
            container.port(80)
    assert containers(docker_client) == []


@pytest.mark.parametrize("limit", [None, "1h"])
def test_an_image_that_the_engine_does_not_have(docker_client, limit):
    with (
        pytest.raises(NothingMadeError, match="the engine has no image 'localhost/no:such': pull"),
        DockerContainer("localhost/no:such", self_destruct=limit),
    ):
        pass
    assert containers(docker_client) == []


def test_a_command_that_the_image_does_not_have(docker_client):
    with (
        pytest.raises(ResnbError, match=f"the engine refuses one of '{IMAGE}': .*no-such"),
        DockerContainer(IMAGE, ["no-such-program"]),
    ):
        pass
    assert containers(docker_client) == []


def test_the_ports_of_a_container(docker_client):
    serve = "mkdir /w; echo hello > /w/index.html; httpd -f -p 8080 -h /w"
    with (
        DockerContainer(IMAGE, ["sh", "-c", serve], ports=[8080], ready_port=8080) as container,
        urlopen(f"http://{container.host}:{container.port(8080)}") as answer,
    ):
        assert answer.read() == b"hello\n"
    assert containers(docker_client) == []


def test_a_container_that_ends_before_it_is_ready(docker_client):
    with (
        pytest.raises(ResnbError, match="ended before it was ready: no luck"),
        DockerContainer(IMAGE, ["sh", "-c", "echo no luck; exit 3"], ready_line="ready"),
    ):
        pass
    assert containers(docker_client) == []


def test_the_last_words_of_a_container_that_ends_between_two_looks(monkeypatch):
    said = []

    class Engine:
        """One whose container prints its last line and ends just when it is asked about it."""

        containers = property(lambda self: self)

        def get(self, _):
            said.append("no luck")
            return SimpleNamespace(status="exited")

    monkeypatch.setattr(container_module, "_client", lambda: nullcontext(Engine()))
    container = SimpleNamespace(id="c", logs=lambda: "\n".join(said))
    with pytest.raises(ResnbError, match="ended before it was ready: no luck"):
        DockerContainer.definition(IMAGE, ready_line="ready").ready(container)


def test_a_container_that_is_not_its_own_is_left_alone(docker_client):
    held = DockerContainer(IMAGE, ["sleep", "600"]).open("one")
    manager = held.lease.manager
    other, found = elsewhere("docker", manager, manager.handle(held.value))
    other.lease = FoundLease("0" * 32)
    with pytest.raises(CleanupError, match="is not of this lease"):
        other.cleanup(found)
    assert len(containers(docker_client)) == 1
    held.close()
    assert containers(docker_client) == []


def test_a_guarded_container(docker_client):
    with pytest.raises(OptionError, match="self_destruct='soon' is no duration"):
        DockerContainer(IMAGE, self_destruct="soon").open("one")
    guarded = DockerContainer(
        IMAGE, ["sh", "-c", "echo bye; exit 3"], self_destruct="1h", ready_line="x"
    )
    with (
        pytest.raises(
            ResnbError, match=r"ended before it was ready: (bye|its output went with it)"
        ),
        guarded,
    ):
        pass
    assert containers(docker_client) == []


def test_a_database(server):
    admin = server.url_of("postgres")
    with PostgresDatabase(admin) as url, psycopg.connect(url) as connection:
        connection.execute("create table t (n int)")
        connection.commit()
    with psycopg.connect(admin) as connection:
        known = connection.execute("select datname from pg_database").fetchall()
    assert not [name for (name,) in known if name.startswith("resnb_")]


def test_a_database_that_is_not_its_own_is_left_alone(server):
    admin = server.url_of("postgres")
    held = PostgresDatabase(admin, "mine").open("one")
    manager = held.lease.manager
    other, url = elsewhere("postgres", manager, manager.handle(held.value))
    assert url == held.value == other.find(manager.lease.id)
    other.lease = FoundLease("0" * 32)
    with pytest.raises(CleanupError, match="database 'mine' is not of this lease"):
        other.cleanup(url)
    held.close()


def test_a_dask_cluster():
    assert doctest.testmod(cluster).failed == 0
    with (
        pytest.raises(NothingMadeError, match=r"cluster='no\.such\.Class' is no class"),
        DaskCluster(cluster="no.such.Class"),
    ):
        pass


def test_the_workers_of_another_lease_are_left_alone():
    held = DaskCluster(1, dashboard_address=":0").open("one")
    manager = held.lease.manager
    handle = manager.handle(held.value)
    assert [pid for pid, _ in handle["workers"]] == [
        pid for pid, _ in cluster._tagged(manager.lease.id)
    ]
    assert kinds.kind_of(manager).name == "dask_cluster"
    other, found = elsewhere("dask_cluster", manager, handle)
    other.lease = FoundLease("0" * 32)
    other.cleanup(found)
    assert held.value.submit(sum, [1, 2]).result() == 3
    assert "RESNB_CLUSTER" not in os.environ
    held.close()
    other.lease = manager.lease
    other.cleanup(found)
    assert manager.find(manager.lease.id) is None


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"auth": "my.Auth"}, "auth='my.Auth'"),
        ({"address": "http://elsewhere", "auth": "jupyterhub"}, "credentials go only to"),
        ({"proxy_address": "http://elsewhere"}, "credentials go only to"),
    ],
)
def test_no_credentials_for_a_gateway_that_is_not_configured(options, fault):
    with (
        pytest.raises(OptionError, match=fault),
        DaskCluster(cluster="dask_gateway.GatewayCluster", **options),
    ):
        pass
    row = gateway.connection_of(options)
    with pytest.raises(CleanupError, match="it is sent no credentials"), gateway.gateway(row):
        pass


class Stopping:
    """A gateway's client; a cluster that was told to stop is stopping at the next two looks."""

    def __init__(self):
        self.status, self.looks = "running", 2

    def list_clusters(self, status=("pending", "running")):
        if self.status == "stopping":
            self.looks -= 1
            self.status = "stopped" if self.looks < 0 else self.status
        options = {"environment": {gateway.TAG: "lease"}}
        own = SimpleNamespace(name="one", status=SimpleNamespace(name="RUNNING"), options=options)
        return [own] if self.status in status else []

    def stop_cluster(self, name):
        self.status = "stopping"


def test_a_cluster_of_a_gateway_has_stopped_when_it_is_cleaned_up(monkeypatch):
    told = Stopping()
    monkeypatch.setattr(gateway, "gateway", lambda connection: nullcontext(told))
    gateway.stop({}, "one", "lease")
    assert told.status == "stopped"
    told.status, told.looks = "stopping", 2
    gateway.stop({}, "one", "lease")
    assert told.status == "stopped"
