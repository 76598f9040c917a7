"""`KubernetesDeployment` and `KubernetesJob`: a container image that runs in a cluster."""

import uuid
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from resnb import ResourceManager
from resnb.resources import arguments
from resnb.resources.kubernetes.manifest import KubernetesManifestManager, kind

if TYPE_CHECKING:
    from resnb.durations import Duration


class KubernetesDeploymentManager(KubernetesManifestManager):
    """Runs a container image in a cluster, and keeps it running, until it is cleaned up.

    With `ports` there is a Service of the same name, so that pods reach it by that name.

    Args:
        image: the image.
        command: what runs in it; by default what the image says.
        replicas: the number of pods.
        ports: the ports on which it listens.
        environment: variables.
        resources: as Kubernetes has them: ``{"requests": {"cpu": "1", "memory": "1Gi"}}``.
        name: the Deployment's name; by default one of its own.
        namespace: where it goes.
        context: as in `KubernetesManifest`.

    >>> from resnb.resources import KubernetesDeployment
    >>> with KubernetesDeployment("redis:7", ports=[6379]) as objects:
    ...     print([one.kind for one in objects])
    ['Deployment', 'Service']
    """

    kind = "kubernetes_deployment"

    def __init__(  # noqa: PLR0917 - in the order of their use
        self,
        image: str,
        command: str | Sequence[str] | None = None,
        replicas: int = 1,
        ports: Sequence[int] = (),
        environment: Mapping[str, Any] | None = None,
        resources: Mapping[str, Any] | None = None,
        name: str | None = None,
        namespace: str = "default",
        context: str | None = None,
    ) -> None:
        name = name or _own_name()
        labels = {"app.kubernetes.io/name": name}
        container = _container("KubernetesDeployment", image, command, environment, resources)
        container["ports"] = [{"containerPort": port} for port in ports]
        spec = {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        }
        objects = [_object("apps/v1", "Deployment", name, spec)]
        if ports:
            listed = [{"name": f"port-{port}", "port": port} for port in ports]
            objects.append(_object("v1", "Service", name, {"selector": labels, "ports": listed}))
        super().__init__(objects, namespace, context)


class KubernetesJobManager(KubernetesManifestManager):
    """Runs a command in a cluster, once; it is ready when the command runs, or has succeeded.

    A Job that nobody has cleaned up is removed by Kubernetes a week after its end.

    Args:
        image: the image.
        command: what runs in it.
        environment: variables.
        resources: as in `KubernetesDeployment`.
        retries: how often it is tried again when it fails.
        name: the Job's name; by default one of its own.
        namespace: where it goes.
        context: as in `KubernetesManifest`.
        self_destruct: how long it may run; Kubernetes itself ends it then.

    >>> from resnb.resources import KubernetesJob
    >>> with KubernetesJob("python:3.12", "python -m http.server", self_destruct="2h") as (job,):
    ...     print(job.spec.activeDeadlineSeconds)
    7200
    """

    kind = "kubernetes_job"

    def __init__(  # noqa: PLR0917 - in the order of their use
        self,
        image: str,
        command: str | Sequence[str],
        environment: Mapping[str, Any] | None = None,
        resources: Mapping[str, Any] | None = None,
        retries: int = 0,
        name: str | None = None,
        namespace: str = "default",
        context: str | None = None,
        self_destruct: "Duration | None" = None,
    ) -> None:
        container = _container("KubernetesJob", image, command, environment, resources)
        pod = {"restartPolicy": "Never", "containers": [container]}
        spec = {"backoffLimit": retries, "template": {"spec": pod}}
        job = _object("batch/v1", "Job", name or _own_name(), spec)
        super().__init__(job, namespace, context, self_destruct)


def _own_name() -> str:
    return f"resnb-{uuid.uuid4().hex[:12]}"


def _object(version: str, kind: str, name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": spec}


def _container(
    owner: str,
    image: str,
    command: str | Sequence[str] | None,
    environment: Mapping[str, Any] | None,
    resources: Mapping[str, Any] | None,
) -> dict[str, Any]:
    words = [] if command is None else arguments.words(owner, "command", command)
    known = arguments.variables(owner, environment, "environment")
    variables = [{"name": one, "value": value} for one, value in known.items()]
    image = arguments.text(owner, "image", image)
    container: dict[str, Any] = {"name": "main", "image": image, "env": variables}
    if words:
        container["command"] = words
    if resources:
        container["resources"] = dict(resources)
    return container


KubernetesDeployment = ResourceManager(KubernetesDeploymentManager, name="KubernetesDeployment")
KubernetesJob = ResourceManager(KubernetesJobManager, name="KubernetesJob")

DEPLOYMENT_KIND = kind("kubernetes_deployment", KubernetesDeployment)
JOB_KIND = kind("kubernetes_job", KubernetesJob)
