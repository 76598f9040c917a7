"""A stand-in for the Kubernetes API: NOT Kubernetes, which cannot be had as a package.

It speaks the part of the API that resnb uses over HTTP, as its documentation says: discovery, reading,
listing pods, server-side apply, deletion in the foreground with preconditions and finalizers, and what
controllers do then: pods of Deployments and Jobs, owner references, deadlines, times to live.
Time passes in it by `pass_time` only. Whatever it does not know is refused.
"""

import json
import re
import threading
import uuid
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

KINDS = {
    "v1": {
        "ConfigMap": True, "Namespace": False, "Pod": True, "Secret": True, "Service": True,
        "PersistentVolumeClaim": True,
    },
    "apps/v1": {"DaemonSet": True, "Deployment": True, "StatefulSet": True},
    "batch/v1": {"Job": True},
    "apiextensions.k8s.io/v1": {"CustomResourceDefinition": False},
}  # fmt: skip
"""Which kinds there are, and whether they are in namespaces."""
NOW = "2026-01-01T00:00:00Z"


class RefusedError(Exception):
    def __init__(self, status, message):
        super().__init__(message)
        self.status = status


class Cluster:
    """A cluster's objects, each by the path that it has in the API.

    Attributes:
        slowness: how often pods are looked at before they are ready.
        lingering: whether what is being deleted stays.
        forbidden: what is refused, as patterns such as ``get /api/v1/namespaces``.
        waiting: why containers do not start, by image.
        log: the requests that changed something.
    """

    def __init__(self):
        self.kinds = {version: dict(kinds) for version, kinds in KINDS.items()}
        self.objects = {}
        self.slowness = 1
        self.lingering = False
        self.forbidden = set()
        self.waiting = {}
        self.log = []
        self.time = 0
        self.lock = threading.RLock()
        self.put("/api/v1/namespaces/default", "v1", "Namespace", "default")

    def put(self, path, version, kind, name, **parts):
        """An object of somebody else's."""
        metadata = {"name": name, "uid": str(uuid.uuid4()), **parts.pop("metadata", {})}
        if "/namespaces/" in path.rpartition("/")[0]:
            metadata["namespace"] = path.split("/namespaces/")[1].split("/")[0]
        self.objects[path] = {"apiVersion": version, "kind": kind, "metadata": metadata, **parts}
        return self.objects[path]

    def labelled(self):
        """The names of all objects that bear a lease's label, by kind; pods are their owners'."""
        with self.lock:
            return sorted(
                f"{one['kind']} {one['metadata']['name']}"
                for one in self.objects.values()
                if "resnb.lease" in (one["metadata"].get("labels") or {})
            )

    def of_kind(self, kind):
        with self.lock:
            return [one for one in self.objects.values() if one["kind"] == kind]

    def pass_time(self, seconds):
        with self.lock:
            self.time += seconds
            self.settle()

    # ---- what controllers do

    def settle(self):
        for one in [*self.of_kind("Deployment"), *self.of_kind("Job")]:
            self.run(one)
        for one in self.of_kind("StatefulSet"):
            one["status"] = {"observedGeneration": one["metadata"]["generation"]}
        for one in self.of_kind("Pod"):
            self.start(one)
        for one in self.of_kind("CustomResourceDefinition"):
            group, names = one["spec"]["group"], one["spec"]["names"]
            known = self.kinds.setdefault(f"{group}/v1", {})
            known[names["kind"]] = one["spec"]["scope"] == "Namespaced"
            one["status"] = {"conditions": [{"type": "Established", "status": "True"}]}
        self.collect()

    def run(self, one):
        spec, status = one["spec"], one.setdefault("status", {})
        limit = spec.get("activeDeadlineSeconds")
        if (
            limit is not None
            and self.time - one["began"] >= limit
            and "completionTime" not in status
        ):
            status["conditions"] = [
                {"type": "Failed", "status": "True", "message": "DeadlineExceeded"}
            ]
            status["completionTime"] = self.time
            one["ended"] = self.time
            for pod in self.owned(one):
                self.remove(pod)
        ttl = spec.get("ttlSecondsAfterFinished")
        if ttl is not None and "ended" in one and self.time - one["ended"] >= ttl:
            self.remove(one)
        if "ended" in one or "deletionTimestamp" in one["metadata"]:
            return
        space = f"/api/v1/namespaces/{one['metadata']['namespace']}"
        wanted = spec.get("replicas", 1) if one["kind"] == "Deployment" else 1
        owner = {name: one["metadata"][name] for name in ("name", "uid")}
        labels = spec["template"].get("metadata", {}).get("labels") or {"job": owner["uid"]}
        if one["kind"] == "Job":
            spec["selector"] = {"matchLabels": labels}
        for number in range(len(self.owned(one)), wanted):
            name = f"{owner['name']}-{number}"
            metadata = {"labels": labels, "ownerReferences": [owner]}
            pod = {"metadata": metadata, "spec": spec["template"]["spec"]}
            self.put(f"{space}/pods/{name}", "v1", "Pod", name, **pod)
        ready = sum(pod.get("looks", 0) > self.slowness for pod in self.owned(one))
        seen = one["metadata"]["generation"]
        counts = {"updatedReplicas": wanted, "availableReplicas": ready, "ready": ready}
        status.update(observedGeneration=seen, **counts)

    def start(self, pod):
        """A pod is ready when it has been looked at often enough; it ends at its deadline."""
        pod["looks"] = pod.get("looks", 0) + 1
        images = [one["image"] for one in pod["spec"]["containers"]]
        state = next((self.waiting[one] for one in images if one in self.waiting), None)
        limit = pod["spec"].get("activeDeadlineSeconds")
        if limit is not None and self.time - pod.setdefault("began", self.time) >= limit:
            pod["status"] = {"phase": "Failed", "message": "DeadlineExceeded"}
        elif state is not None:
            pod["status"] = {"phase": "Pending", "containerStatuses": [{"name": "main", **state}]}
        else:
            ready = "True" if pod["looks"] > self.slowness else "False"
            pod["status"] = {"phase": "Running", "conditions": [{"type": "Ready", "status": ready}]}

    def owned(self, one):
        uid = one["metadata"]["uid"]
        return [
            other
            for other in self.objects.values()
            if any(ref["uid"] == uid for ref in other["metadata"].get("ownerReferences") or ())
        ]

    def collect(self):
        """Remove what is being deleted, after what it owns, and what has lost its owner."""
        known = {one["metadata"]["uid"] for one in self.objects.values()}
        for one in list(self.objects.values()):
            metadata = one["metadata"]
            owners = metadata.get("ownerReferences")
            if owners and not any(ref["uid"] in known for ref in owners):
                metadata["deletionTimestamp"] = NOW
            if "deletionTimestamp" not in metadata or self.lingering or metadata.get("finalizers"):
                continue
            for other in self.owned(one):
                self.remove(other)
            self.remove(one)

    def remove(self, one):
        for path in [path for path, other in self.objects.items() if other is one]:
            del self.objects[path]

    # ---- requests

    def answer(self, method, path, query, kind, body):
        with self.lock:
            if any(re.match(one, f"{method} {path}") for one in self.forbidden):
                raise RefusedError(403, f"{path} is forbidden: User cannot {method}")
            self.settle()
            if method == "get":
                found = self.get(path, query)
            else:
                self.log.append((method, path, query))
                if method == "patch":
                    found = self.apply(path, query, kind, body)
                else:
                    found = self.delete(path, body)
            return json.dumps(found)

    def get(self, path, query):
        version = path.removeprefix("/apis/").removeprefix("/api/")
        if version in self.kinds:
            kinds = self.kinds[version].items()
            named = [{"name": f"{k.lower()}s", "kind": k, "namespaced": n} for k, n in kinds]
            status = [{**one, "name": f"{one['name']}/status"} for one in named]
            return {"kind": "APIResourceList", "groupVersion": version, "resources": named + status}
        if path.endswith("/pods"):
            wanted = dict(one.split("=") for one in query["labelSelector"].split(","))
            found = [
                one
                for where, one in self.objects.items()
                if where.startswith(f"{path}/")
                and wanted.items() <= one["metadata"].get("labels", {}).items()
            ]
            return {"kind": "PodList", "items": found}
        if path not in self.objects:
            raise RefusedError(404, f"{path} not found")
        return self.objects[path]

    def apply(self, path, query, kind, body):
        if kind != "application/apply-patch+yaml" or not query.get("fieldManager"):
            raise RefusedError(415, "only server-side apply is known, which has a fieldManager")
        parts, metadata = path.split("/"), body["metadata"]
        if "namespaces" in parts[:-2]:
            space = parts[parts.index("namespaces") + 1]
            if f"/api/v1/namespaces/{space}" not in self.objects:
                raise RefusedError(404, f'namespaces "{space}" not found')
            if metadata.get("namespace") != space:
                raise RefusedError(400, "the namespace of the object is not that of the path")
        elif "namespace" in metadata:
            raise RefusedError(400, "this kind is in no namespace")
        if metadata["name"] != parts[-1] or body["apiVersion"] not in path:
            raise RefusedError(400, "the object is not that of the path")
        if path in self.objects:
            raise RefusedError(409, 'Apply failed with 1 conflict: conflict with "somebody"')
        uid = {"uid": str(uuid.uuid4()), "generation": 1}
        self.objects[path] = {**body, "metadata": {**metadata, **uid}, "began": self.time}
        self.settle()
        return self.objects[path]

    def delete(self, path, body):
        if path not in self.objects:
            raise RefusedError(404, f"{path} not found")
        metadata = self.objects[path]["metadata"]
        if body["propagationPolicy"] != "Foreground" or body["preconditions"] != {
            "uid": metadata["uid"]
        }:
            raise RefusedError(409, "the UID in the precondition does not match")
        metadata["deletionTimestamp"] = NOW
        found = self.objects[path]
        self.settle()
        return found


class _Handler(BaseHTTPRequestHandler):
    def _answer(self):
        split = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(split.query).items()}
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        status, cluster = 200, self.server.cluster
        kind, path = self.headers.get("Content-Type"), unquote(split.path)
        try:
            text = cluster.answer(self.command.lower(), path, query, kind, body)
        except RefusedError as error:
            status = error.status
            text = json.dumps({"kind": "Status", "code": status, "message": str(error)})
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Server", "a stand-in, not Kubernetes")
        self.end_headers()
        self.wfile.write(text.encode())

    do_GET = do_PATCH = do_DELETE = _answer  # noqa: N815 - names of the library

    def log_message(self, *_):
        """Nothing."""


@contextmanager
def serving(cluster, port=0):
    """Serve a cluster within the block; gives the port."""
    with ThreadingHTTPServer(("127.0.0.1", port), _Handler) as server:
        server.cluster = cluster
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def kubeconfig(path, **ports):
    """Write a kubeconfig with a context for each cluster; the first is the current one."""
    contexts = [{"name": one, "context": {"cluster": one, "user": "me"}} for one in ports]
    clusters = [
        {"name": one, "cluster": {"server": f"http://127.0.0.1:{port}"}}
        for one, port in ports.items()
    ]
    config = {
        "apiVersion": "v1", "kind": "Config", "current-context": next(iter(ports)),
        "contexts": contexts, "clusters": clusters, "users": [{"name": "me", "user": {}}],
    }  # fmt: skip
    path.write_text(json.dumps(config))
    return path
