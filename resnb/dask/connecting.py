"""Clients for whatever a user gives: a client, a cluster, an address, or options of a new one."""

import asyncio
import logging
import warnings
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from resnb.errors import RunError
from resnb.run.scheduling.outcome import text_of

TIMEOUT = 10.0
"""How long to wait for an answer of a scheduler, in seconds."""
DASHBOARD = 8787


def connected(target: Any, what: str, **options: Any) -> tuple[Any, bool]:
    """A client for `target`, and whether it was made here.

    Args:
        target: a Dask client, a cluster, or a scheduler's address.
        what: what needs it, for messages.
        **options: of a client that is made.

    Raises:
        RunError: it is none of these, or nothing answers there.
    """
    from distributed import Client
    from distributed.deploy.cluster import Cluster

    if isinstance(target, Client):
        if target.asynchronous or target.status != "running":
            message = f"{what}: its Dask client is {target.status}; pass one that runs, not async"
            raise RunError(message)
        return target, False
    if not isinstance(target, str | Cluster):
        message = (
            f"{what}, but it got a {type(target).__name__}: it has to be a Dask client, a cluster "
            "or a scheduler's address"
        )
        raise RunError(message)
    try:
        return Client(target, **{"set_as_default": False, "timeout": TIMEOUT, **options}), True
    except Exception as error:
        message = f"{what}: no Dask scheduler answers there ({text_of(error)})"
        raise RunError(message) from error


def disconnected(client: Any) -> None:
    """Close a client that was made here.

    A client whose scheduler is gone would log that it could not find it again, though the run's
    error has already said so.
    """
    log = logging.getLogger("distributed.client")
    log.addFilter(_is_news)
    try:
        client.close()
    finally:
        log.removeFilter(_is_news)


def _is_news(record: logging.LogRecord) -> bool:
    if record.exc_info and record.exc_info[0]:
        return not issubclass(record.exc_info[0], asyncio.CancelledError)
    return not str(record.msg).startswith("Failed to reconnect")


class KernelCluster:
    """The cluster on this machine that a kernel's `DaskExecutor()` uses; a resource manager.

    Args:
        options: of `LocalCluster`, as pairs.
        adapt: of its ``adapt``; None if it keeps its size.
        client: of `Client`.
    """

    dies_with_kernel = True

    def __init__(
        self,
        options: tuple[tuple[str, Any], ...],
        adapt: Mapping[str, Any] | None = None,
        client: Mapping[str, Any] | None = None,
    ) -> None:
        self.options = dict(options)
        self.adapt = adapt
        self.client = dict(client or {})

    def make(self) -> Any:
        """The cluster."""
        from distributed import LocalCluster

        options = {
            "dashboard_address": _dashboard(),
            "silence_logs": logging.CRITICAL,  # a worker's log would appear in some cell
            **self.options,
        }
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of ports that are taken
            return LocalCluster(**options)

    def setup(self) -> Any:
        """Start it; gives a client."""
        from distributed import Client

        cluster = self.make()
        try:
            if self.adapt is not None:
                cluster.adapt(**self.adapt)
            return Client(cluster, **{"set_as_default": False, **self.client})
        except BaseException:
            cluster.close()
            raise

    def cleanup(self, client: Any) -> None:
        """End it."""
        cluster = client.cluster
        client.close()
        if cluster is not None:
            cluster.close()


class OtherCluster(KernelCluster):
    """Likewise a cluster of a class that the user has chosen; it may outlive the kernel.

    Args:
        options: those of the class, and ``cluster_class``: the class, or where to import it from.
    """

    dies_with_kernel = False

    def make(self) -> Any:
        """The cluster."""
        options = dict(self.options)
        kind = options.pop("cluster_class")
        if isinstance(kind, str):
            module, _, name = kind.rpartition(".")
            kind = getattr(import_module(module), name)
        return kind(**options)


def _dashboard() -> str:
    """The dashboard's address: its usual port if that is free, else any."""
    import socket

    with socket.socket() as trial:
        try:
            trial.bind(("127.0.0.1", DASHBOARD))
        except OSError:
            return "127.0.0.1:0"
    return f"127.0.0.1:{DASHBOARD}"


def link_of(client: Any) -> str:
    """The address of the dashboard; empty if there is none.

    Behind a proxy it is a path, by Dask's ``distributed.dashboard.link``.
    """
    if client is None or client.status != "running" or find_spec("bokeh") is None:
        return ""
    return str(client.dashboard_link or "")
