"""The notebook of each resource, on its real engine: outputs are as they are kept."""

import gc
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.crash.engine import IMAGE, NoEngineError, engine
from resnb.resources import __all__ as resources
from tests.resources.aws import VARIABLES as AWS
from tests.resources.kubernetes_stand_in import Cluster, kubeconfig, serving
from tests.resources.sshd import sshd

ROOT = Path(__file__).parents[2]
NOTEBOOKS = ROOT / "notebooks" / "resources"
ENGINES = {
    "aws": "aws_server",
    "container": "container_engine",
    "database": "database_server",
    "kubernetes": "kubernetes_api",
    "ssh-tunnel": "ssh_server",
}
"""The fixture that starts what a notebook needs."""


@pytest.fixture
def container_engine():
    try:
        with engine():
            gc.collect()  # sockets of the first, failing look for an engine
            yield {"DOCKER_HOST": os.environ["DOCKER_HOST"], "RESNB_IMAGE": IMAGE}
    except NoEngineError as error:
        pytest.fail(f"NO CONTAINER ENGINE: {error}")


@pytest.fixture
def aws_server(moto_url):
    return {**AWS, "AWS_ENDPOINT_URL": moto_url}


@pytest.fixture
def database_server(server):
    return {"DATABASE_SERVER": server.url_of("postgres")}


@pytest.fixture
def kubernetes_api(tmp_path):
    cluster = Cluster()
    with serving(cluster) as port:
        yield {"KUBECONFIG": str(kubeconfig(tmp_path / "config", one=port))}
    assert cluster.labelled() == []


@pytest.fixture
def ssh_server(tmp_path):
    with sshd(tmp_path) as port:
        yield {"SSH_CONFIG": str(tmp_path / "config"), "SSH_PORT": str(port)}


@pytest.mark.long
@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda one: one.stem)
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_notebook(path, request):
    fixture = ENGINES.get(path.stem)
    variables = request.getfixturevalue(fixture) if fixture else {}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--nbval", path],
        cwd=ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_resource_has_a_notebook():
    texts = [one.read_text() for one in NOTEBOOKS.glob("*.ipynb")]
    missing = [name for name in resources if not any(f"# `{name}`" in text for text in texts)]
    assert missing == []
