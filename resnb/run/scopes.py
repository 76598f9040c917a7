"""The scopes of one run: their managers, leases and threads.

This is all that a run asks of the ledger: prepare a lease before set-up, close it once.
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from resnb.errors import TaskCancelled
from resnb.graph.managers import renewed
from resnb.graph.scope import Scope, ScopeOptions
from resnb.graph.signals import SKIP, SUCCESS
from resnb.ledger import states as lease_states
from resnb.ledger.entry import Limits
from resnb.ledger.keeper import Keeper
from resnb.ledger.lease import Lease
from resnb.ledger.shared import Shared
from resnb.ledger.thread import LeaseThread
from resnb.run.calls import plainly, stoppably
from resnb.run.codes import has_made
from resnb.states import FIRST_FINISHED, FIRST_UNSUCCESSFUL

if TYPE_CHECKING:
    from resnb.run.attempt import Attempt
    from resnb.run.plan import Plan
    from resnb.run.scheduler import Scheduler


class RunScopes:
    """Set-up and clean-up of one run's scopes.

    Args:
        plan: the run's plan.
        keeper: the kernel's leases.
        run: what hooks receive as the run.
        open_leases: leases of scopes that are open already.
    """

    def __init__(
        self, plan: "Plan", keeper: Keeper, run: Any, open_leases: Mapping[Scope, Lease]
    ) -> None:
        self.run = run
        self.scheduler: Scheduler
        self.before_close: Callable[[Scope], object] = lambda _: None
        self.leases: dict[Scope, Lease] = dict(open_leases)
        self._plan = plan
        self._keeper = keeper
        self._threads: dict[Scope, LeaseThread] = {}
        self._entries: dict[Scope, Shared] = {}
        self._keys: dict[Scope, str] = {}
        self._lock = threading.Lock()
        self._names = lease_names(plan.flow.name, plan.flow.scopes)

    def scope_of(self, row: int) -> Scope:
        """The scope that `row` belongs to."""
        return self._plan.scopes[self._plan.scope_of[row]].scope

    def options_of(self, row: int) -> ScopeOptions:
        """The options of that scope."""
        return self.scope_of(row).options

    def thread_of(self, row: int) -> LeaseThread:
        """The thread on which that scope's tasks run."""
        scope = self.scope_of(row)
        lease = self.leases.get(scope)
        if lease is not None and lease.state != lease_states.CLOSED:
            return lease.thread
        return self._own_thread(scope)

    def replace_thread(self, row: int) -> None:
        """The code of `row` hangs on its scope's thread: go on without it."""
        scope = self.scope_of(row)
        lease = self.leases.get(scope)
        if lease is None or lease.state in (lease_states.OPENING, lease_states.CLOSED):
            # init or set-up hangs; should it make something yet, that goes away on its thread
            self.leases.pop(scope, None)
            if (entry := self._entries.get(scope)) is not None:
                self._keeper.unshare(entry)
            with self._lock:
                if scope in self._threads:
                    self._threads[scope] = self._threads[scope].replaced()
            return
        lease.cut_short("its code did not return within its time limit and the grace after it")
        with self._lock:
            if scope in self._threads:
                self._threads.pop(scope).close()

    def _own_thread(self, scope: Scope) -> LeaseThread:
        with self._lock:
            if scope not in self._threads:
                self._threads[scope] = LeaseThread()
            return self._threads[scope]

    # ---- the steps, each on the scope's thread

    def init(self, row: int, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Make the manager, or take the one that is shared by the whole kernel."""
        scope = self.scope_of(row)
        recipe = scope.manager.resource_class
        if scope.options.keep is not None:
            from resnb.ledger.adoption import adoption_key

            definition = scope.manager.definition
            self._keys[scope] = adoption_key(self._names[scope], definition, tuple(args), kwargs)
        if scope.options.lifetime != "kernel":
            return stoppably(recipe, *args, **kwargs)
        entry = self._entries[scope] = self._keeper.shared(recipe, (tuple(args), kwargs))
        try:
            return entry.made(lambda: stoppably(recipe, *args, **kwargs))
        except BaseException:
            self._keeper.unshare(entry)
            raise

    def set_up(self, attempt: "Attempt", manager: Any) -> Any:
        """Make the resource; a failed attempt leaves nothing behind.

        What it makes is taken back by ``attempt.undo`` if the row is not to end as having made it.
        """
        scope = self.scope_of(attempt.row)
        thread = self.thread_of(attempt.row)
        if scope.options.lifetime == "kernel":
            return self._share(scope, manager, attempt, thread)
        lease = self._prepare(scope, renewed(manager), attempt, thread)
        if lease.state == lease_states.OPENING:
            lease.set_up(_made)
        attempt.undo = partial(_put_away, lease)
        return lease.resource

    def _share(self, scope: Scope, manager: Any, attempt: "Attempt", thread: LeaseThread) -> Any:
        entry = self._entries.get(scope)
        if entry is None:  # the manager was given to the run
            entry = self._entries[scope] = Shared(scope.manager.resource_class, ())
            entry.manager = manager

        def open_lease() -> Lease:
            entry.manager = renewed(entry.manager)
            lease = self._prepare(scope, entry.manager, attempt, thread)
            self._keeper.share(entry)  # it left when an earlier lease was closed
            if lease.state == lease_states.OPENING:
                lease.set_up(_made)
            return lease

        lease = self.leases[scope] = entry.opened((self, scope), open_lease)
        attempt.undo = partial(self._release, scope)
        return lease.resource

    def _prepare(
        self, scope: Scope, manager: Any, attempt: "Attempt", thread: LeaseThread
    ) -> Lease:
        """A lease to set up, or the open one that an earlier kernel has kept for this scope."""
        if attempt.is_claimed:  # its time is up already: make nothing
            raise TaskCancelled
        around = [self.leases[one] for one in scope.around() if one in self.leases]
        live = [one for one in around if one.state != lease_states.CLOSED]
        use = (self._names[scope], manager, thread, live, plainly)
        limits = Limits(*(getattr(scope.options, name) for name in Limits._fields))
        key = self._keys.get(scope, "")
        lease = self._keeper.adoptions.for_scope(
            *use, limits=limits, key=key
        ) or self._keeper.prepare(*use, limits=limits, key=key)
        self.leases[scope] = lease
        return lease

    def rows_using(self, lease: Lease) -> list[int]:
        """The rows that use `lease`: its set-up and what is inside its scope, no clean-ups."""
        holders = {scope for scope, one in self.leases.items() if one is lease}
        cleanups = {planned.cleanup for planned in self._plan.scopes}
        inside = (one for one in self._plan.scopes if holders.intersection(one.scope.around()))
        rows = {row for planned in inside for row in (planned.setup, *planned.members)}
        return sorted(rows - cleanups - {-1})

    def clean_up(self, row: int, *, last_try: bool) -> None:
        """Close the lease, unless the scope's options put that off.

        Args:
            row: the row.
            last_try: whether the reaper is to go on if this fails.

        Raises:
            SKIP: it is put off.
        """
        scope = self.scope_of(row)
        options = scope.options
        lease = self.leases.get(scope)
        if lease is None:
            raise SKIP("there is nothing to clean up")
        if options.lifetime == "kernel":
            self._release_entry(scope)
            if not lease.retired or lease.in_use:
                raise SKIP("kept until the kernel ends (lifetime='kernel')")
        elif (
            not lease.retired
            and options.on != "always"
            and (options.on == "success") != self._succeeded(scope)
        ):
            raise SKIP(f"kept until the kernel ends (on={options.on!r})")
        self.before_close(scope)
        lease.close(stoppably, hand_over=last_try)

    def _release(self, scope: Scope) -> None:
        """`scope` uses what it shares no longer; the last user of what is retired closes it."""
        lease = self._release_entry(scope)
        if lease is not None:
            _put_away(lease)

    def _release_entry(self, scope: Scope) -> Lease | None:
        entry = self._entries.get(scope)
        return None if entry is None else entry.released((self, scope))

    def _succeeded(self, scope: Scope) -> bool:
        state, children = self.scheduler.table.state, self.scheduler.children
        inside = [
            one
            for planned in self._plan.scopes
            if scope in planned.scope.around()
            for row in planned.members
            for one in (row, *(children[row].rows() if row in children else ()))
        ]
        return all(FIRST_FINISHED <= state[row] < FIRST_UNSUCCESSFUL for row in inside)

    # ---- the end of the run

    def finish(self) -> dict[Scope, Lease]:
        """Let go of the threads and of what is shared; gives the leases that are still open."""
        for scope in list(self._entries):
            lease = self._release_entry(scope)
            if lease is not None:
                lease.thread.submit(partial(_put_away, lease))
        for lease in self.leases.values():
            if lease.retired and lease.state == lease_states.OPEN and not lease.in_use:
                lease.thread.submit(partial(_put_away, lease))
            lease.hand_over()
        with self._lock:
            threads = list(self._threads.values())
            self._threads.clear()
        for thread in threads:
            thread.close()
        return {
            scope: lease
            for scope, lease in list(self.leases.items())
            if lease.state == lease_states.OPEN
            and not lease.retired
            and scope.options.lifetime != "kernel"
            and self._was_set_up(scope)
        }

    def close_all(self) -> None:
        """The run broke down: close what it has opened, as far as that can be done in time."""
        own = [
            lease
            for scope, lease in list(self.leases.items())
            if scope.options.lifetime != "kernel" and lease.state != lease_states.CLOSED
        ]
        limits = [scope.options.cleanup_timeout for scope in self.leases]
        self._keeper.close(own, budget=max(limits, default=0.0))

    def _was_set_up(self, scope: Scope) -> bool:
        row = self._plan.row_of.get(scope.setup_task)
        return row is None or has_made(self.scheduler.table.state[row])


def _put_away(lease: Lease) -> None:
    with suppress(BaseException):  # the lease keeps the reason, and stays listed
        lease.close()


def _made(function: Callable[..., Any], *args: Any) -> Any:
    """What a set-up's function gives: its value, or that of the signal by which it ends well."""
    try:
        return stoppably(function, *args)
    except SUCCESS as signal:
        return signal.state.result


def lease_names(flow: str, scopes: Iterable[Scope]) -> dict[Scope, str]:
    """A stable name for the lease of each scope: ``flow/variable``, numbered where that repeats."""
    found: dict[Scope, str] = {}
    seen: dict[str, int] = {}
    for scope in scopes:
        base = "kernel" if scope.options.lifetime == "kernel" else flow
        name = f"{base}/{scope.name}"
        seen[name] = count = seen.get(name, 0) + 1
        found[scope] = name if count == 1 else f"{name}-{count}"
    return found


__all__ = ["RunScopes", "lease_names"]
