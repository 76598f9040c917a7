"""Holding a resource outside flows: one lease, from before its set-up until after its clean-up."""

import threading
from collections.abc import Mapping
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING, Any

from resnb.errors import LeaseLost, TaskCancelled, described
from resnb.graph.resources.adapter import Adapter
from resnb.graph.resources.adapters import renewed
from resnb.graph.resources.scope_tasks import SetupTask
from resnb.ledger import states
from resnb.ledger.kernel.adoption import adoption_key
from resnb.ledger.kernel.closing_order import close_on_its_thread
from resnb.ledger.kernel.keeper import KEEPER
from resnb.ledger.kernel.lease import Lease
from resnb.ledger.kernel.request import Caller, LeaseRequest
from resnb.ledger.kernel.thread import LeaseThread
from resnb.run.active import active_runs
from resnb.run.engine.slots import CURRENT, Slot
from resnb.run.engine.stoppable_calls import plainly, stoppably
from resnb.run.held.own_lines import GUARD, OwnLines, TimeLimit, quietly
from resnb.run.opening import limits_of, prepared, set_up
from resnb.run.output.notices import notice
from resnb.run.scheduling.outcome import of_error, of_timeout
from resnb.states import RETRYING

if TYPE_CHECKING:
    from resnb.graph.resources.resource import ResourceManager
    from resnb.graph.resources.scope import ScopeOptions
    from resnb.ledger.kernel.kernel_wide import SharedResource

AROUND: ContextVar[tuple[Lease, ...]] = ContextVar("resnb_blocks", default=())
"""The leases of the ``with`` blocks around the running line, the outermost first."""


class BlockUser:
    """Tells the ledger's keeper that what a block holds is in use, and so is not idle."""

    def uses(self, lease: Lease) -> bool:
        """Whether a block holds `lease`."""
        return lease.block is not None or lease.in_use

    def give_up(self, lease: Lease, reason: str) -> bool:
        """Nobody can end a block's lines; its end says that the resource is gone."""
        del lease, reason
        return False


_USER = BlockUser()


class Hold:
    """A resource that is held outside flows.

    Args:
        manager: its definition.
        args: the definition's arguments.
        kwargs: likewise.
        name: the lease's name in lists.

    Attributes:
        name: see `Args`.
        for_session: whether it stays open without a block.
        lease: its lease, once it has one.
        thread: the lease's thread, for what comes from outside the block.
    """

    def __init__(
        self,
        manager: "ResourceManager",
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        name: str,
    ) -> None:
        self.name = name
        self.for_session = False
        self.lease: Lease | None = None
        self.thread = LeaseThread()
        self._manager = manager
        self._options: ScopeOptions = manager.scope_options
        self._arguments = args, dict(kwargs)
        self._entry: SharedResource | None = None
        self._token = object()
        self._is_over = False
        self._holds_thread = True

    # ---- setting up

    def set_up(self, slot: Slot, call: Caller = stoppably, later: Caller = plainly) -> None:
        """Make the resource, on this thread.

        Args:
            slot: what can stop the user's code.
            call: calls that code.
            later: calls that of a clean-up that comes from outside.

        Raises:
            BaseException: whatever the code raised; nothing is left behind.
        """
        KEEPER.watch_ends()
        if _USER not in KEEPER.users:
            KEEPER.users.append(_USER)
        task = SetupTask(**{"name": self.name, **self._manager.task_options["setup"]})
        tries = 0
        while True:
            tries += 1
            try:
                with TimeLimit(slot, task.timeout) as limit:
                    self._set_up_once(call, later)
            except (TaskCancelled, Exception) as error:
                outcome = of_error(task, error, tries, task.max_retries)
                if isinstance(error, TaskCancelled) and limit.is_past:
                    outcome = of_timeout(task, task.timeout or 0.0, tries, task.max_retries)
                if outcome.code != RETRYING:
                    if outcome.error is None or outcome.error is error:
                        raise
                    raise outcome.error from None
                call(KEEPER.pause, outcome.delay)
            else:
                return

    def _set_up_once(self, call: Caller, later: Caller) -> None:
        recipe, (args, kwargs) = self._manager.resource_class, self._arguments

        def opened(manager: Any) -> Lease:
            key = adoption_key(self.name, self._manager.definition, args, kwargs)
            limits, around = limits_of(self._options), self._around()
            look = self._options.find_for
            request = LeaseRequest(
                self.name, manager, self.thread, around, later, limits, look, key
            )
            self.lease, note = prepared(KEEPER, request)
            set_up(KEEPER, self.lease, call, note)
            return self.lease

        def made() -> Any:
            return call(partial(recipe, *args, **kwargs))

        if self._options.lifetime != "kernel":
            opened(made())
            return
        entry = self._entry = KEEPER.shared(recipe, (args, kwargs))
        try:
            manager = entry.made(made)
            self.lease = entry.opened(self._token, lambda: opened(renewed(manager)))
            KEEPER.share(entry)  # it was removed when an earlier lease was closed
            if self.for_session:  # which closes it unless others use it
                entry.released(self._token)
        except BaseException:
            KEEPER.unshare(entry)
            raise

    def _around(self) -> tuple[Lease, ...]:
        """The leases whose resources this one may depend on."""
        found = {one: None for one in AROUND.get() if one.state == states.OPEN}
        found |= dict.fromkeys(_leases_of_task())
        args, kwargs = self._arguments
        given = [id(one) for one in (*args, *kwargs.values())]
        found |= {one: None for one in KEEPER.alive() if id(one.resource) in given}
        return tuple(found)

    def take(self, lease: Lease) -> None:
        """Hold `lease`, which is open already, for the session."""
        if _USER not in KEEPER.users:
            KEEPER.users.append(_USER)
        self.lease, self.for_session = lease, True
        self.release_thread()  # the lease has one

    # ---- the block

    def enter(self) -> Any:
        """Begin a block on this thread: set up, and give the resource.

        Raises:
            BaseException: what set-up raised, or a Ctrl-C.
        """
        if threading.current_thread() is threading.main_thread():
            GUARD.use(self)
        with OwnLines() as lines:
            self.set_up(lines.slot)
            self.begin_block()
        lines.deliver()
        assert self.lease is not None
        return self.lease.resource

    def begin_block(self) -> None:
        """The lines that come now are those of the block."""
        assert self.lease is not None
        if self._entry is None:  # what is shared counts its users
            self.lease.block = threading.current_thread()
        AROUND.set((*AROUND.get(), self.lease))

    def leave(self, error: BaseException | None) -> None:
        """End the block, on this thread; `error` is what has ended its lines.

        Raises:
            LeaseLost: the resource was taken away meanwhile, and the lines do not know.
            BaseException: a Ctrl-C that came meanwhile; all is done.
        """
        with OwnLines(spares_user_code=True) as lines:
            lost = self.end(error, lines.slot)
        GUARD.leave(self)
        lines.deliver()
        GUARD.deliver()
        if lost and error is None:
            raise LeaseLost(lost)

    def end(self, error: BaseException | None, slot: Slot, call: Caller = stoppably) -> str:
        """Clean up, unless that comes later; gives why the resource was lost, if it was."""
        lease = self.lease
        if self._is_over:
            return ""
        if lease is None:
            self._finish()
            return ""
        lost = ""
        if lease.state != states.OPEN and (lease.retired or lease.is_lost):
            lost = f"resource {self.name!r} was cleaned up before its block ended: {lease.reason}"
        AROUND.set(tuple(one for one in AROUND.get() if one is not lease))
        lease.block = None
        to_close: Lease | None = lease
        if self._entry is not None:
            to_close = self._entry.released(self._token)
        elif self._is_put_off(lease, error) or lease.state not in (states.OPENING, states.OPEN):
            to_close = None  # what was closed, or the reaper has, is no business of the block
        if to_close is not None:
            told = (
                lease.manager if to_close is lease and isinstance(lease.manager, Adapter) else None
            )
            if told is not None:
                told.failure = error
            self._close(to_close, slot, call)
            if told is not None and lease.state == states.CLOSED:
                told.failure = None  # it holds the user's variables
        self._finish()
        return lost

    def release_thread(self) -> None:
        """Leave the thread to the lease, once."""
        if self._holds_thread:
            self._holds_thread = False
            self.thread.close()

    def _finish(self) -> None:
        self._is_over = True
        self.release_thread()

    def give_up(self) -> None:
        """The block does not begin, or cannot end in order: clean up what there is, quietly."""

        def ended() -> None:
            with OwnLines(spares_user_code=True) as lines:
                self.end(None, lines.slot)
            GUARD.leave(self)

        quietly(ended)

    def _is_put_off(self, lease: Lease, error: BaseException | None) -> bool:
        on = self._options.on
        succeeded = error is None or isinstance(error, GeneratorExit)
        return on != "always" and not lease.retired and (on == "success") != succeeded

    def _close(self, lease: Lease, slot: Slot, call: Caller) -> None:
        """Close the lease; if that fails, say so, and leave it to the reaper."""
        for left in range(self._options.cleanup_retries, -1, -1):
            try:
                with TimeLimit(slot, self._options.cleanup_timeout) as limit:
                    lease.close(call, hand_over=not left)
            except LeaseLost:
                return  # the reaper is cleaning it up
            except BaseException as error:  # noqa: BLE001 - the lease keeps it
                failure = described(error)
                if limit.is_past and isinstance(error, TaskCancelled):
                    failure = f"it did not return within {self._options.cleanup_timeout:g} s"
            else:
                return
        line = f"resource {self.name!r}: its clean-up failed, and is tried again: {failure}"
        notice(f"{line}; `resnb ls` lists it")  # there is no caller

    def __del__(self) -> None:
        """Nobody can end the block any more: its thread was interrupted between two lines."""
        lease = self.__dict__.get("lease")  # it may be interrupted in its first lines, too
        if lease is not None and lease.block is not None and not self._is_over:
            lease.block = None
            GUARD.leave(self)
            close_on_its_thread(lease, lambda _: None)
            self.release_thread()


def _leases_of_task() -> list[Lease]:
    """The leases of the scopes around the running task, if this is a task's code."""
    slot = CURRENT.get()
    for run in active_runs():
        if slot is not None and slot.row >= 0 and slot.output is run.execution.output:
            known = list(run.scopes.leases.items())
            inside = [(lease, run.scopes.rows.rows(use)) for use, lease in known]
            return [
                lease for lease, rows in inside if slot.row in rows and lease.state != states.CLOSED
            ]
    return []
