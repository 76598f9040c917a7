"""Ready-made resources, one import away; each is registered by name, too (``%resources kinds``).

They are used like every resource: in a flow, by ``with``, or by ``.open()``. Their leases are plain
data, so that any installation of resnb can clean up what a kernel has left.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from resnb.resources.bucket import S3Prefix as S3Prefix
    from resnb.resources.cluster import DaskCluster as DaskCluster
    from resnb.resources.container import DockerContainer as DockerContainer
    from resnb.resources.database import PostgresDatabase as PostgresDatabase
    from resnb.resources.emr import EMRCluster as EMRCluster
    from resnb.resources.folder import TemporaryFolder as TemporaryFolder
    from resnb.resources.instance import EC2Instance as EC2Instance
    from resnb.resources.kubernetes.manifest import KubernetesManifest as KubernetesManifest
    from resnb.resources.kubernetes.workloads import KubernetesDeployment as KubernetesDeployment
    from resnb.resources.kubernetes.workloads import KubernetesJob as KubernetesJob
    from resnb.resources.process import Subprocess as Subprocess
    from resnb.resources.shell import command as command
    from resnb.resources.spark import SparkSession as SparkSession
    from resnb.resources.tunnel import SSHTunnel as SSHTunnel

_HOMES = {
    "DaskCluster": "resnb.resources.cluster",
    "DockerContainer": "resnb.resources.container",
    "EC2Instance": "resnb.resources.instance",
    "EMRCluster": "resnb.resources.emr",
    "KubernetesDeployment": "resnb.resources.kubernetes.workloads",
    "KubernetesJob": "resnb.resources.kubernetes.workloads",
    "KubernetesManifest": "resnb.resources.kubernetes.manifest",
    "PostgresDatabase": "resnb.resources.database",
    "S3Prefix": "resnb.resources.bucket",
    "SSHTunnel": "resnb.resources.tunnel",
    "SparkSession": "resnb.resources.spark",
    "Subprocess": "resnb.resources.process",
    "TemporaryFolder": "resnb.resources.folder",
    "command": "resnb.resources.shell",
}

__all__ = sorted(_HOMES)  # noqa: PLE0605 - a sorted list of texts


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        message = f"resnb.resources has no {name!r}; it has {', '.join(__all__)}"
        raise AttributeError(message)
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return list(__all__)
