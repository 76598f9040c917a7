"""Clients for whatever a user gives: a client, a cluster or an address."""

import asyncio
import logging
from functools import cache
from importlib.util import find_spec
from typing import Any

from resnb.errors import RunError
from resnb.run.scheduling.outcome import text_of

TIMEOUT = 10.0
"""How long to wait for an answer of a scheduler, in seconds."""


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


def answers(client: Any) -> bool:
    """Whether the scheduler of `client` and all of its workers answer within `TIMEOUT` seconds.

    Workers that are being restarted have as long to come back.
    """

    async def look() -> None:
        await client.scheduler.broadcast(msg={"op": "identity"}, on_error="return")

    try:
        client.wait_for_workers(1, timeout=TIMEOUT)
        client.sync(look, callback_timeout=TIMEOUT)
    except Exception:  # noqa: BLE001 - whatever a broken cluster says
        return False
    return bool(client.status == "running")


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


def link_of(client: Any) -> str:
    """The address of the dashboard; empty if there is none.

    Behind a proxy it is a path, by Dask's ``distributed.dashboard.link``.
    """
    if client is None or client.status != "running" or not _has_bokeh():
        return ""
    return str(client.dashboard_link or "")


@cache
def _has_bokeh() -> bool:
    return find_spec("bokeh") is not None
