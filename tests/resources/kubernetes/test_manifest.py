"""The resources of Kubernetes, at a stand-in for its API which says so."""

import doctest
import importlib
import json
import pickle
import socket
import sys

import pytest

from resnb.errors import OptionError, ResnbError
from resnb.resources import KubernetesDeployment, KubernetesJob, KubernetesManifest
from tests.resources.kubernetes.examples import ALL, MANIFEST, names
from tests.resources.kubernetes_stand_in import kubeconfig, serving


def refused(manifest, message, error=OptionError, **options):
    with pytest.raises(error, match=message), KubernetesManifest(manifest, **options):
        pass


@pytest.mark.parametrize("name", ["manifest", "workloads"])
def test_the_examples_in_docstrings(port, name):
    module = importlib.import_module(f"resnb.resources.kubernetes.{name}")
    assert doctest.testmod(module) == (0, 4 if name == "workloads" else 3)


# ---- a manifest


def test_a_manifest(cluster, port):
    with KubernetesManifest(MANIFEST) as objects:
        assert names(objects) == [
            ("ConfigMap", "settings"), ("Secret", "login"), ("Deployment", "web"),
        ]  # fmt: skip
        assert cluster.labelled() == ALL
        assert objects[2].status.availableReplicas == 2
        assert objects[1].metadata.labels.app == "web"
        assert repr(objects[0]) == "<KubernetesObject: ConfigMap>"
        with pytest.raises(AttributeError, match="nothing"):
            _ = objects[0].nothing
        assert pickle.loads(pickle.dumps(objects)) == objects
    deleted = [path.rpartition("/")[2] for method, path, _ in cluster.log if method == "delete"]
    assert deleted == ["web", "login", "settings"]


@pytest.mark.parametrize("form", ["path", "text path", "objects", "one", "List", "JSON", "models"])
def test_the_forms_of_a_manifest(cluster, port, tmp_path, form):
    from kubernetes import client

    one = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"a": "1"}}
    before = json.dumps(one)
    file = tmp_path / "c.yaml"
    file.write_text("# the settings\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n")
    given = {
        "path": file, "text path": str(file), "objects": [one], "one": one,
        "List": {"kind": "List", "items": [one]}, "JSON": before,
        "models": client.V1ConfigMap(
            api_version="v1", kind="ConfigMap", metadata=client.V1ObjectMeta(name="c")
        ),
    }[form]  # fmt: skip
    with KubernetesManifest(given):
        assert cluster.labelled() == ["ConfigMap c"]
    assert json.dumps(one) == before


def test_its_namespaces(cluster, port):
    one = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team"}}
    own = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}
    other = {**own, "metadata": {"name": "b", "namespace": "default"}}
    with KubernetesManifest([one, own, other], namespace="team") as objects:
        assert objects[0].metadata.name == "team"
        assert [one["metadata"].get("namespace") for one in objects] == [None, "team", "default"]


def test_a_definition_and_an_object_of_its_kind(cluster, port):
    spec = {"group": "acme.org", "scope": "Namespaced", "names": {"kind": "Box"}}
    version = "apiextensions.k8s.io/v1"
    name = {"name": "boxes.acme.org"}
    defined = {
        "apiVersion": version, "kind": "CustomResourceDefinition", "metadata": name, "spec": spec,
    }  # fmt: skip
    box = {"apiVersion": "acme.org/v1", "kind": "Box", "metadata": {"name": "b"}}
    with KubernetesManifest([defined, box]):
        assert cluster.labelled() == ["Box b", "CustomResourceDefinition boxes.acme.org"]


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        ("", "the manifest has no objects"),
        (".", "the manifest '.' cannot be read: Is a directory"),
        ("no-such-file.yaml", "'no-such-file.yaml' cannot be read: No such file"),
        ("\n", "the manifest has no objects"),
        ([], "the manifest has no objects"),
        ("a: [\n", "the manifest is no YAML: .*line 2"),
        ("- 1\n", "object 1 of the manifest is no object of Kubernetes: it has no metadata"),
        (3, "KubernetesManifest takes YAML, a path or objects, and no int"),
        ([3], "object 1 of the manifest is no object of Kubernetes"),
        ("kind: Pod\nmetadata: {name: a}\n", "apiVersion=None is no apiVersion"),
        ("apiVersion: v1\nmetadata: {name: a}\n", "kind=None is no kind"),
        ("apiVersion: v1\nkind: Pod\nmetadata: {generateName: a}\n", "name=None is no name"),
        ("apiVersion: v1\nkind: Pod\nmetadata: {name: ../secrets/a}\n", "is no name that it could"),
        ("apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: a/b}\n", "is no namespace"),
        ("apiVersion: ../v1\nkind: Pod\nmetadata: {name: a}\n", "is no apiVersion"),
        (
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {day: 2026-01-01}\n",
            "object 1 of the manifest cannot be written as JSON .*dates need quotes",
        ),
    ],
)
def test_what_is_no_manifest(port, manifest, message):
    refused(manifest, message)


def test_what_exists_already_is_left_alone(cluster, port):
    path = "/api/v1/namespaces/default/secrets/login"
    foreign = cluster.put(path, "v1", "Secret", "login")
    refused(MANIFEST, "Secret 'login' exists already, and is left alone", ResnbError)
    assert cluster.objects[path] is foreign
    assert "labels" not in foreign["metadata"]


def test_what_the_api_refuses(cluster, port):
    refused(MANIFEST, 'namespaces "none" not found', ResnbError, namespace="none")
    refused(MANIFEST.replace("ConfigMap", "Nonsense"), "knows no Nonsense of v1", ResnbError)
    cluster.forbidden = {"patch /apis/apps/v1"}
    refused(MANIFEST, r"Kubernetes refused: .*web is forbidden: User cannot patch", ResnbError)


def test_no_cluster(tmp_path, monkeypatch, port):
    refused(MANIFEST, "no Kubernetes cluster .*its contexts are one", ResnbError, context="two")
    (tmp_path / "bad").write_text("nonsense")
    for path in (tmp_path / "none", tmp_path / "bad"):
        monkeypatch.setenv("KUBECONFIG", str(path))
        refused(MANIFEST, f"no Kubernetes cluster is known by {path}", ResnbError)


def test_no_answer(tmp_path, monkeypatch, cluster):
    with serving(cluster) as port:
        pass
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path / "config", one=port)))
    refused(MANIFEST, f"no answer of Kubernetes at http://127.0.0.1:{port}: .*refused", ResnbError)


def test_without_the_library(monkeypatch):
    monkeypatch.setitem(sys.modules, "kubernetes", None)
    refused(MANIFEST, r"pip install 'resnb\[kubernetes\]'", ResnbError)
    monkeypatch.setitem(sys.modules, "yaml", None)
    refused(MANIFEST, r"pip install 'resnb\[kubernetes\]'", ResnbError)


# ---- Deployment and Job


def test_a_deployment(cluster, port):
    used = KubernetesDeployment(
        "redis:7", "redis-server --save ''", 3, [6379], {"A": 1}, {"limits": {"cpu": "1"}}
    )
    with used as (deployment, service):
        spec = deployment["spec"]["template"]["spec"]["containers"][0]
        assert spec["command"] == ["redis-server", "--save", ""]
        assert spec["env"] == [{"name": "A", "value": "1"}]
        assert spec["resources"] == {"limits": {"cpu": "1"}}
        assert deployment["status"]["availableReplicas"] == 3
        assert service["spec"]["ports"] == [{"name": "port-6379", "port": 6379}]
        name = deployment["metadata"]["name"]
        assert service["metadata"]["name"] == name
        assert len(cluster.of_kind("Pod")) == 3
    with KubernetesDeployment("redis:7", name="mine") as (deployment,):
        assert deployment["metadata"]["name"] == "mine" != name
        assert "command" not in deployment["spec"]["template"]["spec"]["containers"][0]


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such"}}}, "no such"),
        ({"state": {"waiting": {"reason": "InvalidImageName"}}}, "InvalidImageName"),
        (
            {"state": {"waiting": {"reason": "CrashLoopBackOff"}}, "restartCount": 9},
            "CrashLoopBackOff",
        ),
    ],
)
def test_a_container_that_does_not_come_up(cluster, port, state, message):
    cluster.waiting["typo:1"] = state
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}}
    for used in (
        KubernetesDeployment("typo:1"),
        KubernetesJob("typo:1", "true"),
        KubernetesManifest({**pod, "spec": {"containers": [{"name": "m", "image": "typo:1"}]}}),
    ):
        with pytest.raises(ResnbError, match=f"'main' of .* does not come up: .*{message}"), used:
            pass


def test_a_job_and_its_deadline(cluster, port):
    with KubernetesJob("train:1", ["train"], self_destruct="8h") as (job,):
        assert job["spec"]["activeDeadlineSeconds"] == 8 * 3600
        assert job["spec"]["backoffLimit"] == 0
        assert job["status"]["ready"] == 1
        cluster.pass_time(8 * 3600)
        assert cluster.of_kind("Pod") == []
        cluster.pass_time(7 * 86400)
        assert cluster.labelled() == []


def test_limits_that_kubernetes_itself_keeps(cluster, port):
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}}
    pod["spec"] = {"containers": [{"name": "m", "image": "x"}]}
    own = {**pod, "metadata": {"name": "q"}, "spec": {**pod["spec"], "activeDeadlineSeconds": 5}}
    claims = {"volumeClaimTemplates": [{"metadata": {"name": "d"}}], "replicas": 0}
    rows = {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "s"},
        "spec": claims,
    }
    manager = KubernetesManifest([pod, own, rows], self_destruct=60).open("one").lease.manager
    pod, own, rows = (
        cluster.objects[path] for path in cluster.objects if "/namespaces/default/" in path
    )
    assert pod["spec"]["activeDeadlineSeconds"] == 60
    assert own["spec"]["activeDeadlineSeconds"] == 5
    assert rows["spec"]["persistentVolumeClaimRetentionPolicy"] == {"whenDeleted": "Delete"}
    manager.lease.close()
    refused(MANIFEST, "self_destruct=5: only Jobs and Pods can have", self_destruct=5)
    refused(MANIFEST, "self_destruct='x' is no duration", self_destruct="x")


def test_what_goes_with_the_pod_of_the_notebook(cluster, own_pod):
    """Everything of resnb is gone, and the pod, too."""
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "other"}}
    far = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "other"}}
    held = KubernetesManifest(MANIFEST).open("one")
    with KubernetesManifest([space, far]) as others:
        assert all("ownerReferences" not in one["metadata"] for one in others)
    owner = {"apiVersion": "v1", "kind": "Pod"}
    owner |= {name: own_pod["metadata"][name] for name in ("name", "uid")}
    assert all(one["metadata"]["ownerReferences"] == [owner] for one in held.value)
    cluster.remove(own_pod)
    cluster.pass_time(0)
    assert cluster.labelled() == []
    held.close()


def test_a_pod_that_may_not_be_read_owns_nothing(cluster, own_pod):
    cluster.forbidden = {f"get /api/v1/namespaces/default/pods/{socket.gethostname()}"}
    with KubernetesManifest(MANIFEST) as objects:
        assert all("ownerReferences" not in one["metadata"] for one in objects)
