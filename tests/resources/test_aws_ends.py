"""Processes that hold resources on AWS, killed in use and in set-up: nothing is left there."""

import os
import subprocess
import sys

import pytest

from resnb.ledger.admin.commands import LedgerCommands
from tests.conftest import end_reapers
from tests.kernel.client import wait_for
from tests.resources.aws import IMAGE

SCRIPT = """
import sys
from resnb.resources import EC2Instance, EMRCluster, S3Prefix, instance

def wait(*args, **options):
    print(args[0] if args and isinstance(args[0], str) else "open", flush=True)
    sys.stdin.readline()

def machine():
    return EC2Instance(IMAGE, ports=[22], source="::/0", key=True, self_destruct=None)

match sys.argv[1].split("."):
    case ["use"]:
        with machine(), EMRCluster("sales", "emr-7.5.0"), S3Prefix("sales", "scratch/") as uri:
            from resnb.resources.aws import Site
            bucket, _, prefix = uri.removeprefix("s3://").partition("/")
            with Site("eu-central-1", sys.argv[2], None).client("s3") as s3:
                s3.put_object(Bucket=bucket, Key=prefix + "a", Body=b"1")
                s3.create_multipart_upload(Bucket=bucket, Key=prefix + "b")
            wait(uri)
    case ["instance", step]:
        setattr(instance, step, wait)
        machine().open("one")
    case ["manager", step]:
        setattr(instance.EC2InstanceManager, step, wait)
        machine().open("one")
"""


@pytest.fixture
def begin(aws, endpoint, tmp_path, monkeypatch):
    """Begin the script; gives its process and the line that it says."""
    monkeypatch.setenv("RESNB_HOME", str(tmp_path / "ledger"))
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.replace("IMAGE", repr(IMAGE)))
    begun = []

    def begin(way):
        command = [sys.executable, str(script), way, aws.url]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        begun.append(subprocess.Popen(command, **pipes, text=True, env=os.environ))
        return begun[-1], begun[-1].stdout.readline().strip()

    begin.home = tmp_path / "ledger"
    yield begin
    for one in begun:
        one.kill()
        one.communicate()
    end_reapers(tmp_path / "ledger")


def test_kill_9_in_use(aws, begin):
    with aws.client("s3") as s3:
        where = {"LocationConstraint": "eu-central-1"}
        s3.create_bucket(Bucket="sales", CreateBucketConfiguration=where)
        process, uri = begin("use")
        assert sorted(aws.left()) == ["cluster", "group", "instance", "key", "volume"]
        assert aws.below(uri) == ["a", "b"]
        process.kill()
        wait_for(lambda: not LedgerCommands(begin.home).leases(), "the clean-ups", 60)
        assert (aws.left(), aws.below(uri)) == ([], [])
        s3.delete_bucket(Bucket="sales")


@pytest.mark.parametrize(
    "step",
    [
        pytest.param("instance.specified", marks=pytest.mark.long),
        "manager._running",
        pytest.param("instance.wait_for", marks=pytest.mark.long),
    ],
)
def test_kill_9_in_set_up(aws, begin, step):
    process, _ = begin(step)
    made = aws.left()
    assert ("instance" in made) == (step != "instance.specified")
    assert {"group", "key"} <= set(made)
    process.kill()
    wait_for(lambda: not aws.left(), "the clean-up", 60)
