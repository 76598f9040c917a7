"""`S3Prefix`: a scratch prefix in a bucket of Amazon S3."""

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

from resnb import ResourceManager
from resnb.errors import CleanupError, OptionError
from resnb.ledger.recipes.kinds import Kind
from resnb.resources.aws import SITE, VARIABLES, site_of

_BUCKET: Final = re.compile(r"[A-Za-z0-9._-]{3,255}")
_LEASE: Final = re.compile(r"[0-9a-f]{32}")
_ROUNDS: Final = 20


class S3PrefixManager:
    """Gives the URI of a prefix of its own, which ends with ``/``; deletes all that is below it.

    That is each object in all its versions, and each upload that was begun. Nothing ends it but a
    clean-up: a lifecycle rule of the bucket for `Prefix` is a good last resort.

    Args:
        Bucket: the bucket, which is there.
        Prefix: what the prefix begins with, such as ``"scratch/"``; the lease's id follows.
        region: the region; by default as boto3 finds it.
        endpoint_url: the address of the service; by default that of AWS.
        profile: the profile with the credentials; by default as boto3 finds it.

    >>> from resnb.resources import S3Prefix
    >>> with S3Prefix("sales", "scratch/") as uri:
    ...     print(uri.startswith("s3://sales/scratch/"), uri.endswith("/"))
    True True
    """

    kind = "s3_prefix"
    env = VARIABLES
    find_for = 10.0
    lease: Any

    def __init__(
        self,
        Bucket: str,  # noqa: N803 - as boto3 has it
        Prefix: str = "",  # noqa: N803
        region: str | None = None,
        endpoint_url: str | None = None,
        profile: str | None = None,
    ) -> None:
        if not isinstance(Bucket, str) or not _BUCKET.fullmatch(Bucket):
            message = f"S3Prefix: Bucket={Bucket!r} is no name of a bucket"
            raise OptionError(message)
        if not isinstance(Prefix, str) or len(Prefix.encode()) > 512:  # noqa: PLR2004 - of 1,024
            message = f"S3Prefix: Prefix={Prefix!r} must be a text of at most 512 bytes"
            raise OptionError(message)
        self.Bucket, self.Prefix = Bucket, Prefix
        self.site = site_of("S3Prefix", "s3", region, endpoint_url, profile)
        self.region, self.endpoint_url, self.profile = self.site

    def setup(self) -> str:
        """See that the bucket is there, and that it may be listed as the clean-up will do."""
        with self.site.client("s3") as s3:
            s3.list_object_versions(**self._where(self.lease.id), MaxKeys=1)
        return self._uri(self.lease.id)

    def find(self, lease_id: str) -> str | None:
        """Its URI, if there is anything below it."""
        with self.site.client("s3") as s3, suppress(s3.exceptions.NoSuchBucket):
            if any(self._uploads(s3, lease_id)) or any(self._versions(s3, lease_id)):
                return self._uri(lease_id)
        return None

    def cleanup(self, uri: str) -> None:
        """Delete all that is below it, until nothing is found there.

        Raises:
            CleanupError: it is not of this lease, or something cannot be deleted.
        """
        lease = self.lease.id
        if uri != self._uri(lease) or not _LEASE.fullmatch(lease):
            message = f"{uri} is not the prefix of this lease, and is left alone"
            raise CleanupError(message)
        with self.site.client("s3") as s3, suppress(s3.exceptions.NoSuchBucket):
            if all(self._delete(s3, lease) for _ in range(_ROUNDS)):
                message = f"{uri} is still written to: what writes there has to end first"
                raise CleanupError(message)

    def _delete(self, s3: Any, lease_id: str) -> int:
        """Delete what is found; gives how much that was."""
        found = 0
        for upload in self._uploads(s3, lease_id):
            found += 1
            which = {"Key": upload["Key"], "UploadId": upload["UploadId"]}
            with suppress(s3.exceptions.NoSuchUpload):
                s3.abort_multipart_upload(Bucket=self.Bucket, **which)
        for page in self._versions(s3, lease_id):
            found += len(page)
            answer = s3.delete_objects(Bucket=self.Bucket, Delete={"Objects": page, "Quiet": True})
            if errors := answer.get("Errors"):
                first = f"{errors[0]['Key']}: {errors[0]['Code']}: {errors[0]['Message']}"
                message = f"{len(errors)} objects cannot be deleted, the first is {first}"
                raise CleanupError(message)
        return found

    def _uploads(self, s3: Any, lease_id: str) -> Iterator[dict[str, Any]]:
        pages = s3.get_paginator("list_multipart_uploads").paginate(**self._where(lease_id))
        for page in pages:
            yield from page.get("Uploads", ())

    def _versions(self, s3: Any, lease_id: str) -> Iterator[list[dict[str, str]]]:
        """Versions and marks of deletion, at most 1,000 at a time."""
        pages = s3.get_paginator("list_object_versions").paginate(**self._where(lease_id))
        for page in pages:
            found = (*page.get("Versions", ()), *page.get("DeleteMarkers", ()))
            if found:
                yield [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in found]

    def _where(self, lease_id: str) -> dict[str, str]:
        return {"Bucket": self.Bucket, "Prefix": f"{self.Prefix}{lease_id}/"}

    def _uri(self, lease_id: str) -> str:
        return f"s3://{self.Bucket}/{self.Prefix}{lease_id}/"


S3Prefix = ResourceManager(S3PrefixManager, name="S3Prefix", cleanup_timeout="10m")

KIND = Kind(
    "s3_prefix",
    S3PrefixManager,
    {"Bucket": _BUCKET, "Prefix": str, **SITE},
    str,
    manager=S3Prefix,
    module="botocore",
    install="resnb[aws]",
)
