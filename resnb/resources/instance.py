"""`EC2Instance`: a virtual machine of Amazon EC2."""

import ipaddress
import re
import threading
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from resnb import ResourceManager
from resnb.errors import CleanupError, OptionError, ResnbError
from resnb.ledger.recipes.kinds import Kind
from resnb.resources.aws import SITE, TAG, VARIABLES, Site, check_request, lease_of, limit, site_of
from resnb.resources.common import leave_alone
from resnb.resources.instance_parts import (
    GROUP,
    KEY,
    SETTLED_WITHIN,
    VOLUME,
    described,
    end,
    key_file,
    make_group,
    make_key,
    parts_of,
    specified,
    tagged,
    wait_for,
)
from resnb.resources.user_data import LARGEST, with_timer

if TYPE_CHECKING:
    from pathlib import Path

REMOVED_WITHIN = 600.0
"""How long an instance, and what was made with it, may take to go, in seconds."""
_YEAR: Final = 365 * 86400
_TAKEN: Final = (
    "ClientToken", "DryRun", "ImageId", "InstanceInitiatedShutdownBehavior", "InstanceType",
    "MaxCount", "MinCount", "TagSpecifications", "UserData",
)  # fmt: skip


class RunningInstance:
    """An instance that `EC2Instance` has started.

    Attributes:
        id: its id.
        key: the file with the private key that was made for it; None if there is none.
    """

    def __init__(
        self, instance_id: str, site: Site, account: str = "", *, is_seen: bool = True
    ) -> None:
        self.id = instance_id
        self.key: Path | None = None
        self.site, self.account, self.is_seen = site, account, is_seen

    @property
    def private_ip(self) -> str | None:
        """Its address in its network; None if it has none."""
        return self.description().get("PrivateIpAddress")

    @property
    def public_ip(self) -> str | None:
        """Its public address; None if it has none."""
        return self.description().get("PublicIpAddress")

    def description(self) -> dict[str, Any]:
        """What boto3's ``describe_instances`` says of it; empty if it is not known."""
        with self.site.client("ec2") as ec2:
            return next(described(ec2, "instance-id", self.id), {})

    def __repr__(self) -> str:
        """A stable text, without its id."""
        return "<RunningInstance>"


class EC2InstanceManager:
    """Starts an instance of EC2; terminates it, and removes what was made with it.

    Whatever becomes of its owner, it shuts down `self_destruct` after its start, and so terminates:
    user data sets a timer, where the image has cloud-init, or the user data is a script of Windows.

    Who cleans up finds credentials as boto3 does. The ledger has none of them: those in variables
    have to be set before the kernel opens its first resource.

    Args:
        image_id: the image.
        instance_type: the type.
        region: the region; by default as boto3 finds it.
        endpoint_url: the address of the service; by default that of AWS.
        user_data: what the instance runs when it starts: a script, cloud-config, ...
        tags: its tags, beside that with the lease's id.
        profile: the profile with the credentials; by default as boto3 finds it.
        ports: TCP ports that a security group, made with it, opens to `source`.
        source: the addresses that may connect, such as ``"203.0.113.7/32"``.
        key: whether a key pair is made with it, whose private key is in the file ``.key``.
        self_destruct: after how long it ends by itself; None for never.
        **options: more arguments of boto3's ``run_instances``, such as ``SubnetId``.

    >>> from resnb.resources import EC2Instance
    >>> with EC2Instance("ami-12c6146b", "t3.micro", region="eu-central-1") as instance:
    ...     print(instance.description()["InstanceType"], instance.private_ip is not None)
    t3.micro True
    >>> instance.description()["State"]["Name"]
    'terminated'
    """

    kind = "ec2_instance"
    env = VARIABLES
    find_for = "5m"
    ready_timeout = 900.0
    lease: Any

    def __init__(  # noqa: PLR0917 - in the order of their use
        self,
        image_id: str,
        instance_type: str = "t3.micro",
        region: str | None = None,
        endpoint_url: str | None = None,
        user_data: str = "",
        tags: Mapping[str, str] | None = None,
        profile: str | None = None,
        ports: Sequence[int] = (),
        source: str | None = None,
        key: bool = False,
        self_destruct: Any = "24h",
        **options: Any,
    ) -> None:
        self.site = site_of("EC2Instance", "ec2", region, endpoint_url, profile)
        self.region, self.endpoint_url, self.profile = self.site
        self.image_id, self.ports, self.source, self.key = image_id, list(ports), source, key
        self.self_destruct = limit("EC2Instance", self_destruct, _YEAR)
        self._tags = {str(name): str(value) for name, value in (tags or {}).items()}
        self._request = {
            **options,
            "ImageId": image_id,
            "InstanceType": instance_type,
            "InstanceInitiatedShutdownBehavior": "terminate",
            "MaxCount": 1,
            "MinCount": 1,
            "UserData": user_data,
        }
        check_request("EC2Instance", ("ec2", "RunInstances"), options, self._request, _TAKEN)
        if self.self_destruct is not None:
            self._request["UserData"] = with_timer(user_data, self.self_destruct)
        if why := self._fault():
            message = f"EC2Instance: {why}"
            raise OptionError(message)
        self._parts = [VOLUME, *[GROUP] * bool(ports), *[KEY] * key]

    def _fault(self) -> str:
        """What EC2 would refuse, or what would outlive the clean-up; empty if there is nothing."""
        request = self._request
        spot = request.get("InstanceMarketOptions", {}).get("SpotOptions", {})
        size = len(request["UserData"].encode())
        faults = {
            f"user_data has {size:,} bytes with its timer, more than {LARGEST:,}": size > LARGEST,
            f"tag {TAG!r} is the lease's own": TAG in self._tags,
            "its clean-up needs DisableApiTermination=False": request.get("DisableApiTermination"),
            "a persistent spot request would start it again: make it one-time": (
                spot.get("SpotInstanceType") == "persistent"
            ),
            "key is True or False; KeyName takes the name of a key that is there": (
                type(self.key) is not bool or (self.key and "KeyName" in request)
            ),
            "ports go with SubnetId, not with NetworkInterfaces": (
                self.ports and "NetworkInterfaces" in request
            ),
            f"ports={self.ports!r} must be numbers from 1 to 65535": (
                not all(type(one) is int and 0 < one < 1 << 16 for one in self.ports)
            ),
            f"source={self.source!r} must say who may connect to ports: '203.0.113.7/32'": (
                self.ports and not _is_network(self.source)
            ),
        }
        return next((why for why, is_so in faults.items() if is_so), "")

    def setup(self) -> RunningInstance:
        """Start it with the lease's id as a tag, and as the token by which it is started once."""
        lease, request = self.lease.id, dict(self._request)
        types = ["instance"]
        if "BlockDeviceMappings" not in request:  # else the user has said which volumes stay
            types.append("volume")
        tags = {"Name": self.lease.name[:255], **self._tags}
        with self.site.client("ec2") as ec2:
            if self.key:
                request["KeyName"] = make_key(ec2, lease)
            if self.ports:
                subnet = request.get("SubnetId")
                group = make_group(ec2, lease, self.ports, str(self.source), subnet)
                request["SecurityGroupIds"] = [*request.get("SecurityGroupIds", ()), group]
            tagged_as = specified(lease, *types, **tags)
            made = ec2.run_instances(**request, ClientToken=lease, TagSpecifications=tagged_as)
            found, account = made["Instances"][0]["InstanceId"], made["OwnerId"]
            self.lease.record(self.handle(self._running(found, account, is_seen=False)))
            wait_for(ec2, "instance_exists", InstanceIds=[found])
        return self._running(found, account)

    def _running(self, found: str, account: str, *, is_seen: bool = True) -> RunningInstance:
        instance = RunningInstance(found, self.site, account, is_seen=is_seen)
        instance.key = key_file(self.lease.id) if self.key else None
        return instance

    def ready(self, instance: RunningInstance) -> bool:
        """Whether it is running.

        Raises:
            ResnbError: it has ended.
        """
        found = instance.description()
        state = found.get("State", {}).get("Name", "pending")
        if state not in ("pending", "running"):
            why = found.get("StateReason", {}).get("Message", "no reason is given")
            message = f"EC2Instance: one of {self.image_id} is {state} before it was ready: {why}"
            raise ResnbError(message)
        return bool(state == "running")

    def handle(self, instance: RunningInstance) -> dict[str, Any]:
        """Its id, the account that it is in, and whether EC2 has shown it since."""
        return {"id": instance.id, "account": instance.account, "seen": instance.is_seen}

    def attach(self, handle: dict[str, Any]) -> RunningInstance:
        """See `handle`."""
        return self._running(handle["id"], handle["account"], is_seen=handle["seen"])

    def find(self, lease_id: str) -> RunningInstance | None:
        """The instance of a set-up that did not return, or what was to go with it."""
        with self.site.client("ec2") as ec2:
            for one in tagged(ec2, lease_id):
                if one["State"]["Name"] != "terminated":
                    return RunningInstance(one["InstanceId"], self.site)
            is_there = any(True for _ in parts_of(ec2, lease_id, self._parts))
        return RunningInstance("", self.site) if is_there else None

    def cleanup(self, instance: RunningInstance) -> None:
        """Terminate it, wait until it has gone, and remove what was made with it.

        Raises:
            CleanupError: it is not of this lease, cannot be seen from here, or does not go.
        """
        lease = self.lease.id
        with self.site.client("ec2") as ec2:
            self._check(ec2, instance)
            deadline, pause = time.monotonic() + REMOVED_WITHIN, 0.05
            while left := end(ec2, lease, instance.id, self._parts):
                if time.monotonic() >= deadline:
                    message = f"{left}, after {REMOVED_WITHIN:g} s"
                    raise CleanupError(message)
                threading.Event().wait(pause)
                pause = min(2 * pause, 2.0)
        key_file(lease).unlink(missing_ok=True)

    def _check(self, ec2: Any, instance: RunningInstance) -> None:
        """See that it is of this lease, if it is there: what is new may be unknown for a while."""
        deadline = time.monotonic() + SETTLED_WITHIN
        what = f"instance {instance.id}"
        while instance.id:
            found = next(described(ec2, "instance-id", instance.id), None)
            if found is not None:
                if lease_of(found) != self.lease.id:
                    leave_alone(what)
                return
            if instance.is_seen or time.monotonic() >= deadline:
                self.site.believe_gone(what, instance.account)
                return
            threading.Event().wait(1.0)


def _is_network(source: object) -> bool:
    try:
        return isinstance(source, str) and bool(ipaddress.ip_network(source))
    except ValueError:
        return False


EC2Instance = ResourceManager(EC2InstanceManager, name="EC2Instance", cleanup_timeout="10m")

KIND = Kind(
    "ec2_instance",
    EC2InstanceManager,
    {"image_id": str, "ports": [int], "source": (str, None), "key": bool, **SITE},
    {"id": re.compile("i-[0-9a-f]{8,17}"), "account": str, "seen": bool},
    manager=EC2Instance,
    module="botocore",
    install="resnb[aws]",
)
