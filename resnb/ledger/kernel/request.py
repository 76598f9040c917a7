"""What a lease is asked for with."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from resnb.ledger.kernel.entry_protocol import Limits
from resnb.ledger.kernel.thread import LeaseThread

if TYPE_CHECKING:
    from resnb.ledger.kernel.lease import Lease

Caller: TypeAlias = Callable[..., Any]
"""Calls a function of the user's with some arguments, and waits for what it gives."""


def directly(function: Callable[..., Any], *args: Any) -> Any:
    """The plain way to call."""
    return function(*args)


class Wanted(NamedTuple):
    """A lease that somebody wants: a new one, or one that an earlier kernel has kept.

    Attributes:
        name: how it is called in lists, such as ``dask-example/client``.
        manager: the object with setup and cleanup.
        thread: the thread that set-up and clean-up run on; the lease holds it, too.
        around: open leases whose resources it may depend on.
        call: calls a method of the manager, and waits for what an async one gives.
        limits: how long things may take, and the lease may last.
        key: by what a later kernel recognises it after ``keep``; empty if it does not.
    """

    name: str
    manager: Any
    thread: LeaseThread
    around: "tuple[Lease, ...]" = ()
    call: Caller = directly
    limits: Limits = Limits()
    key: str = ""


__all__ = ["Caller", "Wanted", "directly"]
