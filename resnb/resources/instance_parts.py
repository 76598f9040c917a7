"""Instances of EC2 and what is made with them, by the tag of their lease.

A key pair and a security group exist only if they were asked for; a volume stays only where the
image says so.
"""

import os
import tempfile
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from resnb.resources.aws import TAG, tags_of

SETTLED_WITHIN = 60
"""How long what was just made may be unknown to EC2, in seconds."""
_NOT_YET: Final = ("DependencyViolation", "IncorrectState", "VolumeInUse")


class Part(NamedTuple):
    """A kind of thing that is made with an instance, and does not end with it."""

    describe: str
    listed: str
    delete: str
    id: str


VOLUME: Final = Part("describe_volumes", "Volumes", "delete_volume", "VolumeId")
KEY: Final = Part("describe_key_pairs", "KeyPairs", "delete_key_pair", "KeyName")
GROUP: Final = Part(
    "describe_security_groups", "SecurityGroups", "delete_security_group", "GroupId"
)


def described(ec2: Any, name: str, value: str) -> Iterator[dict[str, Any]]:
    """The instances that a filter lets pass; none if its value is empty."""
    pages = ec2.get_paginator("describe_instances").paginate(Filters=_filters(name, value))
    for page in pages if value else ():
        for reservation in page["Reservations"]:
            yield from reservation["Instances"]


def tagged(ec2: Any, lease: str) -> Iterator[dict[str, Any]]:
    """The instances of a lease."""
    return described(ec2, f"tag:{TAG}", lease)


def parts_of(ec2: Any, lease: str, kinds: Collection[Part]) -> Iterator[tuple[Part, str]]:
    """The things of these kinds that a lease has, each with its id."""
    for part in kinds:
        answer = getattr(ec2, part.describe)(Filters=_filters(f"tag:{TAG}", lease))
        yield from ((part, one[part.id]) for one in answer[part.listed])


def end(ec2: Any, lease: str, instance_id: str, kinds: Collection[Part]) -> str:
    """Take the next steps to remove all that a lease has; says what is not gone yet.

    Args:
        ec2: the client.
        lease: the lease.
        instance_id: its instance, which the tag may not show yet; empty if that is not known.
        kinds: what there may be beside instances, which goes when these are gone.
    """
    from botocore.exceptions import ClientError

    left = ""
    for one in (*described(ec2, "instance-id", instance_id), *tagged(ec2, lease)):
        state = one["State"]["Name"]
        if state not in ("shutting-down", "terminated"):
            ec2.terminate_instances(InstanceIds=[one["InstanceId"]])
        if state != "terminated":
            left = f"instance {one['InstanceId']} is {state}"
    for part, found in parts_of(ec2, lease, kinds) if not left else ():
        left = f"{found} is still there"
        try:
            getattr(ec2, part.delete)(**{part.id: found})
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code not in _NOT_YET and not code.endswith(".NotFound"):
                raise
    return left


def specified(lease: str, *types: str, **tags: str) -> list[dict[str, Any]]:
    """The tags with which things of these types are made."""
    return [{"ResourceType": one, "Tags": tags_of(lease, tags)} for one in types]


def wait_for(ec2: Any, waiter: str, **which: Any) -> None:
    """Wait until EC2 shows what was just made.

    Raises:
        botocore.exceptions.WaiterError: it does not.
    """
    often = {"Delay": 1, "MaxAttempts": SETTLED_WITHIN}
    ec2.get_waiter(waiter).wait(**which, WaiterConfig=often)


def key_file(lease: str) -> Path:
    """Where the private key of a lease's key pair is kept."""
    return Path(tempfile.gettempdir()) / f"resnb-{lease}.pem"


def make_key(ec2: Any, lease: str) -> str:
    """Make a key pair, and keep its private key in `key_file`; gives its name."""
    name = f"resnb-{lease}"
    made = ec2.create_key_pair(KeyName=name, TagSpecifications=specified(lease, "key-pair"))
    private = os.open(key_file(lease), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(private, "w") as file:
        file.write(made["KeyMaterial"])
    wait_for(ec2, "key_pair_exists", KeyNames=[name])
    return name


def make_group(ec2: Any, lease: str, ports: Sequence[int], source: str, subnet: str | None) -> str:
    """Make a security group in the subnet's network that lets `source` in; gives its id."""
    where = {}
    if subnet is not None:
        where["VpcId"] = ec2.describe_subnets(SubnetIds=[subnet])["Subnets"][0]["VpcId"]
    made = ec2.create_security_group(
        GroupName=f"resnb-{lease}",
        Description="made by resnb with an instance",
        TagSpecifications=specified(lease, "security-group"),
        **where,
    )
    group = str(made["GroupId"])
    wait_for(ec2, "security_group_exists", GroupIds=[group])
    v6 = {"Ipv6Ranges": [{"CidrIpv6": source}]}
    ranges = v6 if ":" in source else {"IpRanges": [{"CidrIp": source}]}
    rules = [{"IpProtocol": "tcp", "FromPort": one, "ToPort": one, **ranges} for one in ports]
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=rules)
    return group


def _filters(name: str, value: str) -> list[dict[str, Any]]:
    return [{"Name": name, "Values": [value]}]
