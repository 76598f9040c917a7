"""Kernel, reaper and virtual environment are gone with their machine: another one cleans up.

The machine is a container with a machine-id, pids and a root of its own. All that is left of it is
rows in a ledger that is shared: another installation of resnb, which is also another account's, has
nothing else. Rows that were tampered with are refused, and are listed.
"""

import json
import os
import secrets
import socket
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from psycopg import sql

from benchmarks.crash.containers.box import Box
from benchmarks.crash.engine import IMAGE as TINY
from benchmarks.crash.engine import NoEngineError, engine
from resnb.ledger import states
from tests.kernel.client import wait_for
from tests.resources.aws import IMAGE, REGION, VARIABLES
from tests.resources.kubernetes.examples import MANIFEST
from tests.resources.kubernetes_stand_in import Cluster, kubeconfig
from tests.resources.services import Clusters, Machines, Objects, Prefixes, Sessions
from tests.resources.sshd import sshd
from tests.resources.truth import Containers, Databases, Processes, gateway_server

pytestmark = [
    pytest.mark.long,
    pytest.mark.timeout(900),
    *(
        pytest.mark.filterwarnings(f"ignore::{one}")
        for one in ("FutureWarning", "DeprecationWarning", "UserWarning", "ResourceWarning")
    ),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
ROOT = Path(__file__).parents[2]
LOCAL = {"Subprocess", "SSHTunnel", "DaskCluster of its kernel"}
"""What ends with its machine."""
NOT_SEEN = {"Subprocess", "SSHTunnel"}
"""That of which nobody elsewhere can tell."""


class Below:
    """What is in a folder and has the lease's id in its name."""

    def __init__(self, folder):
        self.folder = folder

    def count(self, lease_id):
        return len(list(self.folder.glob(f"*{lease_id}*")))


def environment_in(folder):
    """The commands that make a virtual environment with resnb and what it needs; its Python."""
    packages = f"{sysconfig.get_paths()['purelib']}\n{ROOT}\n"
    base = f"{sys.base_prefix}/bin/python3"
    lib = f"{folder}/lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
    make = f"{base} -m venv --without-pip {folder} && printf '{packages}' > {lib}/all.pth"
    return make, f"{folder}/bin/python"


@pytest.fixture
def box():
    try:
        made = Box()
    except NoEngineError as error:
        pytest.fail(f"NO CONTAINERS HERE: {error}")
    yield made
    made.remove()


@pytest.fixture
def spark_user(monkeypatch):
    monkeypatch.setenv("USER", "ann")


@pytest.fixture
def containers():
    try:
        with engine():
            yield Containers()
    except NoEngineError as error:
        pytest.fail(f"NO CONTAINER ENGINE: {error}")


@pytest.fixture
def objects(box, monkeypatch):
    found = Objects(Cluster())
    found.start()
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig(box.shared / "config", one=found.port)))
    yield found
    found.stop()


@pytest.fixture
def bucket(aws, endpoint):
    with aws.client("s3") as s3:
        where = {"LocationConstraint": REGION}
        s3.create_bucket(Bucket="sales", CreateBucketConfiguration=where)
        yield
        s3.delete_bucket(Bucket="sales")


@pytest.fixture
def gateway(tmp_path):
    (folder := tmp_path / "gateway").mkdir()
    with gateway_server(folder) as url:
        yield url


@pytest.fixture
def engines(  # noqa: PLR0917 - all there are
    containers, objects, aws, bucket, gateway, spark_connect, spark_user, server, box, tmp_path
):
    """What to open, by name, and who counts it."""
    (folder := box.shared / "scratch").mkdir()
    (tmp_path / "ssh").mkdir()
    site = {"region": REGION, "endpoint_url": aws.url}
    up, down = (f'{one} "{folder}/resnb-$RESNB_LEASE"' for one in ("mkdir", "rmdir"))
    at_gateway = {"cluster": "dask_gateway.GatewayCluster", "address": gateway, "auth": "basic"}
    machine = {**site, "ports": [22], "source": "::/0", "self_destruct": None}
    with sshd(tmp_path / "ssh") as port:
        yield {
            "TemporaryFolder": (["a-", str(folder)], {}, Below(folder)),
            "command": ([up, down], {}, Below(folder)),
            "DockerContainer": ([TINY, ["sleep", "600"]], {}, containers),
            "DaskCluster": ([1], at_gateway, Processes("RESNB_LEASE")),
            "DaskCluster of its kernel": ([1], {"dashboard_address": ":0"}, Processes("RESNB_CLUSTER")),
            "EC2Instance": ([IMAGE], machine, Machines(aws)),
            "EMRCluster": (["a", "emr-7.5.0"], {**site, "self_destruct": None}, Clusters(aws)),
            "S3Prefix": (["sales", "scratch/"], site, Prefixes(aws)),
            "KubernetesManifest": ([MANIFEST], {}, objects),
            "KubernetesDeployment": (["redis:7"], {}, objects),
            "KubernetesJob": (["train:1", "train"], {}, objects),
            "PostgresDatabase": ([server.url_of("postgres")], {}, Databases(server)),
            "SparkSession": ([], {"remote": spark_connect}, Sessions(spark_connect)),
            "Subprocess": (["sleep 600"], {}, Processes("RESNB_LEASE")),
            "SSHTunnel": (
                ["box", port], {"config": str(tmp_path / "ssh" / "config")}, Processes("RESNB_LEASE")
            ),
        }  # fmt: skip


def lose(box, engines, server):
    """Open all of it on a machine that then goes; gives the leases' ids by name."""
    listed, answer = box.shared / "list", box.shared / "answer"
    wanted = {
        name: (name.split()[0], args, options) for name, (args, options, _) in engines.items()
    }
    listed.write_text(json.dumps(wanted))
    make, python = environment_in("/opt/gone")
    script = Path(__file__).with_name("opens_all.py")
    known = {name: os.environ[name] for name in (*VARIABLES, "DOCKER_HOST", "KUBECONFIG", "USER")}
    known |= {"RESNB_LEDGER": server.url_of("alice"), "RESNB_HOME": "/opt/home"}
    known |= {"AWS_ENDPOINT_URL": os.environ["AWS_ENDPOINT_URL"], "PYTHONWARNINGS": "ignore"}
    docker = Path(os.environ["DOCKER_HOST"].removeprefix("unix://")).parent
    run = f"{make} && {python} {script} {listed} {answer} || echo failed > {answer}"
    command = ["sh", "-c", run]
    box.start("lost", command, known, [f"--volume={docker}:{docker}"])
    try:
        wait_for(lambda: answer.exists() and answer.read_text(), "all to be open", 300)
        assert answer.read_text() != "failed\n", box.logs("lost")
        return json.loads(answer.read_text())
    finally:
        box.podman("rm", "--force", "--time", "0", "lost")


class Other:
    """Another installation, on this machine.

    Args:
        server: the ledger's database.
        folder: where it is installed.
    """

    def __init__(self, server, folder):
        make, self.python = environment_in(folder / "other")
        subprocess.run(["sh", "-c", make], check=True)
        self.server, self.folder = server, folder

    def clean_up(self, rows, wanted, account="warden", *options, user="ann"):
        """Clean up what was lost until that holds for the rows; gives what is said of it."""
        command = [self.python, "-m", "tests.warden.warden_stub", *options]
        home = self.folder / f"home-{account}"
        known = {**os.environ, "RESNB_LEDGER": self.server.url_of(account), "RESNB_HOME": str(home)}
        known |= {"RESNB_TEST_LOST_AFTER": "2", "PYTHONWARNINGS": "ignore", "USER": user}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        with subprocess.Popen(command, env=known, cwd=self.folder, **pipes) as warden:
            try:
                wait_for(lambda: wanted(rows.states()), "the clean-ups", 400)
            finally:
                warden.terminate()
                said = warden.communicate()[0]
                (self.folder / f"said-{account}").write_text(said)
        return said


class Rows:
    """The rows of the ledger, as somebody may write them who has its database."""

    def __init__(self, server):
        self.server = server
        with server.admin() as db:
            found = db.execute("select * from leases")
            self.columns = [one.name for one in found.description]
            self.rows = [dict(zip(self.columns, row, strict=True)) for row in found]

    def replace(self, rows):
        names = sql.SQL(", ").join(map(sql.Identifier, self.columns))
        places = sql.SQL(", ").join(sql.Placeholder() * len(self.columns))
        insert = sql.SQL("insert into leases ({}) values ({})").format(names, places)
        with self.server.admin() as db:
            db.execute("truncate leases")
            for row in rows:
                db.execute(insert, [row[name] for name in self.columns])

    def states(self):
        """State and reason of each lease."""
        with self.server.admin() as db:
            found = db.execute("select id, state, reason from leases").fetchall()
        return {lease: (state, reason) for lease, state, reason in found}

    def rest(self, *leases):
        """Let what was refused once not be tried again."""
        late = "update leases set next_try = 1e12 where state = 'failed' and id = any(%s)"
        with self.server.admin() as db:
            db.execute(late, [list(leases)])


def tampered(row):
    """The row as somebody has changed it, each with what is said of it."""

    def new(**values):
        return {**row, "id": secrets.token_hex(16), **values}

    yield new(), ""  # its handle is that of another lease
    yield new(kind="unheard_of"), "no package that is installed here has the kind 'unheard_of'"
    yield new(recipe=b'{"more": 1}'), "cannot be trusted: arguments has no"
    yield new(handle=b'{"more": {}}'), "cannot be trusted: handle"
    yield new(id=f"../{row['id']}"), "its id cannot be trusted"


def test_all_is_cleaned_up_from_the_rows_alone(box, engines, server, tmp_path):
    leases = lose(box, engines, server)
    assert not Path("/opt/gone").exists()
    assert socket.gethostname() != "lost"
    there = {name for name in leases if name not in LOCAL}

    def left():
        return {name for name, lease in leases.items() if engines[name][2].count(lease)}

    wait_for(lambda: left() == there, "what was on the machine to end", 60)
    other, rows = Other(server, tmp_path), Rows(server)
    by_id = {lease: name for name, lease in leases.items()}
    assert {row["id"] for row in rows.rows} == by_id.keys()
    assert all(row["kind"] for row in rows.rows if by_id[row["id"]] in there)

    forged = [
        one for row in rows.rows if by_id[row["id"]] in there - {"command"} for one in tampered(row)
    ]
    rows.replace([row for row, _ in forged])
    elsewhere = {row["id"]: row["name"] for row, why in forged if not why}
    reasons = {}

    def all_refused(found):
        assert states.CLOSED not in {state for state, _ in found.values()}, found
        reasons.update({elsewhere[one]: found[one][1] for one in elsewhere if found[one][1]})
        rows.rest(*elsewhere)
        return len(reasons) == len(elsewhere)

    said = other.clean_up(rows, all_refused, user="nobody-s-friend")
    assert left() == there, said
    assert "is not that of the user" in reasons.pop("DaskCluster")
    assert all("of this lease" in one for one in reasons.values()), reasons
    assert [why for _, why in forged if why not in said] == []

    def closed(*names):
        wanted = {leases[name] for name in names}
        return lambda found: all(found[one][0] == states.CLOSED for one in wanted)

    rows.replace(rows.rows)
    said = other.clean_up(rows, closed(*(leases.keys() - NOT_SEEN - {"command"})))
    wait_for(lambda: left() == {"command"}, f"all but the command to end; it was said:\n{said}", 60)
    said = other.clean_up(rows, closed("command"), "alice", "--own")
    assert left() == set(), said
    assert {name for name in leases if not closed(name)(rows.states())} == NOT_SEEN
