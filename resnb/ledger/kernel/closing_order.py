"""Closing several leases: from the inside out, otherwise side by side, each on its own thread."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from queue import Empty, SimpleQueue

from resnb.ledger import states
from resnb.ledger.kernel.lease import Lease


def close_in_order(
    leases: Iterable[Lease], budget: float | None, now: Callable[[], float]
) -> list[Lease]:
    """Close `leases`, inner ones first; one that fails or hangs holds up only what it is in.

    Args:
        leases: what to close.
        budget: seconds until we go on without those that are not closed; None for no limit.
        now: the time in seconds.

    Returns:
        The leases that are not closed.
    """
    pending = {lease.id: lease for lease in leases}
    deadline = None if budget is None else now() + budget
    over: SimpleQueue[Lease] = SimpleQueue()
    running: dict[str, Lease] = {}
    failed: list[Lease] = []
    while pending or running:
        held = {outer.id for one in (*pending.values(), *running.values()) for outer in one.around}
        for lease in [one for one in pending.values() if one.id not in held]:
            del pending[lease.id]
            running[lease.id] = lease
            close_on_its_thread(lease, over.put)
        try:
            done = over.get(timeout=None if deadline is None else max(0.0, deadline - now()))
        except Empty:
            break
        del running[done.id]
        if done.state != states.CLOSED:
            failed.append(done)
    return [*failed, *running.values(), *pending.values()]


def close_on_its_thread(lease: Lease, report: Callable[[Lease], object]) -> None:
    """Close `lease`, and tell `report` when that is over, however it ended."""

    def job() -> None:
        with suppress(BaseException):  # the lease keeps the reason, and stays listed
            lease.close()
        report(lease)

    if lease.thread.is_current():
        job()
    else:
        lease.thread.submit(job)


__all__ = ["close_in_order", "close_on_its_thread"]
