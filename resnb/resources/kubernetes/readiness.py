"""Whether an object of Kubernetes is ready, from what its controller says of it."""

from collections.abc import Iterable, Mapping
from typing import Any

from resnb.errors import ResnbError
from resnb.resources.kubernetes.objects import described, ref_of

_HOPELESS = (
    "CreateContainerConfigError", "ErrImageNeverPull", "ImagePullBackOff", "InvalidImageName",
)  # fmt: skip
_CRASHES = 4
"""How often a container may end before it counts as one that does not come up."""
_FAULTS = {("Failed", "True"), ("ReplicaFailure", "True"), ("Progressing", "False")}
_COUNTED = {
    "apps/Deployment": ("updatedReplicas", "availableReplicas"),
    "apps/ReplicaSet": ("availableReplicas",),
    "apps/StatefulSet": ("updatedReplicas", "readyReplicas"),
    "/ReplicationController": ("availableReplicas",),
}
"""What has to be as many as are wanted."""
_CONDITIONS = {"/Pod": "Ready", "apiextensions.k8s.io/CustomResourceDefinition": "Established"}
"""What has to be true; of other kinds ``Ready``, where they have that."""


def is_ready(one: Mapping[str, Any]) -> bool:
    """Whether it is; what says nothing of itself is.

    Raises:
        ResnbError: it never will be.
    """
    spec, status = one.get("spec") or {}, one.get("status") or {}
    conditions = {cond.get("type"): cond for cond in status.get("conditions") or ()}
    kind = f"{one['apiVersion'].rpartition('/')[0]}/{one['kind']}"
    if kind in (*_COUNTED, "batch/Job", "/Pod", "apps/DaemonSet"):
        _refuse_failed(one, conditions, status.get("phase"))
    if kind in _COUNTED:
        wanted = spec.get("replicas", 1)
        counts = [status.get(name, 0) for name in _COUNTED[kind]]
        return _is_seen(one) and all(count >= wanted for count in counts)
    if kind == "apps/DaemonSet":
        wanted = status.get("desiredNumberScheduled", 1)
        return _is_seen(one) and bool(status.get("numberAvailable", 0) >= wanted)
    if kind == "batch/Job":
        return any(status.get(name) for name in ("ready", "succeeded", "completionTime"))
    if kind == "/Service" and spec.get("type") == "LoadBalancer":
        return bool((status.get("loadBalancer") or {}).get("ingress"))
    needed = _CONDITIONS.get(kind, "Ready" if "Ready" in conditions else "")
    is_over = kind == "/Pod" and status.get("phase") == "Succeeded"
    return is_over or not needed or _is_true(conditions, needed)


def refuse_hopeless(one: Mapping[str, Any], pods: Iterable[Mapping[str, Any]]) -> None:
    """Look whether what waits for its pods waits in vain.

    Raises:
        ResnbError: a container of theirs cannot be started, or ends again and again.
    """
    for pod in pods:
        status = pod.get("status") or {}
        listed = [status.get(name) or [] for name in ("initContainerStatuses", "containerStatuses")]
        for container in (*listed[0], *listed[1]):
            waiting = (container.get("state") or {}).get("waiting") or {}
            reason, crashes = waiting.get("reason", ""), container.get("restartCount", 0)
            if reason in _HOPELESS or (reason == "CrashLoopBackOff" and crashes >= _CRASHES):
                what = f"container {container.get('name')!r} of {described(ref_of(one))}"
                said = f"{reason}: {waiting.get('message', '')}".removesuffix(": ")
                message = f"{what} does not come up: {said}"
                raise ResnbError(message)


def _refuse_failed(
    one: Mapping[str, Any], conditions: Mapping[Any, Mapping[str, Any]], phase: Any
) -> None:
    for name, condition in conditions.items():
        if (name, condition.get("status")) in _FAULTS:
            why = condition.get("message") or condition.get("reason") or name
            message = f"{described(ref_of(one))} has failed: {why}"
            raise ResnbError(message)
    if phase == "Failed":
        why = one["status"].get("message") or "a container of it has ended with an error"
        message = f"{described(ref_of(one))} has failed: {why}"
        raise ResnbError(message)


def _is_seen(one: Mapping[str, Any]) -> bool:
    """Whether its controller has looked at it as it is now."""
    seen: int = (one.get("status") or {}).get("observedGeneration", 0)
    now: int = one["metadata"].get("generation", 0)
    return seen >= now


def _is_true(conditions: Mapping[Any, Mapping[str, Any]], name: str) -> bool:
    status: str = (conditions.get(name) or {}).get("status", "")
    return status == "True"
