"""`S3Prefix` and `EMRCluster` on moto's server."""

import doctest

import pytest
from botocore.exceptions import ClientError

from resnb.errors import CleanupError, OptionError, ResnbError
from resnb.ledger.recipes import kinds
from resnb.ledger.recipes.handles import FoundLease
from resnb.resources import EMRCluster, S3Prefix, bucket, emr
from tests.resources.aws import TAG
from tests.resources.elsewhere import elsewhere


@pytest.fixture(params=["", "Enabled", "Suspended"])
def filled(request, aws):
    """A bucket, versioned or not, with an object that is not ours."""
    with aws.client("s3") as s3:
        where = {"LocationConstraint": "eu-central-1"}
        s3.create_bucket(Bucket="sales", CreateBucketConfiguration=where)
        for status in {"Enabled", request.param} - {""} if request.param else ():
            s3.put_bucket_versioning(Bucket="sales", VersioningConfiguration={"Status": status})
        s3.put_object(Bucket="sales", Key="scratch/other", Body=b"1")
        yield s3
        assert aws.below("s3://sales/scratch/") == ["other"]
        for one in s3.list_object_versions(Bucket="sales")["Versions"]:
            s3.delete_object(Bucket="sales", Key=one["Key"], VersionId=one["VersionId"])
        s3.delete_bucket(Bucket="sales")


@pytest.fixture
def sales(aws):
    with aws.client("s3") as s3:
        where = {"LocationConstraint": "eu-central-1"}
        s3.create_bucket(Bucket="sales", CreateBucketConfiguration=where)
        yield s3
        s3.delete_bucket(Bucket="sales")


def fill(s3, uri, count=3):
    """Objects in two versions, one of them deleted, and an upload that was begun."""
    prefix = uri.removeprefix("s3://sales/")
    for n in (*range(count), 0):
        s3.put_object(Bucket="sales", Key=f"{prefix}deep/{n}", Body=b"1")
    s3.delete_object(Bucket="sales", Key=f"{prefix}deep/1")
    upload = s3.create_multipart_upload(Bucket="sales", Key=f"{prefix}big")
    which = {"Bucket": "sales", "Key": f"{prefix}big", "UploadId": upload["UploadId"]}
    s3.upload_part(PartNumber=1, Body=b"1", **which)


# ---- S3Prefix


def test_the_example_of_a_prefix(endpoint, sales):
    assert doctest.testmod(bucket).failed == 0


def test_a_prefix(aws, filled):
    held = S3Prefix("sales", "scratch/", endpoint_url=aws.url)
    with held as uri:
        assert uri == f"s3://sales/scratch/{held.lease.id}/"
        assert aws.below(uri) == []
        fill(filled, uri)
        assert "big" in aws.below(uri)
    assert aws.below(uri) == []


@pytest.mark.long
def test_more_than_one_page(aws, sales):
    with S3Prefix(Bucket="sales", endpoint_url=aws.url) as uri:
        prefix = uri.removeprefix("s3://sales/")
        for n in range(1010):
            sales.put_object(Bucket="sales", Key=f"{prefix}{n}", Body=b"")
    assert aws.below(uri) == []


def test_a_prefix_from_plain_data(aws, sales):
    held = S3Prefix("sales", "scratch/", endpoint_url=aws.url).open("one")
    manager = held.lease.manager
    assert kinds.kind_of(manager).name == "s3_prefix"
    other, uri = elsewhere("s3_prefix", manager, held.value)
    assert other.find(manager.lease.id) is None
    fill(sales, held.value)
    assert other.find(manager.lease.id) == uri == held.value
    other.cleanup(uri)
    other.cleanup(uri)
    assert other.find(manager.lease.id) is None
    assert aws.below("s3://sales/") == []
    held.close()


@pytest.mark.parametrize("other_uri", ["s3://sales/", "s3://sales/scratch/", "s3://other/x/"])
def test_a_uri_that_points_elsewhere_is_refused(aws, sales, other_uri):
    held = S3Prefix("sales", "scratch/", endpoint_url=aws.url).open("one")
    fill(sales, held.value)
    other, uri = elsewhere("s3_prefix", held.lease.manager, other_uri)
    with pytest.raises(CleanupError, match="is not the prefix of this lease, and is left alone"):
        other.cleanup(uri)
    assert aws.below(held.value) != []
    held.close()


def test_a_lease_that_is_none_deletes_nothing(aws, sales):
    sales.put_object(Bucket="sales", Key="data/1", Body=b"1")
    manager = S3Prefix("sales", endpoint_url=aws.url).open("one")
    other, _ = elsewhere("s3_prefix", manager.lease.manager, manager.value)
    other.lease = FoundLease("data")
    with pytest.raises(CleanupError, match="is not the prefix of this lease"):
        other.cleanup("s3://sales/data/")
    manager.close()
    sales.delete_object(Bucket="sales", Key="data/1")


def test_a_bucket_that_is_gone_holds_nothing(aws):
    with aws.client("s3") as s3:
        where = {"LocationConstraint": "eu-central-1"}
        s3.create_bucket(Bucket="sales", CreateBucketConfiguration=where)
        with S3Prefix("sales", endpoint_url=aws.url):
            s3.delete_bucket(Bucket="sales")


def test_a_bucket_that_is_not_there(aws):
    with pytest.raises(ClientError, match="NoSuchBucket"), S3Prefix("none", endpoint_url=aws.url):
        pass


def test_what_cannot_be_deleted_is_said(aws, sales, monkeypatch):
    held = S3Prefix("sales", endpoint_url=aws.url).open("one")
    fill(sales, held.value)
    manager = held.lease.manager
    with monkeypatch.context() as patch:
        patch.setattr(manager, "_delete", lambda *_: 1)
        with pytest.raises(CleanupError, match="is still written to: what writes there has to end"):
            manager.cleanup(held.value)
    with manager.site.client("s3") as s3, monkeypatch.context() as patch:
        refused = {"Errors": [{"Key": "a", "Code": "AccessDenied", "Message": "locked"}]}
        patch.setattr(s3, "delete_objects", lambda **_: refused)
        with pytest.raises(CleanupError, match="1 objects cannot be deleted, the first is a: Acc"):
            manager._delete(s3, manager.lease.id)
    held.close()


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ({"Bucket": "s3://sales"}, "S3Prefix: Bucket='s3://sales' is no name of a bucket"),
        ({"Bucket": 7}, "Bucket=7 is no name of a bucket"),
        ({"Bucket": "sales", "Prefix": None}, "Prefix=None must be a text of at most 512 bytes"),
        ({"Bucket": "sales", "Prefix": "x" * 513}, "must be a text of at most 512 bytes"),
        ({"Bucket": "sales", "region": ""}, "region='' is none"),
    ],
)
def test_bad_arguments_of_a_prefix(credentials, arguments, line):
    with pytest.raises(OptionError, match=line):
        S3Prefix(**arguments).open("one")


# ---- EMRCluster


def test_the_example_of_a_cluster(endpoint):
    assert doctest.testmod(emr).failed == 0


def test_a_cluster(aws):
    held = EMRCluster(
        Name="sales",
        ReleaseLabel="emr-7.5.0",
        Instances={"MasterInstanceType": "m5.xlarge", "InstanceCount": 2},
        endpoint_url=aws.url,
        Tags=[{"Key": "team", "Value": "sales"}],
        Applications=[{"Name": "Spark"}],
    )
    with held as cluster, aws.client("emr") as client:
        found = client.describe_cluster(ClusterId=cluster)["Cluster"]
        tags = {one["Key"]: one["Value"] for one in found["Tags"]}
        assert tags == {TAG: held.lease.id, "team": "sales"}
        assert (found["Name"], found["AutoTerminate"]) == ("sales", False)
        assert aws.left() == ["cluster"]
    assert aws.left() == []


@pytest.mark.parametrize(
    ("arguments", "policy"),
    [
        ({}, {"IdleTimeout": 3600}),
        ({"self_destruct": "10m"}, {"IdleTimeout": 600}),
        ({"self_destruct": None}, None),
        ({"Instances": {"KeepJobFlowAliveWhenNoSteps": False}}, None),
    ],
)
def test_self_destruct_is_asked_for(credentials, arguments, policy):
    asked = emr.EMRClusterManager("sales", "emr-7.5.0", **arguments)
    assert asked._request.get("AutoTerminationPolicy") == policy  # moto cannot show it


def test_a_cluster_from_plain_data(aws):
    held = EMRCluster("sales", "emr-7.5.0", endpoint_url=aws.url).open("one")
    manager = held.lease.manager
    assert kinds.kind_of(manager).name == "emr_cluster"
    other, cluster = elsewhere("emr_cluster", manager, manager.handle(held.value))
    assert other.find(manager.lease.id) == cluster == held.value
    assert other.find("0" * 32) is None
    other.lease = FoundLease("0" * 32)
    with pytest.raises(CleanupError, match="is not of this lease, and is left alone"):
        other.cleanup(cluster)
    other.lease = manager.lease
    other.cleanup(cluster)
    other.cleanup(cluster)
    assert other.find(manager.lease.id) is None
    assert aws.left() == []
    held.close()


def test_a_cluster_that_is_unknown(aws):
    held = EMRCluster("sales", "emr-7.5.0", endpoint_url=aws.url).open("one")
    manager = held.lease.manager
    handle = {**manager.handle(held.value), "id": "j-1ABCDEFGHIJKL"}
    other, cluster = elsewhere("emr_cluster", manager, handle)
    other.cleanup(cluster)
    other, cluster = elsewhere("emr_cluster", manager, {**handle, "account": "9" * 12})
    with pytest.raises(CleanupError, match=r"it is in account 9+, and this is 123456789012"):
        other.cleanup(cluster)
    held.close()


def test_a_cluster_that_ends_before_it_is_ready(aws, monkeypatch):
    manager = emr.EMRClusterManager

    def ended(self, cluster, ready=manager.ready):
        with self.site.client("emr") as client:
            client.terminate_job_flows(JobFlowIds=[cluster])
        return ready(self, cluster)

    monkeypatch.setattr(manager, "ready", ended)
    with (
        pytest.raises(ResnbError, match="EMRCluster: 'sales' is TERMINATED before it was ready"),
        EMRCluster("sales", "emr-7.5.0", endpoint_url=aws.url),
    ):
        pass


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ({"ReleaseLable": "emr-7.5.0"}, "EMRCluster has no option 'ReleaseLable'; did you mean"),
        ({"Instances": {"InstanceCount": "two"}}, "EMRCluster: .*InstanceCount, value: two"),
        ({"Instances": {"TerminationProtected": True}}, "needs TerminationProtected=False"),
        ({"self_destruct": "8d"}, "self_destruct='8d' must be between 1m and 7d"),
        ({"AutoTerminationPolicy": {}}, "EMRCluster has no option 'AutoTerminationPolicy'"),
    ],
)
def test_bad_arguments_of_a_cluster(credentials, arguments, line):
    with pytest.raises(OptionError, match=line) as error:
        EMRCluster(**{"Name": "sales", **arguments}).open("one")
    assert "\n" not in str(error.value)
