"""Pods of a Deployment as real processes: the stand-in for the API has podman run them."""

import json
import os
import shutil
import subprocess

import pytest

from benchmarks.crash.engine import NoEngineError, script
from resnb.resources import KubernetesDeployment
from tests.resources.killed import becomes, killed
from tests.resources.kubernetes_stand_in import Cluster, kubeconfig, serving

pytestmark = pytest.mark.long
OPTIONS = ("--storage-driver=vfs", "--cgroup-manager=cgroupfs", "--runtime=runc")
SLEEP = ["/bin/sleep", "600"]
POD = "web-pod-0-main"
IMAGE = "localhost/tiny:latest"


class Podman(Cluster):
    """A cluster whose Deployments podman runs, by ``kube play``, and ends, by ``kube down``.

    Args:
        folder: that of the engine.
    """

    def __init__(self, folder):
        super().__init__()
        self.folder = folder

    def podman(self, *words):
        engine = ["podman", "--root", self.folder / "storage", "--runroot", self.folder / "run"]
        known = {**os.environ, "CONTAINERS_CONF": str(self.folder / "containers.conf")}
        command = [*engine, *OPTIONS, *words]
        done = subprocess.run(
            command, env=known, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def running(self):
        """The names of all containers but the pods' own."""
        found = json.loads(self.podman("ps", "--format", "json"))
        return [name for one in found if not one["IsInfra"] for name in one["Names"]]

    def apply(self, path, query, kind, body):
        found = super().apply(path, query, kind, body)
        if body["kind"] == "Deployment":
            self.podman("kube", "play", self.written(body))
        return found

    def remove(self, one):
        if one["kind"] == "Deployment" and one in self.objects.values():
            self.podman("kube", "down", self.written(one))
        super().remove(one)

    def written(self, one):
        file = self.folder / f"{one['metadata']['name']}.yaml"
        file.write_text(json.dumps(one))
        return file


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    found = tmp_path_factory.mktemp("engine")
    if shutil.which("catatonit") is None:
        pytest.fail("NO PODS: podman needs the program catatonit for them (Debian: catatonit)")
    try:
        starter = script("docker-engine")
    except NoEngineError as error:
        pytest.fail(f"NO CONTAINER ENGINE: {error}")
    subprocess.run([starter, "start", found], check=True, capture_output=True, timeout=300)
    yield found
    subprocess.run([starter, "stop", found], check=True, capture_output=True, timeout=60)


@pytest.fixture
def cluster(folder, tmp_path, monkeypatch):
    made = Podman(folder)
    with serving(made) as port:
        monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path / "config", one=port)))
        yield made
    assert (made.running(), made.labelled()) == ([], [])


def test_a_deployment_runs_and_ends(cluster):
    with KubernetesDeployment(IMAGE, SLEEP, name="web"):
        assert cluster.running() == [POD]
    assert cluster.running() == []


def test_a_killed_kernel_leaves_no_pod(cluster, ledger_home):
    killed(
        "from resnb.resources import KubernetesDeployment\n"
        f"KubernetesDeployment({IMAGE!r}, {SLEEP}, name='web').open('one')\n"
        "print('open', flush=True)"
    )
    assert cluster.running() == [POD]
    assert becomes(cluster.labelled, []) == []
    assert cluster.running() == []
