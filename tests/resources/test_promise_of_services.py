"""What runs in AWS, Kubernetes and Spark keeps the whole promise, on the engines that stand in for them."""

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
from resnb.testing import check_resource
from tests.resources.aws import IMAGE, REGION
from tests.resources.kubernetes.examples import MANIFEST
from tests.resources.kubernetes_stand_in import Cluster, kubeconfig
from tests.resources.relay import relayed
from tests.resources.services import Clusters, Machines, Objects, Prefixes, Sessions, fill

pytestmark = [
    pytest.mark.long,
    pytest.mark.timeout(1200),
    *(  # pyspark's own: of pandas, of sockets that it leaves to the garbage collector
        pytest.mark.filterwarnings(f"ignore::{one}")
        for one in ("FutureWarning", "DeprecationWarning", "UserWarning", "ResourceWarning")
    ),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
STEPS = 12
"""Steps of a set-up that fail: each is a life of its own, with requests to a server."""


# ---- AWS


@pytest.fixture
def relay(aws, endpoint, monkeypatch):
    with relayed(aws.url) as made:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{made.port}")
        yield made


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


def test_a_session_of_a_server(spark_connect, monkeypatch):
    monkeypatch.setenv("USER", "ann")
    with relayed(spark_connect) as relay:
        session = SparkSession(remote=f"sc://127.0.0.1:{relay.port}")
        check_resource(
            session,
            engine=Sessions(spark_connect, relay),
            use=lambda spark: spark.range(10).count(),
            steps=STEPS,
        )
