"""Closing leases from a cell or a script, and reporting those that are left.

Leases close side by side, each on its own thread. A cell prints the same on every run: the outputs
of several clean-ups are written after all have ended, that of the latest lease first. Ctrl-C cuts
no clean-up short; it is raised when all have ended, or their time is up.
"""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from time import monotonic

from resnb.graph.resources.scope import ScopeOptions
from resnb.ledger import states
from resnb.ledger.kernel.keeper import KEEPER
from resnb.ledger.kernel.lease import Lease
from resnb.run.engine.interrupts import Interrupts
from resnb.run.engine.slots import CURRENT, Slot
from resnb.run.output.routing import routed

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


def wait_for_reaper(leases: Iterable[Lease]) -> None:
    """Wait for the reaper, within a limit, so that a cell shows how its clean-ups end."""
    deadline = monotonic() + REAPER_LIMIT
    for lease in leases:
        lease.wait_for_reaper(max(0.0, deadline - monotonic()))


def reasons(left: Iterable[Lease]) -> str:
    """Why the leases that `close` returned are not closed, in one line."""
    return "; ".join(f"{lease.name}: {_reason(lease)}" for lease in left)


def _reason(lease: Lease) -> str:
    is_still_running = lease.state == states.CLOSING and not lease.is_with_reaper
    return "its clean-up is still running" if is_still_running else lease.reason


def close(leases: Iterable[Lease], limit: float = LIMIT) -> list[Lease]:
    """Close `leases`, waiting `limit` seconds; returns those that are not closed then."""
    return not_closed(_close_in_order(list(leases), limit))


def not_closed(left: list[Lease]) -> list[Lease]:
    """Those of `left` that are not closed, once the reaper has finished what it is cleaning up."""
    wait_for_reaper(left)
    return [lease for lease in left if lease.state != states.CLOSED]


def _close_in_order(chosen: list[Lease], limit: float) -> list[Lease]:
    if len(chosen) <= 1:
        return KEEPER.close(chosen, limit)
    outputs = [_Collected() for _ in chosen]
    for lease, output in zip(chosen, outputs, strict=True):
        lease.thread.submit(partial(CURRENT.set, Slot(0, output)))
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
