"""One attempt to hold a resource: from before its set-up until after its clean-up.

A lease is closed by one caller at a time (`close` claims it), its clean-up completes once, and
an interrupt neither cuts the clean-up short nor reaches the processes that it starts: SIGINT is
blocked for the thread while the clean-up runs, and child processes inherit that.
"""

import signal
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeAlias

from resnb.errors import IllegalTransition, ResnbError
from resnb.events import EVENTS, LeaseChanged
from resnb.ids import LeaseId
from resnb.ledger import states
from resnb.ledger.thread import LeaseThread

if TYPE_CHECKING:
    from resnb.ledger.keeper import Keeper

READY_TIMEOUT = 60.0
"""How long a resource may take to become ready after its set-up returned, in seconds."""

Caller: TypeAlias = Callable[..., Any]
"""Calls a function of the user's with some arguments, and waits for what it gives."""


def directly(function: Callable[..., Any], *args: Any) -> Any:
    """The plain way to call."""
    return function(*args)


class Lease:
    """A resource that is being set up, held, or cleaned up.

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
    """

    def __init__(
        self,
        keeper: "Keeper",
        name: str,
        manager: Any,
        *,
        thread: LeaseThread,
        around: "tuple[Lease, ...]",
        call: Caller,
    ) -> None:
        self.id = LeaseId(uuid.uuid4().hex)
        self.name = name
        self.manager = manager
        self.thread = thread.hold()
        self.around = around
        self.state = states.OPENING
        self.resource: Any = None
        self.users = 0
        self.retired = False
        self.reason = ""
        self._keeper = keeper
        self._call = call
        self._handle: list[Any] = []
        self._claim = threading.Lock()
        with suppress(AttributeError):  # a class with __slots__ cannot ask for its lease
            manager.lease = self

    @property
    def in_use(self) -> bool:
        """Whether a running flow uses it (shared leases only)."""
        return self.users > 0

    # ---- for setup

    def record(self, handle: Any) -> None:
        """Keep `handle`, by which the resource can be cleaned up if set-up does not return."""
        self._handle[:] = [handle]

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
        except BaseException:
            self._close_half_made()
            raise
        self._move(states.OPEN)
        try:
            self._wait_until_ready(call)
        except BaseException:
            with suppress(BaseException):  # the lease keeps the reason; set-up's own error counts
                self.close()
            raise
        return self.resource

    def close(self, call: Caller | None = None) -> None:
        """Clean the resource up, unless that is done already; on the lease's own thread.

        Args:
            call: calls the manager's cleanup, which whoever gives it may stop.

        Raises:
            BaseException: what the manager's cleanup raised; the lease can be closed again.
        """
        if self.state == states.OPENING:
            self._close_half_made()
            return
        claim = self._claim
        with claim:
            if self.state == states.CLOSED:
                return
            self._move(states.CLOSING)
            try:
                with interrupts_kept_out():
                    self._clean_up(call or self._call)
            except BaseException as error:
                if claim is self._claim:
                    self.reason = _line(error)
                    self._move(states.FAILED)
                raise
            if claim is self._claim:
                self.resource = None
                self._move(states.CLOSED)

    def cut_short(self, reason: str) -> None:
        """Its thread hangs: leave the thread, count a clean-up in progress as failed."""
        self.thread = self.thread.replaced()
        if self.state == states.CLOSING:
            self._claim = threading.Lock()
            self.reason = reason
            self._move(states.FAILED)

    # ---- inside

    def _clean_up(self, call: Caller) -> None:
        first: Exception | None = None
        while True:
            seen = self._keeper.interrupts
            try:
                call(self.manager.cleanup, self.resource)
            except Exception as error:
                if self._keeper.interrupts == seen:
                    if first is None:
                        raise
                    raise error from first
                first = first or error  # the interrupt may have cut it short, so it is done again
            else:
                return

    def _close_half_made(self) -> None:
        """Set-up did not return: clean up by the recorded handle, else by what `find` finds."""
        found: list[Any] = []
        try:
            if self._handle:
                attach = getattr(self.manager, "attach", None)
                found = [self._call(attach, self._handle[0]) if attach else self._handle[0]]
            elif (find := getattr(self.manager, "find", None)) is not None:
                thing = self._call(find, self.id)
                found = [] if thing is None else [thing]
        except BaseException as error:  # noqa: BLE001 - set-up's own error is the one to raise
            self.reason = f"half made, and not found: {_line(error)}"
            self._move(states.FAILED)
            return
        if not found:
            self._move(states.CLOSED)
            return
        self.resource = found[0]
        self._move(states.CLOSING)
        self._move(states.FAILED)
        try:
            self.close()
        except BaseException as error:  # noqa: BLE001 - likewise; the lease stays listed as failed
            self.reason = f"half made, and not cleaned up: {_line(error)}"

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


__all__ = ["READY_TIMEOUT", "Caller", "Lease", "directly", "interrupts_kept_out"]
