"""`KubernetesManifest`: any objects of a Kubernetes cluster, from YAML."""

import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from resnb import ResourceManager
from resnb.durations import seconds
from resnb.errors import CleanupError, OptionError, ResnbError
from resnb.ledger.recipes.found_process import out_of_sight
from resnb.ledger.recipes.kinds import Kind, Shape
from resnb.resources.kubernetes.api import ApiError, KubernetesApi, KubernetesObject
from resnb.resources.kubernetes.objects import REF, described, limit, objects_of, ref_of
from resnb.resources.kubernetes.readiness import is_ready, refuse_hopeless

if TYPE_CHECKING:
    from resnb.durations import Duration

LABEL = "resnb.lease"
GONE_WITHIN = 50.0
"""How long one try of the clean-up waits until the objects are gone, in seconds."""
POD_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
"""Where a pod finds its namespace."""


class KubernetesManifestManager:
    """Creates objects of a Kubernetes cluster, waits until they are ready, and deletes them.

    Each bears the lease's id as the label ``resnb.lease``. One that exists already is refused, and
    left alone. They are deleted in the reverse order, with all that they own, but only those with
    the label. If the notebook runs in a pod of the same cluster and namespace, and may read that
    pod, Kubernetes itself deletes them when the pod has gone.

    Args:
        manifest: YAML as text, a path of a file with it, or the object or list of objects itself.
        namespace: where objects go that name none.
        context: the kubeconfig's context; by default the current one, or the cluster of the pod.
        self_destruct: how long its Jobs and Pods may run; Kubernetes itself ends them then.

    >>> from resnb.resources import KubernetesManifest
    >>> settings = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}}
    >>> with KubernetesManifest(settings) as objects:
    ...     print(objects[0].metadata.name)
    settings
    """

    kind = "kubernetes"
    env = ("KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT")
    find_for = "1m"
    ready_timeout = 600.0
    lease: Any

    def __init__(
        self,
        manifest: Any,
        namespace: str = "default",
        context: str | None = None,
        self_destruct: "Duration | None" = None,
    ) -> None:
        self._whole = objects_of(manifest, namespace)
        given = seconds(self_destruct, "KubernetesManifest: self_destruct")
        ends = None if given is None else max(1, round(given))
        have_limits = [limit(one, ends) for one in self._whole]
        if ends is not None and not any(have_limits):
            message = (
                f"KubernetesManifest: self_destruct={self_destruct!r}: only Jobs and Pods can have "
                "such a limit"
            )
            raise OptionError(message)
        self.objects = [ref_of(one) for one in self._whole]
        self._context = context
        self._cluster: dict[str, Any] | None = None
        self._api: KubernetesApi | None = None

    @property
    def cluster(self) -> dict[str, Any]:
        """The cluster, which is known, and answers, before anything is made there."""
        if self._cluster is None:
            api = self._connected()
            known = {"context": api.context, "server": api.server}
            self._cluster = {**known, "namespace_uid": self._namespace_uid(api)}
        return self._cluster

    def setup(self) -> list[KubernetesObject]:
        """Apply the objects one by one."""
        api, made = self._connected(), list[KubernetesObject]()
        self.cluster  # noqa: B018 - nothing is made in one that is not known
        owner = _own_pod(api)
        for one, ref in zip(self._whole, self.objects, strict=True):
            if api.get(ref) is not None:
                message = f"{described(ref)} exists already, and is left alone: choose another name"
                raise ResnbError(message)
            made.append(api.apply(self._tagged(api, one, ref, owner)))
            if ref["kind"] == "CustomResourceDefinition":  # what follows may be of that kind
                _wait(lambda ref=ref: is_ready(api.get(ref) or made[-1]))  # type: ignore[misc]
        return made

    def ready(self, objects: list[KubernetesObject]) -> bool:
        """Whether all are ready; brings them up to date.

        Raises:
            ResnbError: one never will be.
        """
        api, waiting = self._connected(), list[KubernetesObject]()
        for one in objects:
            ref = ref_of(one)
            found = api.get(ref)
            if found is None:
                message = f"{described(ref)} was deleted before it was ready"
                raise ResnbError(message)
            one.clear()
            one.update(found)
            waiting += [] if is_ready(one) else [one]
        for one in waiting:
            labels = ((one.get("spec") or {}).get("selector") or {}).get("matchLabels")
            namespace = one["metadata"].get("namespace", "")
            refuse_hopeless(one, api.pods(namespace, labels) if labels else [one])
        if not waiting:
            self._close()
        return not waiting

    def handle(self, objects: list[KubernetesObject]) -> list[dict[str, str]]:
        """What they are called."""
        del objects
        return self.objects

    def attach(self, handle: list[dict[str, str]]) -> list[KubernetesObject]:
        """See `handle`."""
        api = self._connected()
        return [api.get(ref) or KubernetesObject(ref, metadata=ref) for ref in handle]

    def find(self, lease_id: str) -> list[KubernetesObject] | None:
        """What a set-up that did not return has applied."""
        if self._cluster is None:
            return None  # it did not get as far
        api = self._connected()
        known = (api.get(ref) for ref in self.objects)
        found = [one for one in known if one is not None and _label(one) == lease_id]
        if found:
            return found
        try:
            self._refuse_other_cluster(api)
        finally:
            self._close()
        return None

    def cleanup(self, objects: list[KubernetesObject]) -> None:
        """Delete them, the last one first, and wait until they are gone.

        Raises:
            CleanupError: one is not of this lease or still there, or this is another cluster.
            ResnbError: the API refuses, or does not answer.
        """
        api, until = self._connected(), time.monotonic() + GONE_WITHIN
        faults, deleted = list[str](), list[dict[str, Any]]()
        try:
            for ref in map(ref_of, reversed(objects)):
                found = api.get(ref)
                if found is None:
                    continue
                if _label(found) != self.lease.id:
                    faults.append(f"{described(ref)} is not of this lease, and is left alone")
                    continue
                api.delete(ref, found["metadata"].get("uid"))
                deleted.append(ref)
                if found["metadata"].get("finalizers"):  # which an object before it may carry out
                    _wait(lambda ref=ref: api.get(ref) is None, until)  # type: ignore[misc]
            for ref in deleted:
                if not _wait(lambda ref=ref: api.get(ref) is None, until):  # type: ignore[misc]
                    faults.append(f"{described(ref)} is being deleted, and is still there")
            if not deleted and not faults:
                self._refuse_other_cluster(api)
        finally:
            self._close()
        if faults:
            raise CleanupError("; ".join(faults))

    def _tagged(
        self, api: KubernetesApi, one: Mapping[str, Any], ref: Mapping[str, str], owner: Any
    ) -> dict[str, Any]:
        """An object with the lease's label and, where it can have one, its owner."""
        metadata = dict(one["metadata"])
        metadata["labels"] = {**(metadata.get("labels") or {}), LABEL: self.lease.id}
        if not api.is_namespaced(ref):
            del metadata["namespace"]
        elif owner is not None and owner["metadata"]["namespace"] == ref["namespace"]:
            named = {name: owner["metadata"][name] for name in ("name", "uid")}
            metadata.setdefault("ownerReferences", [{"apiVersion": "v1", "kind": "Pod", **named}])
        return {**one, "metadata": metadata}

    def _refuse_other_cluster(self, api: KubernetesApi) -> None:
        """Nothing is there: that says something in the cluster where it was made only."""
        made, now = self.cluster["namespace_uid"], self._namespace_uid(api)
        is_same = made == now if made and now else api.server == self.cluster["server"]
        if not is_same:
            why = f"they were made at {self.cluster['server']}, and this is {api.server}"
            raise out_of_sight(f"{described(self.objects[0])} and what came with it", why)

    def _namespace_uid(self, api: KubernetesApi) -> str:
        """The id of the first object's namespace; empty if that may not be read."""
        name = self.objects[0]["namespace"]
        found = _readable(api, {"apiVersion": "v1", "kind": "Namespace", "name": name})
        return "" if found is None else str(found["metadata"].get("uid", ""))

    def _connected(self) -> KubernetesApi:
        if self._api is None:
            known = self._cluster
            context = self._context if known is None else known["context"]
            self._api = KubernetesApi(context, must_be=known is None)
        return self._api

    def _close(self) -> None:
        if self._api is not None:
            self._api.close()
            self._api = None

    def __getstate__(self) -> dict[str, Any]:
        """What may be written down: not the manifest, in which there may be secrets."""
        return {**self.__dict__, "_whole": [], "_api": None}


def _label(one: Mapping[str, Any]) -> Any:
    return (one["metadata"].get("labels") or {}).get(LABEL)


def _own_pod(api: KubernetesApi) -> KubernetesObject | None:
    """The pod in which this process runs, if the API knows it."""
    with suppress(OSError):
        namespace = POD_NAMESPACE.read_text().strip()
        ref = {"apiVersion": "v1", "kind": "Pod", "namespace": namespace}
        return _readable(api, {**ref, "name": socket.gethostname()})
    return None


def _readable(api: KubernetesApi, ref: Mapping[str, str]) -> KubernetesObject | None:
    """An object, if it is there and may be read."""
    try:
        return api.get(ref)
    except ApiError as error:
        if not error.status:
            raise
        return None


def _wait(is_so: Callable[[], bool], until: float | None = None) -> bool:
    """Wait until something is so, by default at most half a minute; gives whether it is."""
    until = time.monotonic() + 30.0 if until is None else until
    never, pause = threading.Event(), 0.05
    while not is_so():
        if time.monotonic() >= until:
            return False
        never.wait(pause)
        pause = min(2 * pause, 1.0)
    return True


def _found_again(
    objects: list[dict[str, Any]], cluster: dict[str, Any]
) -> KubernetesManifestManager:
    """The manager as the ledger knows it."""
    manager = KubernetesManifestManager([{**ref, "metadata": ref} for ref in objects])
    manager._cluster = cluster  # noqa: SLF001 - it is being made
    return manager


def kind(name: str, manager: ResourceManager) -> Kind:
    """The kind of a manager whose resources are objects of a cluster."""
    cluster: Shape = {"context": (str, None), "server": str, "namespace_uid": str}
    return Kind(
        name,
        _found_again,
        {"objects": [REF], "cluster": cluster},
        [REF],
        manager,
        module="kubernetes",
        install="resnb[kubernetes]",
    )


KubernetesManifest = ResourceManager(KubernetesManifestManager, name="KubernetesManifest")

KIND = kind("kubernetes", KubernetesManifest)
