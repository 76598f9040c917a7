"""What is in a cluster is cleaned up by anyone, from the ledger's data, and nothing else."""

import pickle
from pathlib import Path

import pytest

from resnb.errors import CleanupError, LedgerError, ResnbError
from resnb.ledger.recipes import kinds
from resnb.ledger.recipes.handles import FoundLease
from resnb.resources import KubernetesDeployment, KubernetesJob, KubernetesManifest
from resnb.resources.kubernetes import manifest as manifest_module
from tests.ports import free_port
from tests.resources.elsewhere import elsewhere
from tests.resources.killed import becomes, killed
from tests.resources.kubernetes.examples import ALL, MANIFEST, names
from tests.resources.kubernetes_stand_in import Cluster, kubeconfig, serving


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
    port = free_port()
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path / "config", one=port)))
    with serving(cluster, port):
        cluster.lingering = True
        killed(f"from resnb.resources import *\n{opening}\nprint('open', flush=True)")
    cluster.lingering = False
    with serving(cluster, port):
        assert becomes(cluster.labelled, [], 120.0) == []  # it is tried again after some pauses
