"""The resources of Kubernetes, at a stand-in for its API which says so. Nothing is left there."""

import doctest
import importlib
import json
import pickle
import socket
import sys
from pathlib import Path

import pytest

from resnb.errors import CleanupError, LedgerError, OptionError, ResnbError
from resnb.ledger.recipes import kinds
from resnb.ledger.recipes.handles import FoundLease
from resnb.resources import KubernetesDeployment, KubernetesJob, KubernetesManifest
from resnb.resources.kubernetes import manifest as manifest_module
from tests.resources.elsewhere import elsewhere
from tests.resources.killed import becomes, killed
from tests.resources.kubernetes_stand_in import Cluster, kubeconfig, serving

MANIFEST = """
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {colour: blue}
---
apiVersion: v1
kind: Secret
metadata: {name: login, labels: {app: web}}
stringData: {password: not-for-the-ledger}
---
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: main, image: "web:1"}]}
"""
ALL = ["ConfigMap settings", "Deployment web", "Secret login"]


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


def names(objects):
    return [(one.kind, one["metadata"]["name"]) for one in objects]


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
        (3, "a manifest is YAML, a path or objects, and no int"),
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


# ---- by anyone, from the ledger's data


def test_a_manifest_from_plain_data(cluster, port):
    held = KubernetesManifest(MANIFEST).open("one")
    manager = held.lease.manager
    kind = kinds.kind_of(manager)
    assert kind.name == "kubernetes"
    data = kinds.arguments_of(kind, manager) + kind.handle_data(manager.handle(held.value))
    assert b"not-for-the-ledger" not in data + pickle.dumps(manager.__getstate__()["_whole"])
    other, found = elsewhere("kubernetes", manager, manager.handle(held.value))
    assert found == held.value
    assert names(other.find(manager.lease.id)) == names(found)
    other.lease = FoundLease("0" * 32)
    assert other.find("0" * 32) is None
    with pytest.raises(
        CleanupError, match=r"'web' is not of this lease.*'settings' is not of this"
    ):
        other.cleanup(found)
    assert cluster.labelled() == ALL
    other.lease = manager.lease
    other.cleanup(found)
    other.cleanup(found)
    assert other.find(manager.lease.id) is None
    held.close()
    other._close()


@pytest.mark.parametrize(
    ("name", "manager"),
    [
        ("kubernetes_deployment", KubernetesDeployment("redis:7", ports=[1])),
        ("kubernetes_job", KubernetesJob("train:1", "train", {"TOKEN": "secret"})),
    ],
)
def test_the_others_from_plain_data(cluster, port, name, manager):
    held = manager.open("one")
    made = held.lease.manager
    assert kinds.kind_of(made).name == name
    assert b"secret" not in kinds.arguments_of(kinds.find(name), made)
    other, found = elsewhere(name, made, made.handle(held.value))
    other.cleanup(found)
    assert cluster.labelled() == []
    held.close()


def test_a_handle_that_points_elsewhere_is_refused(cluster, port):
    held = KubernetesManifest(MANIFEST).open("one")
    manager = held.lease.manager
    path = "/api/v1/namespaces/default/secrets/theirs"
    cluster.put(path, "v1", "Secret", "theirs", metadata={"labels": {"resnb.lease": "1" * 32}})
    handle = manager.handle(held.value)
    ref = {**handle[0], "kind": "Secret", "name": "theirs"}
    other, found = elsewhere("kubernetes", manager, [ref, *handle])
    with pytest.raises(CleanupError, match=r"^Secret 'theirs' is not of this lease, and is left"):
        other.cleanup(found)
    assert cluster.labelled() == ["Secret theirs"]
    del cluster.objects[path]
    held.close()


@pytest.mark.parametrize(
    "change",
    [
        {"name": "../x"},
        {"namespace": "a/../b"},
        {"apiVersion": "v1/../../x"},
        {"kind": ""},
        {"x": ""},
    ],
)
def test_a_handle_off_the_schema_is_refused(change):
    ref = {"apiVersion": "v1", "kind": "Pod", "namespace": "a", "name": "b", **change}
    for name in ("kubernetes", "kubernetes_deployment", "kubernetes_job"):
        with pytest.raises(LedgerError, match="its handle cannot be trusted"):
            kinds.find(name).handle_data([ref])


def test_a_set_up_that_did_not_return(cluster, port):
    cluster.forbidden = {"patch /apis/apps/v1"}
    with pytest.raises(ResnbError, match="forbidden"):
        KubernetesManifest(MANIFEST).open("one")
    assert cluster.labelled() == []


def test_another_context_is_current_by_now(cluster, port, tmp_path):
    held = KubernetesManifest(MANIFEST).open("one")
    manager = held.lease.manager
    other_cluster = Cluster()
    with serving(other_cluster) as other_port:
        kubeconfig(tmp_path / "config", two=other_port, one=port)
        other, found = elsewhere("kubernetes", manager, manager.handle(held.value))
        other.cleanup(found)
    assert cluster.labelled() == []
    assert other_cluster.log == []
    held.close()


def test_another_cluster_says_nothing_of_it(cluster, port, tmp_path):
    held = KubernetesManifest(MANIFEST).open("one")
    manager = held.lease.manager
    other_cluster = Cluster()
    with serving(other_cluster) as other_port:
        kubeconfig(tmp_path / "config", two=other_port)
        for prepared in ("known", "unreadable"):
            if prepared == "unreadable":
                other_cluster.forbidden = {"get /api/v1/namespaces/default$"}
            other, found = elsewhere("kubernetes", manager, manager.handle(held.value))
            with pytest.raises(CleanupError, match=f"made at http://127.0.0.1:{port}, and this is"):
                other.cleanup(found)
            with pytest.raises(CleanupError, match="cannot be seen from here") as refused:
                other.find(manager.lease.id)
            assert refused.value.is_out_of_sight
            other._close()
    kubeconfig(tmp_path / "config", one=port)
    held.close()


def test_the_same_cluster_by_another_address(cluster, port, tmp_path):
    """As a warden outside knows it: what is gone there is gone."""
    held = KubernetesManifest(MANIFEST).open("one")
    manager = held.lease.manager
    with serving(cluster) as other_port:
        kubeconfig(tmp_path / "config", outside=other_port)
        other, found = elsewhere("kubernetes", manager, manager.handle(held.value))
        other.cleanup(found)
        other.cleanup(found)
    kubeconfig(tmp_path / "config", one=port)
    held.close()


def test_what_is_not_gone_yet(cluster, port, monkeypatch):
    monkeypatch.setattr(manifest_module, "GONE_WITHIN", 0.1)
    held = KubernetesManifest(MANIFEST).open("one")
    cluster.lingering = True
    other, found = elsewhere(
        "kubernetes", held.lease.manager, held.lease.manager.handle(held.value)
    )
    with pytest.raises(CleanupError, match="Deployment 'web' is being deleted, and is still there"):
        other.cleanup(found)
    cluster.lingering = False
    other.cleanup(found)
    held.close()


def test_an_operator_outlives_what_it_has_to_finish(cluster, port):
    """What has finalizers is gone before that is deleted which was made before it."""
    first = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "operator"}}
    then = {**first, "metadata": {"name": "box", "finalizers": ["acme.org/box"]}}
    held = KubernetesManifest([first, then]).open("one")
    manager = held.lease.manager
    delete = cluster.delete

    def by_operator(path, body):
        delete(path, body)
        if path.endswith("/box"):
            assert "deletionTimestamp" not in cluster.of_kind("ConfigMap")[0]["metadata"]
            del cluster.objects[path]["metadata"]["finalizers"]
        return {}

    cluster.delete = by_operator
    held.close()
    assert cluster.labelled() == []
    assert manager._api is None


def test_what_was_replaced_meanwhile_is_not_deleted(cluster, port):
    """Somebody deletes it and makes it anew between the look and the deletion."""
    held = KubernetesManifest(MANIFEST).open("one")
    path = "/api/v1/namespaces/default/configmaps/settings"
    delete = cluster.delete

    def replaced(where, body):
        if where == path:
            cluster.objects[path]["metadata"]["uid"] = "another"
        return delete(where, body)

    cluster.delete = replaced
    with pytest.raises(CleanupError, match="UID in the precondition does not match"):
        held.close()
    assert cluster.labelled() == ["ConfigMap settings"]
    cluster.delete = delete
    held.close()


def test_a_killed_kernel_leaves_none(cluster, port, ledger_home):
    opening = f"KubernetesManifest({MANIFEST!r}).open('one')"
    killed(f"from resnb.resources import KubernetesManifest\n{opening}\nprint('open', flush=True)")
    assert becomes(cluster.labelled, []) == []
    assert b"not-for-the-ledger" not in b"".join(
        file.read_bytes() for file in Path(ledger_home).rglob("*") if file.is_file()
    )


def test_a_cluster_that_is_away_and_comes_back(cluster, tmp_path, monkeypatch, ledger_home):
    opening = "KubernetesDeployment('redis:7').open('one')"
    with serving(cluster) as port:
        monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path / "config", one=port)))
        cluster.lingering = True
        killed(f"from resnb.resources import *\n{opening}\nprint('open', flush=True)")
    cluster.lingering = False
    with serving(cluster, port):
        assert becomes(cluster.labelled, []) == []
