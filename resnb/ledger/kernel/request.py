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
    """How long things may take, and how long a lease may last; in seconds."""

    cleanup_timeout: float = 60.0  # for one try of the clean-up
    ttl: float | None = None  # age limit
    idle_timeout: float | None = None  # limit of idleness
    keep: float | None = None  # how long the resource survives its kernel


class OuterLease(Protocol):
    """A lease whose resource another lease may depend on."""

    id: LeaseId
    name: str


class LeaseRequest(NamedTuple):
    """A request for a lease: a new one, or one that an earlier kernel has kept."""

    name: str  # the lease's name in lists, such as "dask-example/client"
    manager: Any  # the object with setup and cleanup
    thread: LeaseThread  # runs set-up and clean-up; the lease holds it, too
    around: tuple[OuterLease, ...] = ()  # the open leases whose resources it may depend on
    call: Caller = directly  # calls a method of the manager, and waits for an async one
    limits: Limits = Limits()
    find_for: float | None = None  # how long to look for what is half made; None for the default
    key: str = ""  # how a later kernel recognises it after `keep`; empty if it cannot
