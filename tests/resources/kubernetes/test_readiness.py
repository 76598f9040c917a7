"""When an object of Kubernetes counts as ready."""

import pytest

from resnb.errors import ResnbError
from resnb.resources.kubernetes.readiness import is_ready, refuse_hopeless

READY, NOT = {"type": "Ready", "status": "True"}, {"type": "Ready", "status": "False"}
ESTABLISHED = {"type": "Established", "status": "True"}
BALANCER = {"type": "LoadBalancer"}


def one(version, kind, spec=None, generation=1, **status):
    metadata = {"name": "x", "generation": generation}
    return {
        "apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec, "status": status,
    }  # fmt: skip


def counted(kind, spec, **status):
    return one("apps/v1", kind, spec, observedGeneration=1, **status)


@pytest.mark.parametrize(
    ("wanted", "thing"),
    [
        (True, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}}),
        (True, one("v1", "PersistentVolumeClaim", phase="Pending")),
        (False, one("apps/v1", "Deployment", {})),
        (False, counted("Deployment", {}, updatedReplicas=1)),
        (True, counted("Deployment", {}, updatedReplicas=1, availableReplicas=1)),
        (False, counted("Deployment", {"replicas": 2}, updatedReplicas=2, availableReplicas=1)),
        (True, counted("Deployment", {"replicas": 0})),
        (
            False,
            {**counted("Deployment", {"replicas": 0}), "metadata": {"name": "x", "generation": 2}},
        ),
        (False, counted("StatefulSet", {"replicas": 1}, readyReplicas=0, updatedReplicas=1)),
        (True, counted("StatefulSet", {"replicas": 1}, readyReplicas=1, updatedReplicas=1)),
        (False, counted("DaemonSet", {}, desiredNumberScheduled=1)),
        (True, counted("DaemonSet", {}, desiredNumberScheduled=1, numberAvailable=1)),
        (True, one("v1", "ReplicationController", {}, observedGeneration=1, availableReplicas=1)),
        (False, one("v1", "Pod", phase="Pending")),
        (False, one("v1", "Pod", phase="Running", conditions=[NOT])),
        (True, one("v1", "Pod", phase="Running", conditions=[READY])),
        (True, one("v1", "Pod", phase="Succeeded", conditions=[NOT])),
        (False, one("batch/v1", "Job", active=1)),
        (True, one("batch/v1", "Job", active=1, ready=1)),
        (True, one("batch/v1", "Job", succeeded=1)),
        (True, one("v1", "Service", {})),
        (False, one("v1", "Service", BALANCER, loadBalancer={})),
        (True, one("v1", "Service", BALANCER, loadBalancer={"ingress": [{"ip": "1.2.3.4"}]})),
        (False, one("apiextensions.k8s.io/v1", "CustomResourceDefinition")),
        (
            True,
            one("apiextensions.k8s.io/v1", "CustomResourceDefinition", conditions=[ESTABLISHED]),
        ),
        (True, one("acme.org/v1", "Deployment")),
        (True, one("acme.org/v1", "Box", conditions=[{"type": "Progressing", "status": "False"}])),
        (False, one("acme.org/v1", "Box", conditions=[NOT])),
        (True, one("acme.org/v1", "Box", conditions=[READY])),
    ],
)
def test_what_is_ready(wanted, thing):
    assert is_ready(thing) is wanted


@pytest.mark.parametrize(
    ("thing", "message"),
    [
        (
            counted("Deployment", {}, conditions=[
                {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota"},
            ]),
            "Deployment 'x' has failed: exceeded quota",
        ),
        (
            counted("Deployment", {}, conditions=[
                {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"},
            ]),
            "Deployment 'x' has failed: ProgressDeadlineExceeded",
        ),
        (
            one("batch/v1", "Job", conditions=[{"type": "Failed", "status": "True"}]),
            "Job 'x' has failed: Failed",
        ),
        (one("v1", "Pod", phase="Failed", message="Evicted"), "Pod 'x' has failed: Evicted"),
        (one("v1", "Pod", phase="Failed"), "Pod 'x' has failed: a container"),
    ],
)  # fmt: skip
def test_what_never_will_be(thing, message):
    with pytest.raises(ResnbError, match=message):
        is_ready(thing)


def test_a_container_may_end_a_few_times():
    """As that of a program which waits for its database by ending."""
    state = {
        "name": "main",
        "restartCount": 3,
        "state": {"waiting": {"reason": "CrashLoopBackOff"}},
    }
    pod = one("v1", "Pod", containerStatuses=[state])
    refuse_hopeless(pod, [pod, one("v1", "Pod")])
    state["restartCount"] = 4
    for name in ("containerStatuses", "initContainerStatuses"):
        pod = one("v1", "Pod", **{name: [state]})
        with pytest.raises(ResnbError, match="'main' of Pod 'x' does not come up: CrashLoop"):
            refuse_hopeless(pod, [pod])
