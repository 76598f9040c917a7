"""`EC2Instance` on moto's server: what is made is seen there, and nothing of it is left."""

import base64
import doctest
import email
import sys

import pytest

from resnb.errors import CleanupError, OptionError, ResnbError
from resnb.ledger.recipes import kinds
from resnb.ledger.recipes.handles import FoundLease
from resnb.resources import EC2Instance, instance
from resnb.resources.instance_parts import key_file
from tests.resources.aws import IMAGE, REGION, TAG
from tests.resources.elsewhere import elsewhere

SCRIPT = "#!/bin/sh\necho mine > /root/mine\n"


def user_data_of(aws, instance_id):
    with aws.client("ec2") as ec2:
        found = ec2.describe_instance_attribute(InstanceId=instance_id, Attribute="userData")
    return base64.b64decode(found["UserData"]["Value"]).decode()


def test_the_example(endpoint):
    assert doctest.testmod(instance).failed == 0


def test_an_instance(aws):
    held = EC2Instance(IMAGE, "t3.small", REGION, aws.url, SCRIPT, {"team": "sales"})
    with held as machine:
        (found,) = aws.instances(instance_id=machine.id)
        tags = {one["Key"]: one["Value"] for one in found["Tags"]}
        assert tags == {TAG: held.lease.id, "team": "sales", "Name": "EC2Instance"}
        assert found["InstanceType"] == "t3.small"
        assert found["ClientToken"] == held.lease.id
        assert (machine.private_ip, machine.public_ip) == (
            found["PrivateIpAddress"],
            found["PublicIpAddress"],
        )
        assert repr(machine) == "<RunningInstance>"
        assert SCRIPT in user_data_of(aws, machine.id)
        assert aws.left() == ["instance", "volume"]
    assert machine.description()["State"]["Name"] == "terminated"
    assert aws.left() == []


def test_key_and_group_are_made_and_removed_with_it(aws):
    with aws.client("ec2") as ec2:
        subnet = ec2.describe_subnets()["Subnets"][0]
        mine = ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"]
    held = EC2Instance(
        IMAGE,
        endpoint_url=aws.url,
        ports=[22, 8888],
        source="203.0.113.0/24",
        key=True,
        SubnetId=subnet["SubnetId"],
        SecurityGroupIds=[mine],
    )
    with held as machine:
        assert machine.key.stat().st_mode & 0o777 == 0o600
        assert machine.key.read_text().startswith("-----BEGIN RSA PRIVATE KEY")
        (found,) = aws.instances(instance_id=machine.id)
        groups = {one["GroupId"] for one in found["SecurityGroups"]}
        assert mine in groups
        with aws.client("ec2") as ec2:
            (group,) = ec2.describe_security_groups(GroupIds=list(groups - {mine}))[
                "SecurityGroups"
            ]
        assert group["VpcId"] == subnet["VpcId"]
        rules = [(one["FromPort"], one["IpRanges"][0]["CidrIp"]) for one in group["IpPermissions"]]
        assert rules == [(22, "203.0.113.0/24"), (8888, "203.0.113.0/24")]
        assert sorted(aws.left()) == ["group", "instance", "key", "volume"]
        assert found["KeyName"] == f"resnb-{held.lease.id}"
    assert not machine.key.exists()
    assert aws.left() == []


@pytest.mark.long
def test_a_group_for_ipv6(aws):
    with EC2Instance(IMAGE, endpoint_url=aws.url, ports=[22], source="2001:db8::/32") as machine:
        (found,) = aws.instances(instance_id=machine.id)
        with aws.client("ec2") as ec2:
            ids = [one["GroupId"] for one in found["SecurityGroups"]]
            (group,) = ec2.describe_security_groups(GroupIds=ids)["SecurityGroups"]
        assert group["IpPermissions"][0]["Ipv6Ranges"] == [{"CidrIpv6": "2001:db8::/32"}]


@pytest.mark.long
def test_a_volume_that_the_image_keeps_is_removed(aws):
    held = EC2Instance(IMAGE, endpoint_url=aws.url)
    with held as machine, aws.client("ec2") as ec2:
        (found,) = aws.instances(instance_id=machine.id)
        device = found["BlockDeviceMappings"][0]["DeviceName"]
        kept = [{"DeviceName": device, "Ebs": {"DeleteOnTermination": False}}]
        ec2.modify_instance_attribute(InstanceId=machine.id, BlockDeviceMappings=kept)
        another = ec2.create_volume(Size=1, AvailabilityZone=f"{REGION}a")["VolumeId"]
    with aws.client("ec2") as ec2:
        assert [one["VolumeId"] for one in ec2.describe_volumes()["Volumes"]] == [another]
        ec2.delete_volume(VolumeId=another)


@pytest.mark.long
def test_volumes_as_the_user_wants_them_are_not_the_leases(aws):
    mapped = [{"DeviceName": "/dev/sdb", "Ebs": {"VolumeSize": 1}}]
    with EC2Instance(IMAGE, endpoint_url=aws.url, BlockDeviceMappings=mapped):
        assert aws.left() == ["instance"]


# ---- self-destruct


def timer_of(data):
    """The timer in user data, and the types of its parts."""
    parts = email.message_from_string(data).get_payload()
    return parts[0].get_payload(), [part.get_content_type() for part in parts]


def test_self_destruct_is_there_with_everything_of_resnb_gone(aws):
    with EC2Instance(IMAGE, endpoint_url=aws.url, user_data=SCRIPT, self_destruct="2h") as machine:
        with aws.client("ec2") as ec2:
            which = {"InstanceId": machine.id, "Attribute": "instanceInitiatedShutdownBehavior"}
            found = ec2.describe_instance_attribute(**which)
        assert found["InstanceInitiatedShutdownBehavior"] == {"Value": "terminate"}
        timer, types = timer_of(user_data_of(aws, machine.id))
        assert "7200" in timer
        assert types == ["text/x-shellscript", "text/plain"]


@pytest.mark.long
def test_no_self_destruct(aws):
    with EC2Instance(IMAGE, endpoint_url=aws.url, user_data=SCRIPT, self_destruct=None) as machine:
        assert user_data_of(aws, machine.id) == SCRIPT


# ---- from elsewhere


@pytest.fixture
def opened(aws):
    held = EC2Instance(
        IMAGE, endpoint_url=aws.url, user_data="TOKEN=secret", key=True, ports=[22], source="::/0"
    ).open("one")
    yield held
    held.close()


def test_an_instance_from_plain_data(aws, opened, monkeypatch):
    manager = opened.lease.manager
    assert kinds.kind_of(manager).name == "ec2_instance"
    recipe = kinds.arguments_of(kinds.find("ec2_instance"), manager)
    assert b"secret" not in recipe
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    other, found = elsewhere("ec2_instance", manager, manager.handle(opened.value))
    assert found.id == opened.value.id == other.find(manager.lease.id).id
    assert found.private_ip == opened.value.private_ip
    other.cleanup(found)
    other.cleanup(found)
    assert other.find(manager.lease.id) is None
    assert aws.left() == []
    assert not key_file(manager.lease.id).exists()


def test_an_instance_of_another_lease_is_left_alone(aws, opened):
    manager = opened.lease.manager
    other, found = elsewhere("ec2_instance", manager, manager.handle(opened.value))
    other.lease = FoundLease("0" * 32)
    with pytest.raises(CleanupError, match=f"{found.id} is not of this lease, and is left alone"):
        other.cleanup(found)
    with aws.client("ec2") as ec2:
        foreign = ec2.run_instances(ImageId=IMAGE, MinCount=1, MaxCount=1)["Instances"][0]
        handle = {**manager.handle(opened.value), "id": foreign["InstanceId"]}
        other, found = elsewhere("ec2_instance", manager, handle)
        with pytest.raises(CleanupError, match="is not of this lease"):
            other.cleanup(found)
        (still,) = aws.instances(instance_id=foreign["InstanceId"])
        assert still["State"]["Name"] == "running"
        ec2.terminate_instances(InstanceIds=[foreign["InstanceId"]])
    assert len(aws.left()) == 4


def test_what_is_unknown_is_gone(aws, opened, monkeypatch):
    manager = opened.lease.manager
    handle = {**manager.handle(opened.value), "id": "i-0123456789abcdef0"}
    other, found = elsewhere("ec2_instance", manager, handle)
    other.lease = FoundLease("0" * 32)
    other.cleanup(found)
    monkeypatch.setattr(instance, "SETTLED_WITHIN", 0.0)  # one that EC2 has not shown yet
    other, found = elsewhere("ec2_instance", manager, {**handle, "seen": False})
    other.lease = FoundLease("0" * 32)
    other.cleanup(found)
    assert "instance" in aws.left()


@pytest.mark.long
def test_what_is_unknown_to_another_account_is_out_of_sight(aws, opened):
    manager = opened.lease.manager
    handle = {**manager.handle(opened.value), "id": "i-0123456789abcdef0", "account": "9" * 12}
    other, found = elsewhere("ec2_instance", manager, handle)
    with pytest.raises(CleanupError, match=r"it is in account 9+, and this is 123456789012"):
        other.cleanup(found)


@pytest.mark.long
def test_one_that_ec2_shows_late_is_waited_for(aws, opened, monkeypatch):
    manager = opened.lease.manager
    other, found = elsewhere(
        "ec2_instance", manager, {**manager.handle(opened.value), "seen": False}
    )
    looks, described = [], instance.described

    def late(*args):
        looks.append(args)
        return iter(()) if len(looks) == 1 else described(*args)

    monkeypatch.setattr(instance, "described", late)
    other.cleanup(found)
    assert len(looks) == 2
    assert aws.left() == []


@pytest.mark.long
def test_two_instances_of_one_lease_are_both_ended(aws, opened):
    lease = opened.lease.id  # as where the token of a repeated request is ignored
    tags = [{"ResourceType": "instance", "Tags": [{"Key": TAG, "Value": lease}]}]
    with aws.client("ec2") as ec2:
        ec2.run_instances(ImageId=IMAGE, MinCount=1, MaxCount=1, TagSpecifications=tags)
    assert aws.left().count("instance") == 2
    opened.close()
    assert aws.left() == []


@pytest.mark.parametrize(
    "change",
    [
        {"id": "i-1"},
        {"id": "*"},
        {"account": 1},
        {"seen": "yes"},
        {"more": 1},
    ],
)
def test_a_handle_off_the_schema_is_refused(change):
    handle = {"id": "i-0123456789abcdef0", "account": "1" * 12, "seen": True}
    kinds.find("ec2_instance").handle_data(handle)
    handle.update(change)
    with pytest.raises(ResnbError, match="its handle cannot be trusted"):
        kinds.find("ec2_instance").handle_data(handle)


@pytest.mark.parametrize(
    "change",
    [
        {"region": "x.example.com/"},
        {"endpoint_url": "file:///etc/passwd"},
        {"endpoint_url": "http://u:p@host"},
        {"ports": "22"},
        {"user_data": "#!/bin/sh"},
    ],
)
def test_arguments_off_the_schema_are_refused(change):
    arguments = {
        "image_id": IMAGE,
        "ports": [],
        "source": None,
        "key": False,
        "region": REGION,
        "endpoint_url": None,
        "profile": None,
    }
    kinds.find("ec2_instance").recipe(arguments)
    with pytest.raises(ResnbError, match="its arguments cannot be trusted"):
        kinds.find("ec2_instance").recipe({**arguments, **change})


# ---- half made


@pytest.mark.parametrize("step", ["make_group", "specified", "_running", "wait_for"])
def test_a_set_up_that_fails_is_taken_back(aws, monkeypatch, step):
    def fails(*args, **options):
        raise OSError(step)

    where = instance.EC2InstanceManager if step == "_running" else instance
    with monkeypatch.context() as patch:
        patch.setattr(where, step, fails)
        with (
            pytest.raises(OSError, match=step),
            EC2Instance(IMAGE, endpoint_url=aws.url, key=True, ports=[22], source="::/0"),
        ):
            pass
    assert aws.left() == []


@pytest.mark.long
def test_one_that_ends_before_it_is_ready(aws, monkeypatch):
    wait_for = instance.wait_for

    def ended(ec2, waiter, **which):
        wait_for(ec2, waiter, **which)
        ec2.terminate_instances(**which)

    monkeypatch.setattr(instance, "wait_for", ended)
    with (
        pytest.raises(ResnbError, match=r"is terminated before it was ready: Client\.User"),
        EC2Instance(IMAGE, endpoint_url=aws.url),
    ):
        pass


@pytest.mark.long
def test_what_does_not_go_is_said(aws, opened, monkeypatch):
    manager, machine = opened.lease.manager, opened.value
    with monkeypatch.context() as patch:
        patch.setattr(instance, "REMOVED_WITHIN", 0.0)
        patch.setattr(instance, "end", lambda *args: "sg-1 is still there")
        with pytest.raises(CleanupError, match="sg-1 is still there, after 0 s"):
            manager.cleanup(machine)


# ---- bad arguments

BAD = {
    "no image": ({"image_id": 7}, r"EC2Instance: .*ImageId, value: 7, type: <class 'int'>"),
    "an unknown option": ({"SubnetID": "s"}, "EC2Instance has no option 'SubnetID'; did you mean 'SubnetId'"),
    "an option that is ours": ({"MaxCount": 2}, "EC2Instance has no option 'MaxCount'"),
    "a wrong type": ({"SecurityGroupIds": "sg-1"}, "SecurityGroupIds, value: sg-1"),
    "a region": ({"region": "Frankfurt am Main"}, "region='Frankfurt am Main' is none"),
    "an address": ({"endpoint_url": "localhost:5000"}, "endpoint_url='localhost:5000' is none"),
    "long user data": ({"user_data": "#" * 16_000}, "user_data has 16,.* more than 16,384"),
    "the lease's tag": ({"tags": {TAG: "x"}}, "tag 'resnb.lease' is the lease's own"),
    "protection": ({"DisableApiTermination": True}, "its clean-up needs DisableApiTermination=False"),
    "persistent": (
        {"InstanceMarketOptions": {"SpotOptions": {"SpotInstanceType": "persistent"}}},
        "a persistent spot request would start it again",
    ),
    "a key's name": ({"key": "mine"}, "key is True or False; KeyName takes the name"),
    "two keys": ({"key": True, "KeyName": "mine"}, "key is True or False"),
    "interfaces": (
        {"ports": [22], "source": "::/0", "NetworkInterfaces": []},
        "ports go with SubnetId",
    ),
    "no port": ({"ports": [0], "source": "::/0"}, r"ports=\[0\] must be numbers from 1 to 65535"),
    "no source": ({"ports": [22]}, "source=None must say who may connect"),
    "a source": ({"ports": [22], "source": "everyone"}, "source='everyone' must say who may connect"),
    "a short life": ({"self_destruct": "5s"}, "self_destruct='5s' must be between 1m and 365d"),
    "no duration": ({"self_destruct": "soon"}, "self_destruct='soon' is no duration"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_arguments(credentials, case):
    arguments, line = BAD[case]
    with (
        pytest.raises(OptionError, match=line) as error,
        EC2Instance(**{"image_id": IMAGE, **arguments}),
    ):
        pass
    assert "\n" not in str(error.value)


@pytest.mark.long
def test_no_region(aws, monkeypatch):
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(OptionError, match="EC2Instance needs a region: give region="):
        EC2Instance(IMAGE).open("one")
    with EC2Instance(IMAGE, endpoint_url=aws.url) as machine:
        assert machine.site.region == "us-east-1"


def test_without_boto3(credentials, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "botocore.session", None)
        with pytest.raises(
            ResnbError, match=r"EC2Instance needs boto3: pip install 'resnb\[aws\]'"
        ):
            EC2Instance(IMAGE).open("one")
