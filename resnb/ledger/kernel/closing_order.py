"""Closing several leases: from the inside out, otherwise side by side, each on its own thread.

The caller only waits. Whatever exception comes out of its wait (Ctrl-C, the handler of another
signal, a test's time limit), the leases go on closing, in order, on a thread of their own.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from queue import Empty, SimpleQueue

from resnb.ledger import states
from resnb.ledger.kernel.lease import Lease
from resnb.ledger.kernel.thread import LeaseThread

LOOK = 0.2
"""How often a waiting caller becomes interruptible by what does not end its wait, in seconds:
an exception that another thread injects, or a signal that comes just before it."""


def close_in_order(
    leases: Iterable[Lease], budget: float | None, now: Callable[[], float]
) -> list[Lease]:
    """Close `leases` within `budget` seconds, inner ones first; gives those that are not closed.

    One that fails or hangs delays only its outer ones. See `Keeper.close`.
    """
    chosen = tuple(leases)
    if not chosen:
        return []
    if any(lease.thread.is_current() for lease in chosen):
        return _close_in_order(chosen, budget, now)
    left: SimpleQueue[list[Lease]] = SimpleQueue()
    thread = LeaseThread()

    def job() -> None:
        found = list(chosen)
        try:
            found = _close_in_order(chosen, budget, now)
        finally:  # such as without memory; who waits must not do so for ever
            left.put([one for one in found if one.state != states.CLOSED])

    try:
        thread.submit(job)
    finally:
        thread.close()
    while True:
        with suppress(Empty):
            return left.get(timeout=LOOK)


def _close_in_order(
    leases: Iterable[Lease], budget: float | None, now: Callable[[], float]
) -> list[Lease]:
    pending = {lease.id: lease for lease in leases}
    deadline = None if budget is None else now() + budget
    over: SimpleQueue[Lease] = SimpleQueue()
    running: dict[str, Lease] = {}
    failed: list[Lease] = []
    while pending or running:
        held = {outer.id for one in (*pending.values(), *running.values()) for outer in one.around}
        for lease in [one for one in pending.values() if one.id not in held]:
            running[lease.id] = pending.pop(lease.id)
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
    """Close `lease`, and call `report` when that is over, however it ended."""

    def job() -> None:
        with suppress(BaseException):  # the lease keeps the reason, and stays listed
            lease.close()
        report(lease)

    if lease.thread.is_current():
        job()
    else:
        lease.thread.submit(job)
