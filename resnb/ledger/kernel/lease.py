"""One attempt to hold a resource: from before its set-up until after its clean-up.

A lease is closed by one caller at a time (`close` claims it), its clean-up completes once, and
an interrupt neither cuts the clean-up short nor reaches the processes that it starts: SIGINT is
blocked for the thread while the clean-up runs, and child processes inherit that. Each step is
written into the ledger before it is taken. What this kernel cannot clean up the reaper takes
over; then the lease follows what the reaper does.
"""

import os
import signal
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from resnb.errors import CleanupError, IllegalTransition, LeaseLost, ResnbError
from resnb.events import EVENTS, LeaseChanged
from resnb.ids import LeaseId
from resnb.ledger import states
from resnb.ledger.kernel.entry_protocol import LeaseEntry, NoEntry
from resnb.ledger.kernel.request import Caller, Wanted
from resnb.ledger.recipes.recipe import Protection

if TYPE_CHECKING:
    from resnb.ledger.kernel.keeper import Keeper

READY_TIMEOUT = 60.0
"""How long a resource may take to become ready after its set-up returned, in seconds."""


class Lease:
    """A resource that is being set up, held, or cleaned up.

    Args:
        keeper: the kernel's leases.
        wanted: what it is to be.
        lease_id: that of a lease which is taken over; a new one otherwise.

    Attributes:
        id: the lease's id, with which set-up can tag the real thing.
        name: how it is called in lists, such as ``dask-example/client``.
        state: see `resnb.ledger.states`.
        manager: the object with setup and cleanup.
        resource: what set-up returned, while the lease is open.
        around: the leases whose resources this one may depend on.
        thread: the thread on which set-up ran, and clean-up will; held until the lease is closed.
        users: how many scopes of running flows use it, where it is shared.
        retired: whether it closes when the last of them ends.
        reason: why it is as it is, where that needs saying.
        entry: what the ledger is told of it.
        limits: how long things may take, and it may last.
        began: when it was made, in seconds since the epoch.
        last_used: when it was last used, in seconds since the epoch.
        changed: when it came into each state that it was in, in seconds since the epoch.
        is_closed_by_reaper: whether the reaper has cleaned it up.
        is_lost: whether the reaper has taken the resource away while it was open.
    """

    def __init__(self, keeper: "Keeper", wanted: Wanted, lease_id: str = "") -> None:
        self.id = LeaseId(lease_id or uuid.uuid4().hex)
        self.name = wanted.name
        self.manager = wanted.manager
        self.thread = wanted.thread.hold()
        self.around = wanted.around
        self.state = states.OPENING
        self.resource: Any = None
        self.users = 0
        self.retired = False
        self.reason = ""
        self.entry: LeaseEntry = NoEntry()
        self.limits = wanted.limits
        self.began = self.last_used = time.time()
        self.changed = {self.state: self.began}
        self.is_lost = False
        self.is_closed_by_reaper = False
        self._keeper = keeper
        self._call = wanted.call
        self._handle: list[Any] = []
        self._process = os.getpid()
        self._is_made = False
        self._was_stopped = False
        self._is_ours = True
        self._reaper_rests = threading.Event()
        self._reaper_rests.set()
        self._claim = threading.Lock()
        with suppress(AttributeError):  # a class with __slots__ cannot ask for its lease
            self.manager.lease = self

    @property
    def in_use(self) -> bool:
        """Whether a running flow uses it (shared leases only)."""
        return self.users > 0

    @property
    def protection(self) -> Protection:
        """Why it cannot be cleaned up from outside the kernel, during set-up and once open."""
        return self.entry.protection

    @property
    def is_with_reaper(self) -> bool:
        """Whether the reaper is cleaning it up, or about to."""
        return not self._reaper_rests.is_set()

    def wait_for_reaper(self, seconds: float) -> None:
        """Wait until the reaper's present try is over, but no longer than so."""
        self._reaper_rests.wait(seconds)

    # ---- for setup

    def record(self, handle: Any) -> None:
        """Keep `handle`, by which the resource can be cleaned up if set-up does not return.

        Raises:
            LedgerError: it does not pickle, or cannot be written.
        """
        self._handle[:] = [handle]
        self.entry.record(handle)

    # ---- for the run

    def set_up(self, call: Caller | None = None) -> Any:
        """Make the resource and wait until it is ready; what is half made is cleaned up.

        Args:
            call: calls the manager's setup and ready, which whoever gives it may stop.

        Raises:
            BaseException: whatever the manager's setup raised.
        """
        call = call or self._call
        setup = getattr(self.manager, "setup", None)
        try:
            self.resource = None if setup is None else call(setup)
        except BaseException as error:
            self._was_stopped = not isinstance(error, Exception)
            with suppress(BaseException):  # the lease keeps the reason; set-up's own error counts
                self.close()
            raise
        self._is_made = True
        if os.getpid() != self._process:  # set-up has forked, and this is the child
            return self.resource
        try:
            self._refuse_if_lost()
            self._move(states.OPEN)
            self.entry.opened(self.manager, self.resource)
            self._wait_until_ready(call)
        except LeaseLost:
            with suppress(BaseException), interrupts_kept_out():
                self._clean_up(self._call, self.resource)  # the reaper may have looked too early
            raise
        except BaseException:
            with suppress(BaseException):  # likewise
                self.close()
            raise
        return self.resource

    def close(self, call: Caller | None = None, *, hand_over: bool = True) -> None:
        """Clean the resource up, unless that is done already; on the lease's own thread.

        What a set-up that did not return has made is found by the handle that it recorded, else
        by its tag.

        Args:
            call: calls the manager's cleanup, which whoever gives it may stop.
            hand_over: whether the reaper is to try if this fails; else the caller tries again.

        Raises:
            LeaseLost: the reaper is cleaning it up.
            BaseException: what the manager's cleanup raised; the lease can be closed again.
        """
        if os.getpid() != self._process:  # a forked child has no part in it
            return
        call = call or self._call
        claim = self._claim
        with claim:
            if self.state == states.CLOSED or not self._claimed():
                return
            self._move(states.CLOSING)
            try:
                with interrupts_kept_out():
                    for resource in self._to_clean_up(call):
                        self._clean_up(call, resource)
            except BaseException as error:
                if claim is self._claim:
                    half = "" if self._is_made else "half made, and not cleaned up: "
                    self._fail(f"{half}{_line(error)}", hand_over=hand_over)
                raise
            if claim is self._claim:
                self.entry.closed(half_made=not self._is_made and not self._handle)
                self.resource = None
                self._move(states.CLOSED)

    def cut_short(self, reason: str) -> None:
        """Its thread hangs: leave the thread, count a clean-up in progress as failed."""
        self.thread = self.thread.replaced()
        if self.state == states.CLOSING:
            self._claim = threading.Lock()
            self._fail(reason, hand_over=True)

    def resume(self, resource: Any) -> None:
        """Go on with what an earlier kernel has set up."""
        self.resource = resource
        self._is_made = True
        self._move(states.OPEN)

    def abandon(self, reason: str) -> None:
        """It cannot be used here: leave the cleaning up to the reaper."""
        self._move(states.CLOSING)
        self._fail(reason, hand_over=True)

    def hand_over(self) -> None:
        """Nobody here tries again to clean it up: if that failed, the reaper goes on."""
        if self.state == states.FAILED and self._is_ours:
            self._fail_over()

    def leave(self) -> bool:
        """The kernel ends: leave the resource to a later one, where its ``keep`` allows that."""
        if self.state != states.OPEN or not self.entry.kept():
            return False
        self._forget("kept for a later kernel")
        return True

    def follow(self, state: str, reason: str) -> None:
        """The reaper has moved the lease to `state`; the resource is its now."""
        self.is_lost = self.is_lost or self.state in (states.OPENING, states.OPEN)
        self.reason = reason
        if state == states.CLOSED:
            self.is_closed_by_reaper = True
            self._forget(reason)
        elif state == states.CLOSING:
            self._take_over(states.CLOSING)
            self._reaper_rests.clear()
            return
        elif state == states.FAILED:
            self._take_over(states.CLOSING)
            self._take_over(states.FAILED)
        self._reaper_rests.set()

    # ---- inside

    def _forget(self, reason: str) -> None:
        """There is nothing left for this kernel to do."""
        self.reason = reason
        self.resource = None
        self._take_over(states.CLOSING)
        self._take_over(states.CLOSED)

    def _take_over(self, state: str) -> None:
        if self.state != state and states.is_legal(self.state, state):
            self._move(state)

    def _refuse_if_lost(self) -> None:
        if self.is_lost:
            message = f"resource {self.name!r} was given up while it was set up: {self.reason}"
            raise LeaseLost(message)

    def _claimed(self) -> bool:
        """Whether the clean-up is ours; it is not if it has been done.

        Raises:
            LeaseLost: the reaper is at it.
        """
        if self.entry.claim():
            return True
        self._forget("cleaned up by the reaper")
        return False

    def _fail(self, reason: str, *, hand_over: bool) -> None:
        self.reason = reason
        self._is_ours = True
        self._move(states.FAILED)
        if hand_over:
            self._fail_over()

    def _fail_over(self) -> None:
        """Hand a failed clean-up over to the reaper."""
        self._is_ours = False
        self._reaper_rests.clear()
        if not self.entry.failed(self.reason):
            self._reaper_rests.set()

    def _clean_up(self, call: Caller, resource: Any) -> None:
        first: Exception | None = None
        while True:
            seen = self._keeper.interrupts
            try:
                call(self.manager.cleanup, resource)
            except Exception as error:
                if self._keeper.interrupts == seen:
                    if first is None:
                        raise
                    raise error from first
                first = first or error  # the interrupt may have cut it short, so it is done again
            else:
                return

    def _to_clean_up(self, call: Caller) -> list[Any]:
        if self._is_made:
            return [self.resource]
        if self._handle:
            attach = getattr(self.manager, "attach", None)
            return [call(attach, self._handle[0]) if attach else self._handle[0]]
        find = getattr(self.manager, "find", None)
        if find is None and self._was_stopped and (why := self.protection.during_setup):
            message = f"its set-up was stopped, and nothing tells what it made: {why}"
            raise CleanupError(message)
        thing = None if find is None else call(find, self.id)
        return [] if thing is None else [thing]

    def _wait_until_ready(self, call: Caller) -> None:
        ready = getattr(self.manager, "ready", None)
        if ready is None:
            return
        deadline = self._keeper.now() + READY_TIMEOUT
        pause = 0.05
        while not call(ready, self.resource):
            if self._keeper.now() >= deadline:
                message = f"resource {self.name!r} was not ready within {READY_TIMEOUT:g} s"
                raise ResnbError(message)
            call(self._keeper.pause, pause)
            pause = min(2 * pause, 1.0)

    def _move(self, state: str) -> None:
        if not states.is_legal(self.state, state):
            message = f"lease {self.name!r} cannot go from {self.state} to {state}"
            raise IllegalTransition(message)
        self.state = state
        self.changed[state] = time.time()
        self._keeper.moved(self)
        with suppress(Exception):  # whoever looks on must not keep a resource from being cleaned up
            EVENTS.publish(LeaseChanged(self.id, self.name, state))

    def __repr__(self) -> str:
        """A stable text: neither times nor addresses."""
        return f"<Lease: {self.name} ({self.state})>"


def _line(error: BaseException) -> str:
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:  # noqa: BLE001 - the user's own __str__
        return type(error).__name__


@contextmanager
def interrupts_kept_out() -> Iterator[None]:
    """Block SIGINT for this thread, and so for the processes that it starts, within the block."""
    mask = getattr(signal, "pthread_sigmask", None)
    if mask is None:  # no such thing on Windows
        yield
        return
    before = mask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        mask(signal.SIG_SETMASK, before)


__all__ = ["READY_TIMEOUT", "Lease", "interrupts_kept_out"]
