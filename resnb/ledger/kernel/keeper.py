"""The keeper: every lease that is alive in this kernel, and how they all end together.

Leases end from the inside out: one that may depend on another is closed before it; the others
side by side, each on its own thread. `close_all` has a budget and gives back what is left; a
clean-up that hangs or fails delays only what it depends on.
"""

import os
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeAlias

from resnb.errors import LedgerError
from resnb.events import EVENTS, LeaseChanged
from resnb.ledger import states
from resnb.ledger.kernel import process_exit
from resnb.ledger.kernel.adoption import Adoptions
from resnb.ledger.kernel.closing_order import close_in_order
from resnb.ledger.kernel.kernel_wide import SharedResource
from resnb.ledger.kernel.lease import Lease
from resnb.ledger.kernel.patched import refuse_greenlets
from resnb.ledger.kernel.predecessors import Predecessors
from resnb.ledger.kernel.reaper_messages import Activity, LeaseUser, MessageHandler
from resnb.ledger.kernel.request import LeaseRequest

if TYPE_CHECKING:
    from resnb.ledger.kernel.book import LeaseBook
    from resnb.ledger.kernel.reaper_client import ReaperMessage

MakeBook: TypeAlias = "Callable[[Callable[[ReaperMessage], object]], LeaseBook]"

KERNEL_END_BUDGET = 2.0
"""Seconds that Jupyter grants an orderly end."""
REHEARSAL_LIMIT = 5.0
"""How long to wait for the rehearsal of a recipe where its result decides, in seconds."""


class Keeper:
    """Knows the leases of one kernel.

    Args:
        make_book: makes the kernel's book when the first lease is prepared, given the function
            that receives the reaper's messages.

    Attributes:
        make_book: see `Args`.
        interrupts: counts Ctrl-C, so that a clean-up that failed meanwhile is done again.
        before_closing: called before `close_all` closes anything (a run stops its tasks).
        users: who uses leases (a run), and gives up one that has to be closed.
        activity: the kernel's activity, which counts as use of every lease.
        adoptions: takes over what earlier kernels have kept.
        predecessors: what new leases may have to wait for.
        on_message: acts on the reaper's messages.
    """

    def __init__(self, make_book: "MakeBook") -> None:
        self.make_book = make_book
        self.interrupts = 0
        self._reset()

    def _reset(self) -> None:
        self.before_closing: list[Callable[[], object]] = []
        self.users: list[LeaseUser] = []
        self.activity = Activity()
        self.adoptions = Adoptions(self, lambda: self.book)
        self.predecessors = Predecessors(self, lambda: self.book)
        self.on_message = MessageHandler(self, lambda: self.book, self.users, self.activity)
        self._book: LeaseBook | None = None
        self._book_lock = threading.Lock()
        self._leases: dict[str, Lease] = {}
        self._shared: list[SharedResource] = []
        self._left_over: list[Lease] = []
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
        """Make sure that all leases close when this process ends; best on the main thread.

        Raises:
            LedgerError: nothing can make sure of that here.
        """
        refuse_greenlets()
        process_exit.watch(self.close_all)

    def take_signals(self) -> None:
        """On the main thread: watch for signals if another thread has opened something."""
        process_exit.take_signals()

    def await_signal(self) -> None:
        """Wait for the signal that is ending this process, if one is: the caller's lines end here.

        Returns at once on other threads, which end with the process.
        """
        process_exit.await_signal()

    def prepare(self, request: LeaseRequest) -> Lease:
        """A new lease in state *opening*, known to keeper and ledger before set-up is called.

        It gets a number behind its name if another one that is alive has that already.

        Raises:
            LedgerError: the ledger cannot be written, or the recipe is too large; nothing may be
                created.
        """
        lease = self._prepared(request, alone=False)
        assert lease is not None
        return lease

    def prepare_alone(self, request: LeaseRequest) -> Lease | None:
        """The same, but None if another process holds a lease of the same scope and arguments.

        Mostly nobody does: so the ledger is asked by the step that writes the intent.
        """
        return self._prepared(request, alone=True)

    def _prepared(self, request: LeaseRequest, *, alone: bool) -> Lease | None:
        self.watch_ends()
        request = request._replace(name=self._unused(request.name))
        lease, entry = Lease(self, request), None
        try:
            entry = self.book.begin(lease.id, request, alone=alone)
            if entry is None:
                lease.release_thread()
                return None
            lease.entry = entry
            self.enter(lease)
            if self.book.reaper.is_lost:  # it ended while nothing was open
                self.book.reaper.ensure()
        except BaseException:
            if entry is not None:
                entry.discard()
            lease.forget("nothing was created")
            raise
        return lease

    def enter(self, lease: Lease) -> None:
        """Know `lease` from now on, until it is closed."""
        self.watch_ends()
        with self._lock:
            self._leases[lease.id] = lease

    def adopt(self, name: str) -> Lease:
        """Take over the lease called `name` of a kernel that has ended; for the next such scope.

        Raises:
            LedgerError: there is none, or it cannot be adopted here.
        """
        return self.adoptions.by_name(name)

    def keep(self, lease: Lease, seconds: float | None) -> None:
        """Let the resource survive this kernel for `seconds`, and those that it may depend on.

        Args:
            lease: the lease.
            seconds: for how long; None to clean it up with the kernel again.

        Raises:
            LedgerError: it cannot be written, or nobody could find one of them afterwards.
        """
        outer = [one for one in self.alive() if one in lease.around] if seconds else []
        for one in (lease, *outer):
            one.wait_for_rehearsal(REHEARSAL_LIMIT)
            if why := one.why_not_kept:
                inside = "" if one is lease else f"it may depend on {one.name!r}: "
                raise LedgerError(f"resource {lease.name!r} cannot be kept: {inside}{why}")
        for one in (*outer, lease):
            if one is lease or (one.limits.keep or 0.0) < (seconds or 0.0):
                one.entry.set_keep(seconds)
                one.limits = one.limits._replace(keep=seconds)

    @property
    def book(self) -> "LeaseBook":
        """This kernel's book, made when it is first needed.

        Raises:
            LedgerError: the ledger's folder cannot be made, or is not private.
        """
        with self._book_lock:
            if self._book is None:
                self._book = self.make_book(self.on_message)
            return self._book

    def _unused(self, name: str) -> str:
        """`name`, with a number behind it if a lease that is alive has it already."""
        taken = {lease.name for lease in self.alive()}
        found, number = name, 1
        while found in taken:
            number += 1
            found = f"{name}-{number}"
        return found

    def moved(self, lease: Lease) -> None:
        """The state of `lease` has changed."""
        if lease.state == states.CLOSED:
            with self._lock:
                self._leases.pop(lease.id, None)
                self._shared = [one for one in self._shared if one.lease is not lease]
                if lease.left_as and lease not in self._left_over:
                    self._left_over.append(lease)
            lease.release_thread()

    def ended_elsewhere(self, lease_id: str) -> None:
        """The reaper has closed a lease, which may be one that is over here."""
        with self._lock:
            ended = [one for one in self._left_over if one.id == lease_id]
            self._left_over = [one for one in self._left_over if one not in ended]
        for one in ended:
            one.left_as = ""
            with suppress(Exception):  # a listener's error
                EVENTS.publish(LeaseChanged(one.id, one.name, one.state))

    def alive(self) -> tuple[Lease, ...]:
        """The leases that are not closed, in the order in which they were prepared."""
        with self._lock:
            return tuple(self._leases.values())

    def cell_ended(self) -> None:
        """A cell has ended: write recipes again whose names it has bound to something else."""
        for lease in self.alive():
            lease.look_again()

    def left_over(self) -> list[Lease]:
        """Those whose set-up failed, until nothing can be left of it; see `Lease.left_as`."""
        with self._lock:
            known = self._left_over.copy()
        return [lease for lease in known if lease.left_as and lease.entry.is_listed()]

    def forget(self) -> None:
        """This is a forked child: nothing that its parent holds is its own."""
        process_exit.forked()
        if self._book is not None:
            self._book.forget()
        self._reset()

    # ---- what several scopes share

    def shared(self, recipe: Any, arguments: tuple[Any, ...]) -> SharedResource:
        """The entry for a kernel-wide resource: the same for the same recipe and arguments."""
        with self._lock:
            for one in self._shared:
                if one.recipe is recipe and _equal(one.arguments, arguments):
                    return one
            entry = SharedResource(recipe, arguments)
            self._shared.append(entry)
            return entry

    def share(self, entry: SharedResource) -> None:
        """Let later uses find `entry` (again), unless its recipe was replaced meanwhile."""
        with self._lock:
            if entry not in self._shared and not entry.retired:
                self._shared.append(entry)

    def unshare(self, entry: SharedResource) -> None:
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

        If an exception ends the wait, they go on closing.

        Args:
            leases: what to close.
            budget: seconds after which those that are not closed are left; None for no limit.

        Returns:
            The leases that are not closed.
        """
        return close_in_order(leases, budget, self.now)

    def close_all(
        self,
        budget: float = KERNEL_END_BUDGET,
        *,
        last: bool = False,
        threads_go_on: bool = False,
    ) -> list[Lease]:
        """The kernel ends: close everything within `budget` seconds; gives what is left.

        Args:
            budget: seconds after which those that are not closed are left.
            last: whether the process ends for good. One end runs several hooks (the request, the
                interpreter's two kinds), which share one budget.
            threads_go_on: whether the process first waits for its threads: what a block in one of
                them holds is left to that block.

        Raises:
            BaseException: an interrupt of one of the steps; the others were done.
        """
        now = self.now()
        if self._deadline is not None:
            budget = min(budget, max(0.0, self._deadline - now))
        elif last:
            self._deadline = now + budget
        # what is kept is left first, or a run that is stopped would clean it up
        steps = [*([self._leave] if last else []), *self.before_closing]
        interrupts: list[BaseException] = []
        for step in steps:
            try:
                step()
            except Exception:  # noqa: BLE001, S112 - what is open still has to be closed
                continue
            except BaseException as error:  # noqa: BLE001 - raised below
                interrupts.append(error)
        going_on = [one for one in self.alive() if threads_go_on and _is_in_other_thread(one)]
        spared = {outer for one in going_on for outer in (one, *one.around)}
        left = self.close([one for one in self.alive() if one not in spared], budget)
        if self._book is not None:
            with suppress(
                LedgerError
            ):  # it still cannot be written: the next owner cleans up again
                self._book.ends.write()
        if interrupts:
            raise interrupts[0]
        return left

    def _leave(self) -> None:
        """Leave what survives the kernel: with it, all that it may depend on."""
        left: set[Lease] = set()
        for lease in self.alive():
            with suppress(LedgerError):  # then it is cleaned up
                if left.issuperset(lease.around) and lease.leave():
                    left.add(lease)


def _is_in_other_thread(lease: Lease) -> bool:
    """Whether a block holds it in a thread that the interpreter waits for at its end."""
    thread = lease.block
    if thread is None or thread is threading.main_thread():
        return False
    return bool(thread.is_alive() and not thread.daemon)


def _equal(one: Any, other: Any) -> bool:
    try:
        return bool(one == other)
    except Exception:  # noqa: BLE001 - the user's values, such as arrays
        return one is other


def users_ledger(on_message: "Callable[[ReaperMessage], object]") -> "LeaseBook":
    """The book of this kernel in the user's ledger."""
    from resnb.ledger.kernel.book import LeaseBook

    return LeaseBook(on_message)


KEEPER = Keeper(users_ledger)
"""This kernel's keeper."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=process_exit.before_fork,
        after_in_parent=process_exit.after_fork,
        after_in_child=KEEPER.forget,
    )
