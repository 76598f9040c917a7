"""Cancelling runs and closing what flows have open, for cells and for the widget's buttons."""

from functools import partial
from time import monotonic
from typing import TYPE_CHECKING

from resnb.errors import RunError
from resnb.ledger import states
from resnb.ledger.kernel.keeper import KEEPER, REHEARSAL_LIMIT
from resnb.run.active import active_run
from resnb.run.closing import LIMIT, close, not_closed
from resnb.run.memory import memory_of
from resnb.run.output.routing import HEARD_BY, routed

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from resnb.graph.flow import Flow
    from resnb.graph.resources.scope import Scope
    from resnb.ledger.kernel.lease import Lease


def is_running(flow: "Flow") -> bool:
    """Whether a run of `flow` is on, so that its scopes are in use."""
    run = active_run()
    return run is not None and run.flow is flow


def cancel(flow: "Flow") -> None:
    """Cancel the run of `flow`; returns at once.

    Raises:
        RunError: the flow is not running.
    """
    run = active_run()
    if run is None or run.flow is not flow:
        raise RunError(f"flow {flow.name!r} is not running")
    run.cancel()


def wait_for_rehearsals(leases: "Iterable[Lease]") -> None:
    """Wait for the marks of open leases, so that what is printed is the same each time."""
    deadline = monotonic() + REHEARSAL_LIMIT
    for lease in leases:
        lease.wait_for_rehearsal(max(0.0, deadline - monotonic()))


def close_scopes(
    flow: "Flow", scopes: "Collection[Scope] | None" = None
) -> "tuple[list[Lease], list[Lease]]":
    """Close the leases that `flow` has open, or those of `scopes` only, and forget them.

    Returns:
        The leases, and those of them that are not closed.
    """
    opened = memory_of(flow).open_leases
    chosen = [use for use in opened if scopes is None or use.scope in scopes]
    limit = max((use.scope.options.cleanup_timeout for use in chosen), default=LIMIT)
    leases = [opened[use] for use in chosen if opened[use].state != states.CLOSED]
    left = close(leases, limit)
    memory_of(flow).let_go(chosen)
    return leases, left


def close_unheard(
    leases: "Iterable[Lease]", listener: "Callable[[Lease, str], object]", limit: float = LIMIT
) -> "list[Lease]":
    """Close `leases` for a button, whose output belongs to no cell.

    Args:
        leases: the leases.
        listener: gets the output of each lease's clean-up.
        limit: seconds to wait.

    Returns:
        The leases that are not closed.
    """
    chosen = list(leases)
    ends = []
    for lease in chosen:
        lease.thread.submit(partial(HEARD_BY.set, partial(listener, lease)))
        ends.append((lease.thread, routed()))
    try:
        left = KEEPER.close(chosen, limit)
    finally:
        for thread, stop in ends:  # behind the clean-up, however long that takes
            thread.submit(partial(HEARD_BY.set, None))
            thread.submit(stop)
    return not_closed(left)
