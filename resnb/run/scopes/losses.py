"""Whether a task went on with a resource that another process had cleaned up by then."""

from collections.abc import Iterable

from resnb.ledger.clock import now
from resnb.ledger.kernel.lease import Lease
from resnb.ledger.reaper.decisions import claimed_at
from resnb.run.engine.clock import Clock
from resnb.run.scheduling.outcome import has_made
from resnb.run.scheduling.state_table import Table


def loss_of(lease: Lease, rows: Iterable[int], table: Table, clock: Clock) -> str:
    """What to say of a lease that was lost before one of `rows`, which may use it, has succeeded.

    A kernel that stood still learns of the loss after its code has gone on, so what counts is when
    the ledger says that the reaper began; if it says nothing, every row may have come too late.

    Args:
        lease: the lease.
        rows: the rows of the tasks that may use it.
        table: their states and times.
        clock: the clock of these times.
    """
    if not lease.is_lost:
        return ""
    record = lease.entry.found()
    since = clock.now() - (now() - (claimed_at(record) if record is not None else 0.0))
    if not any(has_made(table.state[row]) and table.ended[row] > since for row in rows):
        return ""
    reason = lease.reason or "the reaper is cleaning it up"
    return f"resource {lease.name!r} was cleaned up before its tasks had ended: {reason}"
