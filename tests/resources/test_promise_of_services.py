"""What runs in AWS, Kubernetes and Spark keeps the whole promise, on the engines that stand in for them."""

import uuid
from contextlib import ExitStack, closing

import psutil
import pytest

from resnb.resources import (
    EC2Instance,
    EMRCluster,
    KubernetesDeployment,
    KubernetesJob,
    KubernetesManifest,
    S3Prefix,
    SparkSession,
)
from resnb.resources.aws import TAG, Site
from resnb.testing import check_resource
from tests.resources.aws import IMAGE, REGION
from tests.resources.kubernetes.examples import MANIFEST
from tests.resources.kubernetes_stand_in import Cluster, kubeconfig, serving
from tests.resources.relay import Relay

pytestmark = [pytest.mark.long, pytest.mark.timeout(1200)]
STEPS = 12
"""Steps of a set-up that fail: each is a life of its own, with requests to a server."""


# ---- AWS


class Machines:
    """Instances, and what was made with them, by tag; the service is behind a relay."""

    def __init__(self, account, relay):
        self.account = account
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


@pytest.fixture
def relay(aws, endpoint, monkeypatch):
    with closing_relay(int(aws.url.rpartition(":")[2])) as made:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{made.port}")
        yield made


def closing_relay(port):
    made = Relay(port)
    made.close = made.stop
    return closing(made)


def test_an_instance(aws, relay):
    check_resource(
        EC2Instance(IMAGE, ports=[22], source="::/0", key=True, self_destruct=None),
        engine=Machines(aws, relay),
        steps=STEPS,
    )


def test_a_cluster_of_emr(aws, relay):
    cluster = EMRCluster("sales", "emr-7.5.0", self_destruct=None)
    check_resource(cluster, engine=Clusters(aws, relay), steps=STEPS)


def test_a_prefix(aws, relay):
    with aws.client("s3") as s3:
        where = {"LocationConstraint": REGION}
        s3.create_bucket(Bucket="sales", CreateBucketConfiguration=where)
        check_resource(
            S3Prefix("sales", "scratch/"), engine=Prefixes(aws, relay), use=fill, steps=STEPS
        )
        s3.delete_bucket(Bucket="sales")


# ---- Kubernetes: a stand-in


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


@pytest.fixture
def objects(tmp_path, monkeypatch):
    found = Objects(Cluster())
    found.start()
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path / "config", one=found.port)))
    yield found
    found.stop()
    assert found.cluster.labelled() == []


@pytest.mark.parametrize(
    ("manager", "doomed"),
    [
        (KubernetesManifest(MANIFEST), None),
        (KubernetesDeployment("redis:7", ports=[6379]), None),
        (
            KubernetesJob("train:1", "train", {"TOKEN": "secret"}),
            KubernetesJob("train:1", "train", self_destruct="10m"),
        ),
    ],
    ids=["manifest", "deployment", "job"],
)
def test_objects_of_kubernetes(objects, manager, doomed):
    alone = manager.args == (MANIFEST,)  # its objects have names of their own
    check_resource(manager, engine=objects, doomed=doomed, steps=STEPS, alone=alone)


# ---- Spark


class Sessions:
    """Sessions of a Spark Connect server, which is behind a relay."""

    def __init__(self, address, relay):
        self.address = address
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


def test_a_session_of_a_server(spark_connect, monkeypatch):
    monkeypatch.setenv("USER", "ann")
    with closing_relay(int(spark_connect.rpartition(":")[2])) as relay:
        session = SparkSession(remote=f"sc://127.0.0.1:{relay.port}")
        check_resource(
            session,
            engine=Sessions(spark_connect, relay),
            use=lambda spark: spark.range(10).count(),
            steps=STEPS,
        )


class Java:
    """The Java processes of sessions of their own kernels."""

    def count(self, lease_id):
        found = psutil.process_iter(["cmdline", "status"])
        alive = [one for one in found if one.info["status"] != psutil.STATUS_ZOMBIE]
        return sum(f"spark.resnb.lease={lease_id}" in (one.info["cmdline"] or ()) for one in alive)


def test_a_session_of_its_kernel():
    check_resource(
        SparkSession("local[1]", config={"spark.ui.enabled": False}),
        engine=Java(),
        use=lambda spark: spark.range(10).count(),
        steps=STEPS,
        alone=True,
    )
