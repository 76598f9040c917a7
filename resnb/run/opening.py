"""Opening a lease: one that an earlier kernel has kept, or a new one, then its set-up."""

from collections.abc import Callable
from typing import Any

from resnb.errors import LedgerError
from resnb.graph.base.signals import SUCCESS
from resnb.graph.resources.scope import ScopeOptions
from resnb.ledger import states
from resnb.ledger.kernel.keeper import Keeper
from resnb.ledger.kernel.lease import Lease
from resnb.ledger.kernel.request import LeaseRequest, Limits
from resnb.run.engine.stoppable_calls import stoppably
from resnb.run.output.notices import notice


def limits_of(options: ScopeOptions) -> Limits:
    """The limits of a lease with these options."""
    return Limits(*(getattr(options, name) for name in Limits._fields))


def prepared(keeper: Keeper, request: LeaseRequest) -> tuple[Lease, str]:
    """A lease to set up, or an open one that was kept for this request.

    Returns:
        The lease, and a note for the error if its set-up fails.
    """
    first = keeper.adoptions.by_command(request) or keeper.prepare_alone(request)
    if first is not None:
        return first, ""
    note = stoppably(keeper.predecessors.wait, request)
    kept = keeper.adoptions.for_scope(request)  # its reaper may just have noticed the kernel's end
    if kept is not None:
        return kept, ""
    return keeper.prepare(request), note


def set_up(keeper: Keeper, lease: Lease, call: Callable[..., Any], note: str) -> None:
    """Set up a lease that was not adopted; `note` is added to the error of a failure."""
    if lease.state != states.OPENING:
        return
    try:
        lease.set_up(call)
    except Exception as error:
        if note:
            error.add_note(note)
        raise
    if lease.limits.keep is not None:
        try:
            keeper.keep(lease, lease.limits.keep)
        except LedgerError as error:
            notice(error)


def made(function: Callable[..., Any], *args: Any) -> Any:
    """The value of a set-up's function, or that of the SUCCESS signal that it raises."""
    try:
        return stoppably(function, *args)
    except SUCCESS as signal:
        return signal.state.result
