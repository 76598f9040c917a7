"""What the resources on AWS share: where they are, clients of the services there, and their tag.

Each process finds its credentials for itself, where boto3 finds them; the ledger never has any.
"""

import os
import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any, Final, NamedTuple

from resnb.durations import seconds
from resnb.errors import NothingMadeError, OptionError
from resnb.graph.base.options import refuse_unknown
from resnb.ledger.recipes.found_process import out_of_sight
from resnb.ledger.recipes.kinds import Shape
from resnb.resources.common import needed

TAG: Final = "resnb.lease"
"""The tag by which things are known: its value is the lease's id."""
VARIABLES: Final = ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_CA_BUNDLE")
"""The variables that clean-ups need; those that hold credentials are never kept."""
_REGION: Final = re.compile("[a-z0-9-]{1,40}")
_URL: Final = re.compile(r"https?://[^\s/?#@]+(/[^\s?#]*)?")  # without anybody's password
_TRIES: Final = 8


class Site(NamedTuple):
    """Where things are.

    Attributes:
        region: the region.
        endpoint_url: the address of the service; None for that of AWS.
        profile: the profile in AWS's configuration that has the credentials; None for the default.
    """

    region: str
    endpoint_url: str | None
    profile: str | None

    @contextmanager
    def client(self, service: str) -> Iterator[Any]:
        """A client of a service for the block, which tries again where it is throttled."""
        from botocore.config import Config
        from botocore.exceptions import NoCredentialsError, PartialCredentialsError

        made = _session(self.profile).create_client(
            service,
            region_name=self.region,
            endpoint_url=self.endpoint_url,
            config=Config(retries={"mode": "standard", "total_max_attempts": _TRIES}),
        )
        try:
            yield made
        except (NoCredentialsError, PartialCredentialsError) as error:
            message = f"AWS asks for credentials: {error}: give profile=..., or set AWS_PROFILE"
            raise NothingMadeError(message) from error
        finally:
            made.close()

    def believe_gone(self, what: str, account: str) -> None:
        """Believe that `what`, which is not found, is gone: if `account`, its own, is that of here.

        Raises:
            OutOfSightError: the credentials that are found here are of another account.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        is_aws = self.endpoint_url is None or "amazonaws.com" in self.endpoint_url
        with suppress(*(() if is_aws else (BotoCoreError, ClientError))):  # it may know no accounts
            with (self._replace(endpoint_url=None) if is_aws else self).client("sts") as sts:
                now = sts.get_caller_identity()["Account"]
            if account and now != account:
                raise out_of_sight(what, f"it is in account {account}, and this is {now}")


SITE: Final[dict[str, Shape]] = {
    "region": _REGION,
    "endpoint_url": (_URL, None),
    "profile": (str, None),
}
"""The shapes of a site's parts as arguments of a kind."""


def site_of(
    owner: str, service: str, region: str | None, endpoint_url: str | None, profile: str | None
) -> Site:
    """A site that is the same wherever the clean-up runs: what is not given, as boto3 finds it.

    Args:
        owner: whose it is, for errors.
        service: the service, as boto3 calls it.
        region: see `Site`.
        endpoint_url: see `Site`.
        profile: see `Site`.

    Raises:
        ResnbError: boto3 is not installed.
        OptionError: there is no region, or one of them is none.
    """
    variables = ("AWS_ENDPOINT_URL_" + service.upper(), "AWS_ENDPOINT_URL")
    endpoint_url = endpoint_url or next(filter(None, map(os.environ.get, variables)), None)
    profile = profile or os.environ.get("AWS_PROFILE")
    if region is None:
        with needed(f"{owner} needs boto3", "aws"):
            region = _session(profile).get_config_variable("region")
    if region is None and endpoint_url is None:
        message = f"{owner} needs a region: give region='eu-central-1', or set AWS_DEFAULT_REGION"
        raise OptionError(message)
    if region is None:
        region = "us-east-1"  # a server of one's own is not in any
    for name, value, pattern in (("region", region, _REGION), ("endpoint_url", endpoint_url, _URL)):
        if value is not None and not (isinstance(value, str) and pattern.fullmatch(value)):
            example = "'eu-central-1'" if pattern is _REGION else "'https://host:port'"
            message = f"{owner}: {name}={value!r} is none: write such as {example}"
            raise OptionError(message)
    return Site(region, endpoint_url, profile)


def check_request(
    owner: str,
    operation: tuple[str, str],
    options: Collection[str],
    request: Mapping[str, Any],
    taken: Collection[str],
) -> None:
    """Refuse, before anything is made, a request whose form the service would refuse.

    Args:
        owner: whose it is, for errors.
        operation: a service, and the name of its operation.
        options: the names that the user has given.
        request: all of it.
        taken: the names that the user cannot give.

    Raises:
        OptionError: it is not what the operation takes.
    """
    from botocore.validate import ParamValidator

    model = _session(None).get_service_model(operation[0])
    shape = model.operation_model(operation[1]).input_shape
    refuse_unknown(owner, options, [name for name in shape.members if name not in taken])
    report = ParamValidator().validate(dict(request), shape)
    if report.has_errors():
        message = f"{owner}: {'; '.join(report.generate_report().splitlines())}"
        raise OptionError(message)


def limit(owner: str, value: Any, most: int) -> int | None:
    """A self-destruct's limit in whole seconds, from 60 to `most`; None if there is to be none.

    Raises:
        OptionError: it is no duration, or out of bounds.
    """
    found = seconds(value, f"{owner}: self_destruct")
    if found is not None and not 60 <= found <= most:  # noqa: PLR2004 - a minute
        message = f"{owner}: self_destruct={value!r} must be between 1m and {most // 86400}d"
        raise OptionError(message)
    return None if found is None else int(found)


def tags_of(lease_id: str, tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags as AWS takes them, the lease's among them."""
    return [{"Key": key, "Value": value} for key, value in {**tags, TAG: lease_id}.items()]


def lease_of(thing: Mapping[str, Any]) -> str:
    """The lease whose tag something has; empty if it has none."""
    return next((one["Value"] for one in thing.get("Tags", ()) if one["Key"] == TAG), "")


def _session(profile: str | None) -> Any:
    """A session of its own: credentials may have been renewed since the last one."""
    from botocore.session import Session

    session = Session(profile=profile)
    session.register_component("data_loader", _loader())
    return session


@cache
def _loader() -> Any:
    """The reader of the descriptions of services: these are large, and each is read once."""
    from botocore.loaders import create_loader

    return create_loader()
