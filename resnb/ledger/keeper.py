"""The keeper: every lease that is alive in this kernel, and how they all end together.

Leases end from the inside out: one that may depend on another is closed before it; the others
side by side, each on its own thread. `close_all` has a budget and gives back what is left; a
clean-up that hangs or fails holds up only what depends on it.
"""

import itertools
import os
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any

from resnb.ledger import ends, states
from resnb.ledger.lease import Caller, Lease, directly
from resnb.ledger.shared import Shared
from resnb.ledger.thread import LeaseThread

KERNEL_END_BUDGET = 2.0
"""Seconds that Jupyter grants an orderly end."""


class Keeper:
    """Knows the leases of one kernel.

    Attributes:
        interrupts: counts Ctrl-C, so that a clean-up that failed meanwhile is done again.
        before_closing: called before `close_all` closes anything (a run stops its tasks).
    """

    def __init__(self) -> None:
        self.interrupts = 0
        self.before_closing: list[Callable[[], object]] = []
        self._leases: dict[str, Lease] = {}
        self._shared: list[Shared] = []
        self._lock = threading.Lock()
        self._never = threading.Event()
        self._deadline: float | None = None

    # ---- time, in one place

    def now(self) -> float:
        """Seconds of a clock that only goes forward."""
        return time.monotonic()

    def pause(self, seconds: float) -> None:
        """Let `seconds` pass."""
        self._never.wait(seconds)

    # ---- leases

    def watch_ends(self) -> None:
        """See to it that this process closes its leases when it ends; best on the main thread."""
        ends.watch(self)

    def prepare(
        self,
        name: str,
        manager: Any,
        thread: LeaseThread,
        around: Iterable[Lease] = (),
        call: Caller = directly,
    ) -> Lease:
        """A new lease in state *opening*, known to the keeper before set-up is called.

        Args:
            name: how it is called in lists.
            manager: the object with setup and cleanup.
            thread: the thread that set-up and clean-up run on; the lease holds it, too.
            around: open leases whose resources it may depend on.
            call: calls a method of the manager, and waits for what an async one gives.
        """
        self.watch_ends()
        name = self._unused(name)
        lease = Lease(self, name, manager, thread=thread, around=tuple(around), call=call)
        with self._lock:
            self._leases[lease.id] = lease
        return lease

    def _unused(self, name: str) -> str:
        """`name`, with a number behind it if a lease that is alive has it already."""
        taken = {lease.name for lease in self.alive()}
        numbered = (f"{name}-{number}" for number in itertools.count(2))
        return name if name not in taken else next(one for one in numbered if one not in taken)

    def moved(self, lease: Lease) -> None:
        """Called by a lease when its state has changed."""
        if lease.state == states.CLOSED:
            with self._lock:
                self._leases.pop(lease.id, None)
                self._shared = [one for one in self._shared if one.lease is not lease]
            lease.thread.close()

    def alive(self) -> tuple[Lease, ...]:
        """The leases that are not closed, in the order in which they were prepared."""
        with self._lock:
            return tuple(self._leases.values())

    def forget(self) -> None:
        """This is a forked child: nothing that its parent holds is its own."""
        ends.forked()
        self.before_closing = []
        self._leases = {}
        self._shared = []
        self._lock = threading.Lock()
        self._never = threading.Event()
        self._deadline = None

    # ---- what several scopes share

    def shared(self, recipe: Any, arguments: tuple[Any, ...]) -> Shared:
        """The entry for a kernel-wide resource: the same for the same recipe and arguments."""
        with self._lock:
            for one in self._shared:
                if one.recipe is recipe and _equal(one.arguments, arguments):
                    return one
            entry = Shared(recipe, arguments)
            self._shared.append(entry)
            return entry

    def share(self, entry: Shared) -> None:
        """Let later uses find `entry` (again), unless its recipe was replaced meanwhile."""
        with self._lock:
            if entry not in self._shared and not entry.retired:
                self._shared.append(entry)

    def unshare(self, entry: Shared) -> None:
        """Let later uses make a resource of their own."""
        with self._lock:
            if entry in self._shared:
                self._shared.remove(entry)

    def retire(self, recipe: Any) -> list[Lease]:
        """A shared recipe was replaced: close what it opened, now or when its last user ends.

        Returns:
            The leases that should be closed by now and are not.
        """
        with self._lock:
            retired = [one for one in self._shared if one.recipe is recipe]
            self._shared = [one for one in self._shared if one.recipe is not recipe]
        unused = [lease for one in retired if (lease := one.retire()) is not None]
        return self.close(unused)

    # ---- ending

    def close(self, leases: Iterable[Lease], budget: float | None = None) -> list[Lease]:
        """Close `leases`, each on its own thread, inner ones first.

        Args:
            leases: what to close.
            budget: seconds until we go on without those that are not closed; None for no limit.

        Returns:
            The leases that are not closed.
        """
        pending = {lease.id: lease for lease in leases}
        deadline = None if budget is None else self.now() + budget
        over: SimpleQueue[Lease] = SimpleQueue()
        running: dict[str, Lease] = {}
        failed: list[Lease] = []
        while pending or running:
            held = {
                outer.id for one in (*pending.values(), *running.values()) for outer in one.around
            }
            for lease in [one for one in pending.values() if one.id not in held]:
                del pending[lease.id]
                running[lease.id] = lease
                _close_on_its_thread(lease, over.put)
            try:
                done = over.get(
                    timeout=None if deadline is None else max(0.0, deadline - self.now())
                )
            except Empty:
                break
            del running[done.id]
            if done.state != states.CLOSED:
                failed.append(done)
        return [*failed, *running.values(), *pending.values()]

    def close_all(self, budget: float = KERNEL_END_BUDGET, *, last: bool = False) -> list[Lease]:
        """The kernel ends: close everything within `budget` seconds; gives what is left.

        Args:
            budget: seconds until we go on without those that are not closed.
            last: whether the process ends for good. One end runs several hooks (the request, the
                interpreter's two kinds), which share one budget.
        """
        now = self.now()
        if self._deadline is not None:
            budget = min(budget, max(0.0, self._deadline - now))
        elif last:
            self._deadline = now + budget
        for prepare in tuple(self.before_closing):
            with suppress(Exception):  # what is open has to be closed all the same
                prepare()
        return self.close(self.alive(), budget)


def _close_on_its_thread(lease: Lease, report: Callable[[Lease], object]) -> None:
    def job() -> None:
        with suppress(BaseException):  # the lease keeps the reason, and stays listed
            lease.close()
        report(lease)

    if lease.thread.is_current():
        job()
    else:
        lease.thread.submit(job)


def _equal(one: Any, other: Any) -> bool:
    try:
        return bool(one == other)
    except Exception:  # noqa: BLE001 - values of the user's, such as arrays
        return one is other


KEEPER = Keeper()
"""This kernel's keeper."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=ends.before_fork, after_in_parent=ends.after_fork, after_in_child=KEEPER.forget
    )

__all__ = ["KEEPER", "KERNEL_END_BUDGET", "Keeper"]
