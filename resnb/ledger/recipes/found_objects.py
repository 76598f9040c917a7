"""Things of other libraries that another process has made, found again by their names.

What cannot be seen from here, because it was made in another container or on another machine, says
so.
"""

import os
from collections.abc import Mapping, Sequence
from typing import Any

from resnb.ledger.recipes.found_process import Place, here, is_elsewhere, out_of_sight


class FoundFolder:
    """A temporary folder that another process made.

    Args:
        name: its path.
        place: where it was made; by default here.
    """

    def __init__(self, name: str, place: Place | None = None) -> None:
        self.name = name
        self.place = place or here()

    def cleanup(self) -> None:
        """Remove it, if it still exists.

        Raises:
            OutOfSightError: it is not there, and this is another container or machine.
        """
        import shutil

        if not os.path.lexists(self.name) and is_elsewhere(self.place):
            raise out_of_sight(f"folder {self.name}", "it was made elsewhere, and is not there")
        shutil.rmtree(self.name, ignore_errors=True)

    def __enter__(self) -> str:
        return self.name

    def __exit__(self, *_: object) -> None:
        self.cleanup()


class FoundFile(FoundFolder):
    """A temporary file that another process made.

    Args:
        name: its path.
        place: where it was made.
        stays: whether it is to stay when it is closed.
    """

    def __init__(self, name: str, place: Place, stays: bool = False) -> None:
        super().__init__(name, place)
        self.stays = stays

    def cleanup(self) -> None:
        """Remove it, if it still exists and is not to stay; see `FoundFolder`."""
        if self.stays:
            return
        try:
            os.unlink(self.name)  # noqa: PTH108 - of any kind of path
        except FileNotFoundError:
            super().cleanup()

    close = cleanup


class FoundContainer:
    """A container that another process started; if it is gone, its methods do nothing.

    Args:
        container: its id.
        place: from where it was started; by default from here.
    """

    def __init__(self, container: str, place: Place | None = None) -> None:
        self.id = container
        self.place = place or here()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        import docker

        try:
            return getattr(docker.from_env().containers.get(self.id), name)
        except docker.errors.NotFound:
            if self.place.machine != here().machine:
                why = "it was started on another machine, whose engine cannot be asked from here"
                raise out_of_sight(f"container {self.id[:12]}", why) from None
            return _nothing


class FoundGatewayCluster:
    """A cluster of a Dask Gateway that another process started.

    Args:
        name: its name.
        address: that of its gateway.
        scheme: how one logs in there; None for what Dask's configuration says.
    """

    def __init__(self, name: str, address: str, scheme: str | None) -> None:
        self.name, self.address, self.scheme = name, address, scheme

    def close(self) -> None:
        """Stop it; the gateway takes no offence at one that has gone."""
        import dask_gateway

        with dask_gateway.Gateway(self.address, auth=self.scheme) as gateway:
            gateway.stop_cluster(self.name)

    shutdown = close


def thing_of_aws(service: str, name: str, keys: Sequence[str], site: Mapping[str, Any]) -> Any:
    """What boto3 calls a resource, such as an instance of EC2, with the credentials of here.

    Args:
        service: the service, such as ``ec2``.
        name: the name of its kind, such as ``Instance``.
        keys: what identifies it.
        site: the region, and the address of the service.
    """
    import boto3

    return getattr(boto3.resource(service, **site), name)(*keys)


def _nothing(*_: Any, **__: Any) -> None:
    return None


# ---- the reduce values of the originals

Reduced = tuple[Any, ...]


def folder(one: Any) -> Reduced:
    """Of a `tempfile.TemporaryDirectory`."""
    return FoundFolder, (one.name, here())


def file(one: Any) -> Reduced:
    """Of what `tempfile.NamedTemporaryFile` makes."""
    return FoundFile, (one.name, here(), not one._closer.delete)  # noqa: SLF001 - as 3.12 has it


def container(one: Any) -> Reduced:
    """Of a container of Docker's library."""
    return FoundContainer, (one.id, here())


def container_of_tests(one: Any) -> Reduced:
    """Of a container of testcontainers."""
    return container(one.get_wrapped_container())


def gateway_cluster(one: Any) -> Reduced:
    """Of a cluster of a Dask Gateway; a password is left out."""
    scheme = type(one.gateway.auth).__name__.removesuffix("Auth").lower()
    known = scheme if scheme in {"basic", "kerberos", "jupyterhub"} else None
    return FoundGatewayCluster, (one.name, one.gateway.address, known)


def of_aws(one: Any) -> Reduced:
    """Of what boto3 calls a resource."""
    meta, client = one.meta, one.meta.client.meta
    name = type(one).__name__.rpartition(".")[2]
    site = {"region_name": client.region_name, "endpoint_url": client.endpoint_url}
    return thing_of_aws, (
        meta.service_name,
        name,
        [getattr(one, key) for key in meta.identifiers],
        site,
    )
