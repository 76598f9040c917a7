"""AWS as tests have it: moto's server, which keeps what it is told. Time never passes there."""

import os
import re
import subprocess
import sys
from contextlib import contextmanager, nullcontext
from functools import cache

import pytest

from resnb.resources.aws import TAG
from tests.kernel.client import wait_for

REGION = "eu-central-1"
IMAGE = "ami-12c6146b"
VARIABLES = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "very-secret",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@contextmanager
def moto(folder):
    """A server; gives its URL."""
    log = folder / "moto.log"
    with log.open("w") as output:
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
        server = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        wait_for(lambda: _url(log) or server.poll() is not None, "moto's server")
        assert _url(log), f"NO AWS STAND-IN: {log.read_text()}"
        yield _url(log)
    finally:
        server.terminate()
        server.wait()


def _url(log):
    found = re.search(r"Running on (http://\S+)", log.read_text())
    return found and found[1]


class Account:
    """What there is on a server, as its owner sees it."""

    def __init__(self, url):
        self.url = url

    def client(self, service):
        return nullcontext(_client(self.url, service))  # each takes long to make

    def instances(self, **filters):
        chosen = [
            {"Name": name.replace("_", "-"), "Values": [one]} for name, one in filters.items()
        ]
        with self.client("ec2") as ec2:
            found = ec2.describe_instances(Filters=chosen)["Reservations"]
        return [one for reservation in found for one in reservation["Instances"]]

    def left(self):
        """What is there of what leases have made, but for buckets, as short texts."""
        mine = [{"Name": "tag-key", "Values": [TAG]}]
        alive = [one for one in self.instances(tag_key=TAG) if one["State"]["Code"] < 32]
        with self.client("ec2") as ec2, self.client("emr") as emr:
            found = {
                "instance": alive,
                "volume": ec2.describe_volumes(Filters=mine)["Volumes"],
                "group": ec2.describe_security_groups(Filters=mine)["SecurityGroups"],
                "key": ec2.describe_key_pairs(Filters=mine)["KeyPairs"],
                "cluster": emr.list_clusters(ClusterStates=["WAITING"])["Clusters"],
            }
        return [name for name, things in found.items() for _ in things]

    def below(self, uri):
        """The keys below a URI: of all versions, and of uploads that were begun."""
        bucket, _, prefix = uri.removeprefix("s3://").partition("/")
        where = {"Bucket": bucket, "Prefix": prefix}
        with self.client("s3") as s3:
            versions = s3.list_object_versions(**where)
            uploads = s3.list_multipart_uploads(**where)
        found = (versions.get("Versions"), versions.get("DeleteMarkers"), uploads.get("Uploads"))
        return sorted(one["Key"].removeprefix(prefix) for listed in found for one in listed or ())


@cache
def _client(url, service):
    import boto3

    return boto3.client(service, region_name=REGION, endpoint_url=url)


@pytest.fixture(scope="session")
def moto_url(tmp_path_factory):
    with moto(tmp_path_factory.mktemp("moto")) as url:
        yield url


@pytest.fixture
def credentials(monkeypatch):
    """Those of nobody, in variables; enough for what asks no server."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def aws(moto_url, credentials):
    account = Account(moto_url)
    yield account
    left = account.left()
    with account.client("ec2") as ec2:  # so that one failed test does not fail the others
        for one in account.instances(tag_key=TAG):
            ec2.terminate_instances(InstanceIds=[one["InstanceId"]])
    assert left == []


@pytest.fixture
def endpoint(aws, monkeypatch):
    """The server as examples and notebooks find it: by a variable."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.url)
    return {**VARIABLES, "AWS_ENDPOINT_URL": aws.url}
