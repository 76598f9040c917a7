"""Cancelling runs and closing leases, for cells and for the widget's buttons.

A cell prints the same on every run: leases close side by side, each on its own thread; if there are
several, the output of each clean-up is collected until all have ended, and is then written, that of
the last opened lease first. Ctrl-C cuts no clean-up short; it is raised when all have ended, or
their time is up.
"""

import sys
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, cast

from resnb.errors import RunError
from resnb.graph.resources.scope import ScopeOptions
from resnb.ledger import states
from resnb.ledger.kernel.keeper import KEEPER, REHEARSAL_LIMIT
from resnb.run.engine.interrupts import Interrupts
from resnb.run.engine.slots import CURRENT, Slot
from resnb.run.lifecycle import active_run
from resnb.run.memory import memory_of
from resnb.run.output.routing import HEARD_BY, routed

if TYPE_CHECKING:
    from resnb.graph.flow import Flow
    from resnb.graph.resources.scope import Scope
    from resnb.ledger.kernel.lease import Lease
    from resnb.run.output.writer import Output

LIMIT = ScopeOptions().cleanup_timeout
"""How long a cell waits for clean-ups, in seconds, where no option says otherwise."""

REAPER_LIMIT = 5.0
"""How long a cell waits for the reaper to finish what it is cleaning up, in seconds."""


@contextmanager
def interrupts_put_off() -> Iterator[None]:
    """Raise a Ctrl-C only at the end of the block.

    Raises:
        KeyboardInterrupt: there was one, and the block raised nothing else.
    """
    with Interrupts() as interrupts:
        yield
    interrupts.deliver()


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


def wait_for_reaper(leases: "Iterable[Lease]") -> None:
    """Wait for the reaper, within a limit, so that a cell shows how its clean-ups end."""
    deadline = monotonic() + REAPER_LIMIT
    for lease in leases:
        lease.wait_for_reaper(max(0.0, deadline - monotonic()))


def reasons(left: "Iterable[Lease]") -> str:
    """Why the leases that `close` returned are not closed, in one line."""
    return "; ".join(f"{lease.name}: {_reason(lease)}" for lease in left)


def _reason(lease: "Lease") -> str:
    is_still_running = lease.state == states.CLOSING and not lease.is_with_reaper
    return "its clean-up is still running" if is_still_running else lease.reason


def close(leases: "Iterable[Lease]", limit: float = LIMIT) -> "list[Lease]":
    """Close `leases`, waiting `limit` seconds; returns those that are not closed then."""
    return _not_closed(_close_in_order(list(leases), limit))


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
    return _not_closed(left)


def _not_closed(left: "list[Lease]") -> "list[Lease]":
    wait_for_reaper(left)
    return [lease for lease in left if lease.state != states.CLOSED]


def _close_in_order(chosen: "list[Lease]", limit: float) -> "list[Lease]":
    if len(chosen) <= 1:
        return KEEPER.close(chosen, limit)
    outputs = [_Collected() for _ in chosen]
    for lease, output in zip(chosen, outputs, strict=True):
        lease.thread.submit(partial(CURRENT.set, Slot(0, cast("Output", output))))
    stop = routed()
    try:
        left = KEEPER.close(chosen, limit)
    finally:
        stop()
        for output in reversed(outputs):
            output.replay()
    for lease in left:
        lease.thread.submit(partial(CURRENT.set, None))
    return left


class _Collected:
    """The output of one lease's clean-up; takes the place of a run's `Output`."""

    def __init__(self) -> None:
        self._texts: list[tuple[str, str]] = []

    def write(self, _: int, stream: str, text: str) -> None:
        self._texts.append((stream, text))

    def replay(self) -> None:
        for stream, text in self._texts:
            getattr(sys, stream).write(text)
