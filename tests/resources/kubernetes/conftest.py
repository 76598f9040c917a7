"""A stand-in for a cluster's API, which the kubeconfig names. Nothing is left there."""

import socket

import pytest

from resnb.resources.kubernetes import manifest as manifest_module
from tests.resources.kubernetes_stand_in import Cluster, kubeconfig, serving


@pytest.fixture
def cluster():
    made = Cluster()
    yield made
    assert made.labelled() == []
    assert [one for one in made.of_kind("Pod") if one["metadata"].get("ownerReferences")] == []


@pytest.fixture
def port(cluster, tmp_path, monkeypatch):
    with serving(cluster) as found:
        monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path / "config", one=found)))
        yield found


@pytest.fixture
def own_pod(cluster, port, tmp_path, monkeypatch):
    """As in a pod of the cluster, whose name is that of its host."""
    name = tmp_path / "namespace"
    name.write_text("default")
    monkeypatch.setattr(manifest_module, "POD_NAMESPACE", name)
    host = socket.gethostname()
    spec = {"containers": [{"image": "notebook"}]}
    where = f"/api/v1/namespaces/default/pods/{host}"
    return cluster.put(where, "v1", "Pod", host, spec=spec)
