"""Clusters of a Dask Gateway: submitted, found by tag, and stopped by name from any process.

A gateway's address may come from a ledger's row, which anybody may have written. So credentials go
to the gateway that Dask's configuration names here, and to no other.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http import HTTPStatus
from threading import Event
from typing import Any

from resnb.errors import CleanupError, OptionError, ResnbError

TAG = "RESNB_LEASE"
"""The key of a cluster's metadata, and of its variables where the gateway has them as an option."""
SCHEMES = (None, "basic", "kerberos", "jupyterhub")
STOPPING = 30.0
"""How long a cluster that was told to stop may take, in seconds."""
_NOT_GONE = ["pending", "running", "stopping"]
"""In which states a cluster still has processes; unasked, a gateway lists no stopping ones."""
_CONNECTION = ("address", "proxy_address", "public_address", "auth")


def is_gateway(cluster: str) -> bool:
    """Whether the import path of a cluster's class is that of a gateway."""
    return cluster.startswith("dask_gateway.")


def connection_of(options: Mapping[str, Any]) -> dict[str, Any]:
    """Those of a cluster's options that say where its gateway is."""
    return {name: options[name] for name in _CONNECTION if options.get(name) is not None}


def check(connection: Mapping[str, Any]) -> None:
    """Refuse what a later process could not stop a cluster with.

    Raises:
        OptionError: its credentials are not JSON, or would go to a gateway that is not configured.
    """
    auth = connection.get("auth")
    if auth not in SCHEMES:
        message = f"DaskCluster(auth={auth!r}): write one of {SCHEMES[1:]}, or configure another"
        raise OptionError(message)
    if not _is_safe(connection):
        message = (
            f"DaskCluster(auth={auth!r}): credentials go only to the gateway that Dask's "
            "configuration names: set gateway.address there (DASK_GATEWAY__ADDRESS)"
        )
        raise OptionError(message)


def _is_safe(connection: Mapping[str, Any]) -> bool:
    """Whether no credentials would be sent to an address that is not configured here."""
    return _is_configured(connection) or connection.get("auth") == "basic"


def _is_configured(connection: Mapping[str, Any]) -> bool:
    import dask

    known = dask.config.get("gateway.address", None)
    given = {"address", "proxy_address", "public_address"} & connection.keys()
    return not given or (given == {"address"} and connection["address"] == known)


@contextmanager
def gateway(connection: Mapping[str, Any]) -> Iterator[Any]:
    """A client of the gateway, for a block.

    Raises:
        ResnbError: dask-gateway is not installed.
        CleanupError: it would be sent credentials that are not meant for it.
    """
    try:
        import dask_gateway
    except ImportError:
        message = "DaskCluster needs dask-gateway for this: pip install 'resnb[gateway]'"
        raise ResnbError(message) from None
    if not _is_safe(connection) or connection.get("auth") not in SCHEMES:
        message = (
            f"the gateway {connection.get('address')} is not the one that Dask's configuration "
            "names here (gateway.address), so it is sent no credentials"
        )
        raise CleanupError(message)
    options = dict(connection)
    if not _is_configured(connection):
        options["auth"] = dask_gateway.BasicAuth()  # without the password of the configuration
    found = dask_gateway.Gateway(**options)
    try:
        yield found
    finally:
        found.close()
        vars(found).pop("_loop_runner", None)  # its finalizer would close it again, and complain


def submit(connection: Mapping[str, Any], options: Mapping[str, Any], lease: str) -> str:
    """Ask for a cluster, tagged as far as the gateway allows; gives its name at once."""
    own = {name: value for name, value in options.items() if name not in _CONNECTION}
    with gateway(connection) as client:
        if "environment" in client.cluster_options():
            own["environment"] = {**(own.get("environment") or {}), TAG: lease}
        return str(client.submit(**own))


def connect(connection: Mapping[str, Any], name: str) -> Any:
    """The cluster of that name, once it runs; closing it here does not stop it."""
    import dask_gateway

    with gateway(connection) as client:
        auth = client.auth
    given = {**connection, "auth": auth}
    return dask_gateway.GatewayCluster.from_name(name, **given)


def tagged(connection: Mapping[str, Any], lease: str) -> str:
    """The name of the cluster that has the lease's id as a tag; empty if there is none."""
    with gateway(connection) as client:
        for report in client.list_clusters():
            variables = dict(report.options or {}).get("environment") or {}
            if variables.get(TAG) == lease:
                return str(report.name)
        for report in client.list_clusters(status="running"):
            if _metadata(client, report.name) == lease:
                return str(report.name)
    return ""


def stop(connection: Mapping[str, Any], name: str, lease: str) -> None:
    """Stop a cluster, and wait until it has stopped.

    Raises:
        CleanupError: it has another lease's tag, or does not stop.
    """
    never, deadline = Event(), time.monotonic() + STOPPING
    with gateway(connection) as client:
        found = {one.name: one for one in client.list_clusters(status=_NOT_GONE)}.get(name)
        if found is None:
            _see_that_it_is_gone(client, name)
            return
        tag = dict(found.options or {}).get("environment", {}).get(TAG)
        tag = tag or (_metadata(client, name) if found.status.name == "RUNNING" else None)
        if tag not in (None, lease):
            message = f"cluster {name} of the gateway is not of this lease, and is left alone"
            raise CleanupError(message)
        client.stop_cluster(name)
        while any(one.name == name for one in client.list_clusters(status=_NOT_GONE)):
            if time.monotonic() > deadline:
                message = f"cluster {name} of the gateway has not stopped within {STOPPING:g} s"
                raise CleanupError(message)
            never.wait(0.1)


def _see_that_it_is_gone(client: Any, name: str) -> None:
    """See that a cluster that is not listed has gone: those of other users are not listed, too.

    Raises:
        CleanupError: it is another user's.
    """
    try:
        client.stop_cluster(name)  # of one that has gone this is no error
    except Exception as error:
        if getattr(error, "status", None) != HTTPStatus.FORBIDDEN:
            raise
        message = f"cluster {name} of the gateway is not that of the user who asks from here"
        raise CleanupError(message) from None


def _metadata(client: Any, name: str) -> str | None:
    """The lease's id that a running cluster's scheduler has; None if it has none, or is gone."""
    with suppress(Exception), client.connect(name) as cluster, cluster.get_client(False) as known:  # noqa: FBT003
        return str(known.get_metadata([TAG], None) or "") or None
    return None
