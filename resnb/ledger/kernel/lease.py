"""One attempt to hold a resource: from before its set-up until after its clean-up.

A lease is closed by one caller at a time (`close` claims it), its clean-up completes once, and
an interrupt neither cuts the clean-up short nor reaches the processes that it starts: SIGINT is
blocked for the thread while the clean-up runs, and child processes inherit that. Each step is
written into the ledger before it is taken. Whatever exception comes out of a step, the lease is
cleaned up, handed over to the reaper, or still listed and ready to be closed again; while the
reaper has it, the lease follows what the reaper does.
"""

import os
import threading
import time
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

from resnb.errors import IllegalTransition, LeaseLost, TaskCancelled, described
from resnb.events import EVENTS, LeaseChanged
from resnb.ids import LeaseId
from resnb.ledger import states
from resnb.ledger.clock import now
from resnb.ledger.kernel.held_signals import interrupts_held_back, interrupts_kept_out
from resnb.ledger.kernel.managed import CallHost, ManagedResource
from resnb.ledger.kernel.process_exit import is_child
from resnb.ledger.kernel.request import Caller, LeaseRequest
from resnb.ledger.recipes.recipe import Protection, lives_in_kernel

if TYPE_CHECKING:
    from resnb.ledger.kernel.entry import LeaseEntry


class LeaseHost(CallHost, Protocol):
    """What leases, and those who care for them, need of the kernel that holds them."""

    def alive(self) -> "tuple[Lease, ...]":
        """The leases that are not closed."""

    def enter(self, lease: "Lease") -> None:
        """Know `lease` from now on, until it is closed."""

    def moved(self, lease: "Lease") -> None:
        """The state of `lease` has changed."""

    def ended_elsewhere(self, lease_id: str) -> None:
        """The reaper has closed a lease, which may be one that is over here."""


class Lease:
    """A resource that is being set up, held, or cleaned up.

    Args:
        host: the kernel that holds it.
        request: its parameters.
        lease_id: the id of a lease that is taken over; a new one by default.

    Attributes:
        id: the lease's id, with which set-up can tag the real thing.
        name: its name in lists, such as ``dask-example/client``.
        state: see `resnb.ledger.states`.
        manager: the object with setup and cleanup.
        around: the leases whose resources this one may depend on.
        thread: the thread on which set-up ran, and clean-up will; held until the lease is closed.
        users: the scopes of running flows that use it, where it is shared.
        block: the thread whose ``with`` block holds it, outside flows; None if there is none.
        retired: whether it closes when the last of them ends.
        reason: why it is in its state, where that needs saying.
        entry: its entry in the ledger, once it has one.
        limits: its time limits.
        began: when it was made, in seconds since the epoch.
        last_used: when it was last used, by `resnb.ledger.clock`.
        changed: when it entered each state that it was in, in seconds since the epoch.
        is_closed_by_reaper: whether the reaper has cleaned it up.
        is_lost: whether the reaper has taken the resource away while it was open.
        left_as: what lists call it although it is over for this kernel: *unknown* if nobody knows
            what its set-up has made, *looking* while the reaper looks for that; empty otherwise.
    """

    def __init__(self, host: LeaseHost, request: LeaseRequest, lease_id: str = "") -> None:
        self.id = LeaseId(lease_id or uuid.uuid4().hex)
        self.name = request.name
        self.manager = request.manager
        self.thread = request.thread.hold()
        self.around = request.around
        self.state = states.OPENING
        self.users: set[Any] = set()
        self.block: Any = None
        self.retired = False
        self.reason = ""
        self.entry: LeaseEntry
        self.limits = request.limits
        self.began = time.time()
        self.last_used = now()
        self.changed = {self.state: self.began}
        self.is_lost = False
        self.is_closed_by_reaper = False
        self.left_as = ""
        self._host = host
        self._call = request.call
        self._managed = ManagedResource(request.manager, self.id, host)
        self._process = os.getpid()
        self._holds_thread = True
        self._is_handed_over = False
        self._reaper_rests = threading.Event()
        self._reaper_rests.set()
        self._claim = threading.Lock()
        with suppress(AttributeError):  # a class with __slots__ cannot have the attribute
            self.manager.lease = self

    @property
    def resource(self) -> Any:
        """What set-up returned; None before that, and when it is cleaned up."""
        return self._managed.value

    @property
    def in_use(self) -> bool:
        """Whether a running flow uses it (shared leases only)."""
        return bool(self.users)

    @property
    def protection(self) -> Protection:
        """Why it cannot be cleaned up from outside the kernel, during set-up and once open."""
        return self.entry.protection

    @property
    def why_not_kept(self) -> str:
        """Why it cannot survive the kernel; empty if it can."""
        if lives_in_kernel(self.manager, self.resource):
            return "it lives inside the kernel's process"
        return self.entry.protection.once_open

    @property
    def is_with_reaper(self) -> bool:
        """Whether the reaper is cleaning it up, or about to."""
        return not self._reaper_rests.is_set()

    def wait_for_reaper(self, seconds: float) -> None:
        """Wait until the reaper's present try is over, at most `seconds`."""
        self._reaper_rests.wait(seconds)

    def look_again(self) -> None:
        """A cell has ended, which may have changed what its recipe refers to."""
        if self.state == states.OPEN and os.getpid() == self._process and self.entry.look_again():
            self.thread.submit(self._renew)

    def _renew(self) -> None:
        if self.state == states.OPEN:
            with suppress(Exception):  # the ledger's, or the user's code: the last recipe stays
                self.entry.renew(self.manager, self.resource)

    def follow_rehearsal(self) -> None:
        """The reaper has rehearsed its recipe."""
        if self.entry.follow_rehearsal():
            self.thread.submit(self._renew)
        with suppress(Exception):  # a listener's error
            EVENTS.publish(LeaseChanged(self.id, self.name, self.state))

    def wait_for_rehearsal(self, seconds: float) -> None:
        """Wait until it is known whether others can clean it up, at most `seconds`."""
        if self.state == states.OPEN:
            self.entry.wait_for_rehearsal(seconds)

    # ---- for setup

    def record(self, handle: Any) -> None:
        """Keep `handle`, by which the resource can be cleaned up if set-up does not return.

        Raises:
            LedgerError: it does not pickle, or cannot be written.
        """
        self._managed.handle = [handle]
        self.entry.record(handle)

    # ---- for the run

    def set_up(self, call: Caller | None = None) -> Any:
        """Make the resource and wait until it is ready; what is half made is cleaned up.

        Args:
            call: calls the manager's setup and ready, and may stop them.

        Raises:
            BaseException: whatever the manager's setup raised.
        """
        call = call or self._call
        try:
            with interrupts_held_back():
                self._managed.set_up(call)
            if not self._is_child():
                if self.is_lost:
                    message = f"resource {self.name!r} was given up while it was set up"
                    raise LeaseLost(f"{message}: {self.reason}")  # noqa: TRY301 - taken back below
                self._move(states.OPEN)
                self._record_open()
                self._managed.wait_until_ready(self.name, call)
        except BaseException as error:
            self._is_child(error)
            with suppress(BaseException):  # the lease keeps the reason; set-up's own error counts
                self._take_back(error)
            raise
        return self.resource

    def _take_back(self, error: BaseException) -> None:
        """Clean up after a set-up that `error` has ended."""
        if self._managed.is_made and self.is_lost and isinstance(error, LeaseLost):
            with interrupts_kept_out():  # the reaper may have looked too early
                self._managed.clean_up(self.resource, self._call)
            return
        self.close()

    def close(self, call: Caller | None = None, *, hand_over: bool = True) -> None:
        """Clean the resource up, unless that is done already; on the lease's own thread.

        What a set-up that did not return has made is found by the handle that it recorded, else
        by its tag.

        Args:
            call: calls the manager's cleanup, and may stop it.
            hand_over: whether the reaper takes over if this fails; else the caller tries again.

        Raises:
            LeaseLost: the reaper is cleaning it up.
            BaseException: what the manager's cleanup raised; the lease can be closed again.
        """
        if os.getpid() != self._process:  # a forked child must leave it alone
            return
        call = call or self._call
        claim = self._claim
        with claim:
            if self.state == states.CLOSED:
                self._host.moved(self)  # again, as the first time may have been cut short
                return
            if not self._claimed(hand_over=hand_over):
                return
            is_over = False
            try:
                with interrupts_kept_out():
                    self._managed.clean_up_all(call)
                    if not self._is_child() and claim is self._claim:
                        half_made = self._managed.is_half_made
                        is_over = not half_made  # whatever comes now, it is not cleaned up again
                        self.left_as = self.entry.mark_closed(half_made=half_made)
                        is_over = True
            except BaseException as error:
                if self._is_child(error):
                    raise
                if is_over:
                    self.entry.mark_closed()  # again, as it may have been cut short
                elif claim is self._claim:
                    half = "" if self._managed.is_made else "half made, and not cleaned up: "
                    self._fail(f"{half}{_why(error)}", hand_over=hand_over)
                raise
            finally:
                if is_over:
                    self._managed.value = None
                    self._move(states.CLOSED)

    def cut_short(self, reason: str) -> None:
        """Its thread hangs: abandon the thread, and count a clean-up in progress as failed."""
        self.thread = self.thread.replaced()
        if self.state == states.CLOSING:
            self._claim = threading.Lock()
            self._fail(reason, hand_over=True)

    def fence(self) -> None:
        """The reaper has taken over a clean-up that takes too long here: nobody waits for it."""
        self.thread = self.thread.replaced()
        self._claim = threading.Lock()
        self._reaper_rests.clear()

    def resume(self, resource: Any) -> None:
        """Go on with what an earlier kernel has set up."""
        self._managed.value = resource
        self._managed.is_made = True
        self._move(states.OPEN)

    def abandon(self, reason: str) -> None:
        """It cannot be used here: leave the clean-up to the reaper."""
        self._fail(reason, hand_over=True)

    def forget(self, reason: str) -> None:
        """There is nothing left for this kernel to do."""
        self.reason = reason
        self._managed.value = None
        self._follow_to(states.CLOSING)
        self._follow_to(states.CLOSED)

    def hand_over(self) -> None:
        """Nobody here tries again to clean it up: if that failed, the reaper takes over."""
        if self.state == states.FAILED and not self._is_handed_over:
            self._fail_over()

    def release_thread(self) -> None:
        """Let go of the thread, once: it is closed."""
        if self._holds_thread:
            self._holds_thread = False
            self.thread.close()

    def leave(self) -> bool:
        """The kernel ends: leave the resource to a later one, where its ``keep`` allows that."""
        if self.state != states.OPEN or not self.entry.leave():
            return False
        self.forget("kept for a later kernel")
        return True

    def follow(self, state: str, reason: str) -> None:
        """The reaper, which has taken the resource, has moved the lease to `state`."""
        self.is_lost = self.is_lost or self.state in (states.OPENING, states.OPEN)
        self.reason = reason
        if state == states.CLOSED:
            self.is_closed_by_reaper = True
            self.forget(reason)
        elif state == states.CLOSING:
            self._follow_to(states.CLOSING)
            self._reaper_rests.clear()
            return
        elif state == states.FAILED:
            self._follow_to(states.CLOSING)
            self._follow_to(states.FAILED)
        self._reaper_rests.set()

    def catch_up(self) -> None:
        """Follow what another process has done with it and may not have told yet."""
        found = self.entry.found() if self.state == states.OPEN else None
        is_over = found is not None and found.state in (states.CLOSING, states.CLOSED)
        if found is not None and is_over and found.claimant != found.owner:
            self.follow(found.state, found.reason)

    # ---- inside

    def _is_child(self, error: BaseException | None = None) -> bool:
        return is_child(self._process, error, ends=self.thread.is_current())

    def _follow_to(self, state: str) -> None:
        if self.state != state and states.is_legal(self.state, state):
            self._move(state)

    def _record_open(self) -> None:
        try:
            self.entry.mark_open(self.manager, self.resource)
        except LeaseLost:
            self.is_lost = True
            raise

    def _claimed(self, *, hand_over: bool) -> bool:
        """Claim the clean-up for this kernel; false if it is done already.

        Raises:
            LeaseLost: the reaper is cleaning up.
        """
        try:
            if self.entry.claim():
                self._follow_to(states.CLOSING)
                return True
        except LeaseLost:
            self.is_lost = self.is_lost or self.state == states.OPEN
            raise
        except BaseException as error:  # the claim may have been written
            self._fail(f"not cleaned up: {described(error)}", hand_over=hand_over)
            raise
        self.follow(states.CLOSED, "cleaned up by the reaper")
        return False

    def _fail(self, reason: str, *, hand_over: bool) -> None:
        self.reason = reason
        self._is_handed_over = False
        self._follow_to(states.CLOSING)
        self._move(states.FAILED)
        if hand_over:
            self._fail_over()

    def _fail_over(self) -> None:
        """Hand a failed clean-up over to the reaper."""
        takes_over = False
        self._reaper_rests.clear()
        try:
            takes_over = self.entry.mark_failed(self.reason)
            self._is_handed_over = True
        finally:
            if not takes_over:
                self._reaper_rests.set()

    def _move(self, state: str) -> None:
        if not states.is_legal(self.state, state):
            raise IllegalTransition(f"lease {self.name!r} cannot go from {self.state} to {state}")
        self.state = state
        self.changed[state] = time.time()
        self._host.moved(self)
        with suppress(Exception):  # a listener's error must not prevent the clean-up
            EVENTS.publish(LeaseChanged(self.id, self.name, state))

    def __repr__(self) -> str:
        """A stable text: neither times nor addresses."""
        return f"<Lease: {self.name} ({self.state})>"


def _why(error: BaseException) -> str:
    """Why a clean-up has failed; nothing but a time limit stops one."""
    is_over_time = isinstance(error, TaskCancelled)
    return "its code did not return within its time limit" if is_over_time else described(error)
