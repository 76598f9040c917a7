"""The parameters of a lease request: one value from whoever asks down to the ledger."""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, TypeAlias

from resnb.ids import LeaseId
from resnb.ledger.kernel.thread import LeaseThread

Caller: TypeAlias = Callable[..., Any]
"""Calls a function of the user's with some arguments, and waits for its result."""


def directly(function: Callable[..., Any], *args: Any) -> Any:
    """Call `function` as it is."""
    return function(*args)


class Limits(NamedTuple):
    """How long things may take, and how long a lease may last; in seconds.

    Attributes:
        cleanup_timeout: for one try of the clean-up.
        ttl: age limit, or None.
        idle_timeout: limit of idleness, or None.
        keep: how long the resource survives its kernel, or None.
    """

    cleanup_timeout: float = 60.0
    ttl: float | None = None
    idle_timeout: float | None = None
    keep: float | None = None


class OuterLease(Protocol):
    """A lease whose resource another lease may depend on."""

    id: LeaseId
    name: str


class LeaseRequest(NamedTuple):
    """A request for a lease: a new one, or one that an earlier kernel has kept.

    Attributes:
        name: the lease's name in lists, such as ``dask-example/client``.
        manager: the object with setup and cleanup.
        thread: runs set-up and clean-up; the lease holds it, too.
        around: the open leases whose resources it may depend on.
        call: calls a method of the manager, and waits for the result of an async one.
        limits: its time limits.
        key: how a later kernel recognises it after ``keep``; empty if it cannot.
    """

    name: str
    manager: Any
    thread: LeaseThread
    around: tuple[OuterLease, ...] = ()
    call: Caller = directly
    limits: Limits = Limits()
    key: str = ""


__all__ = ["Caller", "LeaseRequest", "Limits", "OuterLease", "directly"]
