"""What there is in AWS, Kubernetes and Spark, counted outside resnb: engines of `check_resource`."""

import uuid
from contextlib import ExitStack, closing

from resnb.resources.aws import TAG, Site
from tests.resources.aws import REGION
from tests.resources.kubernetes_stand_in import serving


class Machines:
    """Instances, and what was made with them, by tag; the service may be behind a relay."""

    def __init__(self, account, relay=None):
        self.account = account
        if relay is not None:
            self.stop, self.start = relay.stop, relay.start

    def count(self, lease_id):
        mine = [{"Name": f"tag:{TAG}", "Values": [lease_id]}]
        instances = self.account.instances(**{f"tag:{TAG}": lease_id})
        with self.account.client("ec2") as ec2:
            volumes = ec2.describe_volumes(Filters=mine)["Volumes"]
            groups = ec2.describe_security_groups(Filters=mine)["SecurityGroups"]
            keys = ec2.describe_key_pairs(Filters=mine)["KeyPairs"]
        alive = [one for one in instances if one["State"]["Name"] != "terminated"]
        return len(alive) + len(volumes) + len(groups) + len(keys)


class Clusters(Machines):
    """Clusters of EMR."""

    def count(self, lease_id):
        alive = ["STARTING", "BOOTSTRAPPING", "RUNNING", "WAITING", "TERMINATING"]
        with self.account.client("emr") as emr:
            found = [one["Id"] for one in emr.list_clusters(ClusterStates=alive)["Clusters"]]
            tags = [emr.describe_cluster(ClusterId=one)["Cluster"]["Tags"] for one in found]
        return sum({"Key": TAG, "Value": lease_id} in one for one in tags)


class Prefixes(Machines):
    """What is below prefixes."""

    def count(self, lease_id):
        return len(self.account.below(f"s3://sales/scratch/{lease_id}/"))


def fill(uri):
    """What a program does with its prefix: an object, and an upload that it does not end."""
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    with Site(REGION, None, None).client("s3") as s3:
        s3.put_object(Bucket=bucket, Key=f"{prefix}a", Body=b"1")
        s3.create_multipart_upload(Bucket=bucket, Key=f"{prefix}b")


class Objects:
    """The objects of a stand-in for a cluster, where time passes whenever it is asked."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.port = 0
        self._served = ExitStack()

    def count(self, lease_id):
        self.cluster.pass_time(1)
        with self.cluster.lock:
            labels = [one["metadata"].get("labels") for one in self.cluster.objects.values()]
        return sum((one or {}).get("resnb.lease") == lease_id for one in labels)

    def start(self):
        self.port = self._served.enter_context(serving(self.cluster, self.port))

    def stop(self):
        self._served.close()


class Sessions:
    """Sessions of a Spark Connect server, which may be behind a relay."""

    def __init__(self, address, relay=None):
        self.address = address
        if relay is not None:
            self.stop, self.start = relay.stop, relay.start

    def count(self, lease_id):
        """Whether there is one; to ask for what it computes, as others do, would make it."""
        import grpc
        from pyspark.sql.connect import proto
        from pyspark.sql.connect.client import SparkConnectClient

        found, user = str(uuid.UUID(lease_id)), "ann"
        client = SparkConnectClient(f"{self.address}/;session_id={found};user_id={user}")
        request = proto.ReleaseExecuteRequest(
            session_id=found,
            user_context=proto.UserContext(user_id=user),
            operation_id=str(uuid.uuid4()),
            release_all=proto.ReleaseExecuteRequest.ReleaseAll(),
        )
        with closing(client):
            try:
                client._stub.ReleaseExecute(request)
            except grpc.RpcError as error:
                if "INVALID_HANDLE.SESSION_" not in error.details():
                    raise
                return 0
        return 1
