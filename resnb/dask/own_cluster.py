"""Clusters that are started here: each with its client, and the end of both."""

import logging
import warnings
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from resnb.errors import NothingMadeError, OptionError, nearest
from resnb.graph.base.options import did_you_mean, elsewhere

DASHBOARD = 8787


def class_named(path: str, owner: str) -> Any:
    """The class of an import path.

    Args:
        path: such as ``"dask.distributed.LocalCluster"``.
        owner: whose option it is, for the error.

    Raises:
        OptionError: it cannot be imported.
    """
    module, _, name = path.rpartition(".")
    try:
        found = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        message = f"{owner}{path!r} is no class that can be imported: {error}"
        raise OptionError(message) from None
    if not callable(found):
        message = f"{owner}{path!r} is no class, but a {type(found).__name__}"
        raise OptionError(message)
    return found


def refuse_unknown_options(owner: str, kind: Any, options: Mapping[str, Any]) -> None:
    """Refuse an option that a class of clusters does not take, before that fails somewhere inside.

    Args:
        owner: whose options they are, for the error.
        kind: the class, or a function that makes a cluster.
        options: what it is to be called with.

    Raises:
        NothingMadeError: it takes no option of this name.
    """
    known = _options_of(kind, options)
    if known is None:
        return
    for name in options:
        if name not in known:
            near = nearest(name, sorted(known))
            meant = [*([repr(near)] if near else []), *elsewhere(name, manager="DaskCluster")]
            hint = did_you_mean(meant)
            called = getattr(kind, "__qualname__", repr(kind))
            message = f"{owner}: {called} has no option {name!r}{hint and f'; {hint}'}"
            raise NothingMadeError(message)


def _options_of(kind: Any, options: Mapping[str, Any]) -> set[str] | None:
    """The names of the options that `kind` takes; None if nobody can tell."""
    from distributed import LocalCluster, Nanny, Worker

    known, takes_any = _parameters(kind)
    if not takes_any:
        return known
    is_local = isinstance(kind, type) and issubclass(kind, LocalCluster)
    if not is_local or options.get("worker_class"):
        return None
    for one in (
        *kind.__mro__[: kind.__mro__.index(LocalCluster) + 1],
        *Nanny.__mro__,
        *Worker.__mro__,
    ):
        if one is not object and "__init__" in vars(one):  # workers get what the cluster does not
            known |= _parameters(one.__init__)[0]
    return known


def _parameters(function: Any) -> tuple[set[str], bool]:
    """What can be passed to `function` by name, and whether that is anything."""
    import inspect

    try:
        found = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return set(), True
    named = {one.name for one in found if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)}
    return named, any(one.kind is one.VAR_KEYWORD for one in found)


def client_of(cluster: Any, **options: Any) -> Any:
    """A client of a new cluster, which is closed if there can be none."""
    from distributed import Client

    try:
        return Client(cluster, **options)
    except BaseException:
        cluster.close()
        raise


def limit_idleness(client: Any, seconds: float) -> None:
    """Have the scheduler end its cluster when it was idle for `seconds`."""

    def limit(dask_scheduler: Any) -> None:  # sent by value: resnb may not be there
        dask_scheduler.idle_timeout = seconds

    client.run_on_scheduler(limit)


def end(client: Any) -> None:
    """Close a client and its cluster."""
    cluster = client.cluster
    try:
        client.close()
    finally:
        if cluster is not None:
            cluster.close()


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
        refuse_unknown_options("DaskExecutor", LocalCluster, options)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of ports that are taken
            return LocalCluster(**options)

    def setup(self) -> Any:
        """Start it; gives a client."""
        client = client_of(self.make(), **{"set_as_default": False, **self.client})
        try:
            if self.adapt is not None:
                client.cluster.adapt(**self.adapt)
        except BaseException:
            end(client)
            raise
        return client

    def cleanup(self, client: Any) -> None:
        """End it."""
        end(client)


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
            kind = class_named(kind, "DaskExecutor: cluster_class=")
        refuse_unknown_options("DaskExecutor", kind, options)
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
