"""Objects of a Kubernetes cluster as plain dictionaries, whatever their kind.

Kubernetes' own library finds the cluster and logs in. Unlike kr8s it needs no thread, and an error
of the API comes with its number and text.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

from resnb.errors import NothingMadeError, ResnbError, described
from resnb.resources.common import needed
from resnb.resources.kubernetes.objects import EXTRA, NEEDS, ref_of

FIELD_MANAGER = "resnb"
_TIMEOUT = 5.0, 30.0
"""How long connecting and an answer may take, in seconds."""
_NOT_FOUND = 404


class KubernetesObject(dict[str, Any]):
    """An object of the API; ``one.metadata.name`` is short for ``one["metadata"]["name"]``."""

    def __getattr__(self, name: str) -> Any:
        if name not in self:
            raise AttributeError(name)
        found = self[name]
        return KubernetesObject(found) if isinstance(found, dict) else found

    def __repr__(self) -> str:
        """A stable text, without times and ids."""
        return f"<KubernetesObject: {self.get('kind', 'part')}>"


class ApiError(ResnbError):
    """The API refuses something, or does not answer.

    Attributes:
        status: HTTP's number; 0 if there was no answer.
    """

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class KubernetesApi:
    """A connection to the API.

    A reference (``ref``) is what `resnb.resources.kubernetes.objects.ref_of` gives.

    Attributes:
        context: the context of the kubeconfig; None if that of the pod was used.
        server: the API's URL.
    """

    def __init__(self, context: str | None = None, *, must_be: bool = True) -> None:
        """Connect.

        Args:
            context: the context; by default the current one, or that of the pod this runs in.
            must_be: whether that context has to be there; else the default serves.

        Raises:
            ResnbError: the library is missing, or there is nothing to connect to.
        """
        with needed(NEEDS, EXTRA):
            from kubernetes import client, config, dynamic
        known: list[str] = []
        settings = client.Configuration()
        path = os.environ.get("KUBECONFIG") or str(Path("~/.kube/config").expanduser())
        try:
            self.context: str | None = None
            if any(Path(one).exists() for one in path.split(os.pathsep)):
                contexts, current = config.list_kube_config_contexts(path)
                known = [one["name"] for one in contexts]
                is_named = context is not None and (must_be or context in known)
                self.context = context if is_named else current["name"]
                config.load_kube_config(path, self.context, settings)
            else:
                config.load_incluster_config(settings)
        except Exception as error:  # noqa: BLE001 - the file may have anything in it
            there = f"; its contexts are {', '.join(known)}" if known else ""
            why = described(error).removeprefix("ConfigException: ")
            message = f"no Kubernetes cluster is known by {path} or by a pod: {why}{there}"
            raise NothingMadeError(message) from None
        self.server: str = settings.host
        self._client = client.ApiClient(settings)
        self._dynamic = dynamic.DynamicClient(self._client, discoverer=lambda *_: None)
        self._kinds: dict[str, dict[str, Any]] = {}

    def close(self) -> None:
        """Close its connections."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def get(self, ref: Mapping[str, Any]) -> KubernetesObject | None:
        """The object; None if there is none, or nothing of its kind."""
        try:
            return self._request("get", self._path(ref))
        except ApiError as error:
            if error.status == _NOT_FOUND:
                return None
            raise

    def apply(self, one: Mapping[str, Any]) -> KubernetesObject:
        """Create the object, by server-side apply."""
        return self._request(
            "patch",
            self._path(ref_of(one)),
            body=one,
            content_type="application/apply-patch+yaml",
            field_manager=FIELD_MANAGER,
        )

    def delete(self, ref: Mapping[str, Any], uid: str | None) -> None:
        """Have the object deleted, after what it owns, unless it is another one by now."""
        body: dict[str, Any] = {"apiVersion": "v1", "kind": "DeleteOptions"}
        body |= {"propagationPolicy": "Foreground", "preconditions": {"uid": uid} if uid else {}}
        try:
            self._request("delete", self._path(ref), body=body)
        except ApiError as error:
            if error.status != _NOT_FOUND:
                raise

    def pods(self, namespace: str, labels: Mapping[str, str]) -> list[dict[str, Any]]:
        """The pods with these labels; none if they may not be listed."""
        selector = ",".join(f"{name}={value}" for name, value in labels.items())
        path = f"/api/v1/namespaces/{quote(namespace, safe='')}/pods"
        try:
            return list(self._request("get", path, label_selector=selector)["items"])
        except ApiError:
            return []

    def is_namespaced(self, ref: Mapping[str, Any]) -> bool:
        """Whether objects of its kind are in namespaces."""
        return bool(self._kind(ref)["namespaced"])

    def _path(self, ref: Mapping[str, Any]) -> str:
        kind = self._kind(ref)
        parts = ["namespaces", ref["namespace"]] if kind["namespaced"] else []
        parts = [quote(one, safe="") for one in (*parts, kind["name"], ref["name"])]
        return "/".join([_base(ref["apiVersion"]), *parts])

    def _kind(self, ref: Mapping[str, Any]) -> Any:
        """What the API says of a kind."""
        version, name = ref["apiVersion"], ref["kind"]
        known = self._kinds.get(version)
        if known is None or name not in known:  # a definition may have come since
            listed = self._request("get", _base(version))["resources"]
            known = {one["kind"]: one for one in listed if "/" not in one["name"]}
            self._kinds[version] = known
        if name not in known:
            raise ApiError(f"the cluster knows no {name} of {version}", _NOT_FOUND)
        return known[name]

    def _request(self, method: str, path: str, **options: Any) -> KubernetesObject:
        from kubernetes.client import ApiException
        from urllib3.exceptions import HTTPError

        try:
            answer = self._dynamic.request(
                method, path, serialize=False, _request_timeout=_TIMEOUT, **options
            )
            return KubernetesObject(json.loads(answer.data))
        except ApiException as error:
            raise ApiError(f"Kubernetes refused: {_text(error)}", error.status or 0) from None
        except (HTTPError, ValueError) as error:
            reason = getattr(error, "reason", None) or error
            raise ApiError(f"no answer of Kubernetes at {self.server}: {reason}") from None


def _base(version: str) -> str:
    return f"/apis/{version}" if "/" in version else f"/api/{version}"


def _text(error: Any) -> str:
    """What the API says of an error."""
    try:
        return str(json.loads(error.body)["message"])
    except (TypeError, ValueError, KeyError):
        return f"{error.status} {error.reason}"
