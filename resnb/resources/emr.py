"""`EMRCluster`: a cluster of Amazon EMR."""

import re
from collections.abc import Mapping
from typing import Any, Final

from resnb import ResourceManager
from resnb.errors import OptionError, ResnbError
from resnb.ledger.recipes.kinds import Kind
from resnb.resources.aws import (
    SITE,
    VARIABLES,
    check_request,
    lease_of,
    limit,
    site_of,
    tags_of,
)
from resnb.resources.common import leave_alone

_WEEK: Final = 7 * 86400
_ENDING: Final = ("TERMINATING", "TERMINATED", "TERMINATED_WITH_ERRORS")
_SMALL: Final = {"MasterInstanceType": "m5.xlarge", "InstanceCount": 1}


class EMRClusterManager:
    """Starts a cluster of EMR, and gives its id; terminates it.

    Whatever becomes of its owner, EMR ends it once it has been idle for `self_destruct`. Who cleans
    up finds credentials as boto3 does; the ledger has none of them.

    Args:
        Name: its name.
        ReleaseLabel: EMR's release, such as ``"emr-7.5.0"``.
        Instances: as boto3 has it; by default one m5.xlarge. It is kept alive without steps, unless
            it says otherwise.
        region: the region; by default as boto3 finds it.
        endpoint_url: the address of the service; by default that of AWS.
        profile: the profile with the credentials; by default as boto3 finds it.
        self_destruct: after how long without work it ends by itself, at most 7 days; None for
            never.
        **options: more arguments of boto3's ``run_job_flow``; the roles are EMR's default ones
            otherwise.

    >>> from resnb.resources import EMRCluster
    >>> with EMRCluster("sales", "emr-7.5.0", region="eu-central-1") as cluster:
    ...     print(cluster.startswith("j-"))
    True
    """

    kind = "emr_cluster"
    env = VARIABLES
    find_for = "5m"
    ready_timeout = 3600.0
    lease: Any

    def __init__(  # noqa: PLR0917 - in the order of their use
        self,
        Name: str = "resnb",  # noqa: N803 - as boto3 has it
        ReleaseLabel: str | None = None,  # noqa: N803
        Instances: Mapping[str, Any] | None = None,  # noqa: N803
        region: str | None = None,
        endpoint_url: str | None = None,
        profile: str | None = None,
        self_destruct: Any = "1h",
        **options: Any,
    ) -> None:
        self.Name = Name
        self._account = ""
        self.site = site_of("EMRCluster", "emr", region, endpoint_url, profile)
        self.region, self.endpoint_url, self.profile = self.site
        self.self_destruct = limit("EMRCluster", self_destruct, _WEEK)
        instances = {"KeepJobFlowAliveWhenNoSteps": True, **(Instances or _SMALL)}
        request = {
            "JobFlowRole": "EMR_EC2_DefaultRole",
            "ServiceRole": "EMR_DefaultRole",
            **options,
            "Name": Name,
            "Instances": instances,
        }
        if ReleaseLabel is not None:
            request["ReleaseLabel"] = ReleaseLabel
        if self.self_destruct is not None and instances["KeepJobFlowAliveWhenNoSteps"]:
            request["AutoTerminationPolicy"] = {"IdleTimeout": self.self_destruct}
        taken = ("AutoTerminationPolicy", "AmiVersion")
        check_request("EMRCluster", ("emr", "RunJobFlow"), options, request, taken)
        if instances.get("TerminationProtected"):
            message = "EMRCluster: its clean-up needs TerminationProtected=False"
            raise OptionError(message)
        self._request = request

    def setup(self) -> str:
        """Start it with the lease's id as a tag."""
        tags = {one["Key"]: one.get("Value", "") for one in self._request.get("Tags", ())}
        request = {**self._request, "Tags": tags_of(self.lease.id, tags)}
        with self.site.client("emr") as emr:
            made = emr.run_job_flow(**request)
        cluster = str(made["JobFlowId"])
        self._account = made["ClusterArn"].split(":")[4]
        self.lease.record(self.handle(cluster))
        return cluster

    def ready(self, cluster: str) -> bool:
        """Whether it takes work.

        Raises:
            ResnbError: it has ended.
        """
        with self.site.client("emr") as emr:
            status = emr.describe_cluster(ClusterId=cluster)["Cluster"]["Status"]
        if status["State"] in _ENDING:
            why = status.get("StateChangeReason", {}).get("Message", "no reason is given")
            message = f"EMRCluster: {self.Name!r} is {status['State']} before it was ready: {why}"
            raise ResnbError(message)
        return status["State"] in ("RUNNING", "WAITING")

    def handle(self, cluster: str) -> dict[str, str]:
        """Its id, and the account that it is in."""
        return {"id": cluster, "account": self._account}

    def attach(self, handle: dict[str, str]) -> str:
        """See `handle`."""
        self._account = handle["account"]
        return handle["id"]

    def find(self, lease_id: str) -> str | None:
        """The cluster of a set-up that did not return: one of this name has the tag."""
        states = ["STARTING", "BOOTSTRAPPING", "RUNNING", "WAITING"]
        with self.site.client("emr") as emr:
            for page in emr.get_paginator("list_clusters").paginate(ClusterStates=states):
                for one in page["Clusters"]:
                    cluster = str(one["Id"])
                    if one["Name"] == self.Name and lease_of(_described(emr, cluster)) == lease_id:
                        return cluster
        return None

    def cleanup(self, cluster: str) -> None:
        """Terminate it; that it is being terminated is enough, as nothing stops that.

        Raises:
            CleanupError: it is not of this lease, or cannot be seen from here.
        """
        with self.site.client("emr") as emr:
            found = _described(emr, cluster)
            if not found:
                self.site.believe_gone(f"cluster {cluster}", self._account)
                return
            if lease_of(found) != self.lease.id:
                leave_alone(f"cluster {cluster}")
            if found["Status"]["State"] not in _ENDING:
                emr.terminate_job_flows(JobFlowIds=[cluster])


def _described(emr: Any, cluster: str) -> dict[str, Any]:
    """What EMR says of a cluster; empty if it does not know it."""
    try:
        found: dict[str, Any] = emr.describe_cluster(ClusterId=cluster)["Cluster"]
    except emr.exceptions.InvalidRequestException as error:
        if "is not valid" not in str(error):
            raise
        return {}
    return found


EMRCluster = ResourceManager(EMRClusterManager, name="EMRCluster")

KIND = Kind(
    "emr_cluster",
    EMRClusterManager,
    {"Name": str, **SITE},
    {"id": re.compile("j-[0-9A-Z]{1,32}"), "account": str},
    manager=EMRCluster,
    module="botocore",
    install="resnb[aws]",
)
