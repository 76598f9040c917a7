"""The scopes of one run: their managers, leases and threads.

This is all that a run asks of the ledger: prepare a lease before set-up, close it once.
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from resnb.graph.scope import Scope, ScopeOptions
from resnb.graph.signals import SKIP
from resnb.ledger import states as lease_states
from resnb.ledger.keeper import Keeper
from resnb.ledger.lease import Lease
from resnb.ledger.thread import LeaseThread
from resnb.run.loop import resolve
from resnb.states import FIRST_FINISHED, FIRST_UNSUCCESSFUL

if TYPE_CHECKING:
    from resnb.run.plan import Plan
    from resnb.run.table import Table


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
        self.table: Table
        self.leases: dict[Scope, Lease] = dict(open_leases)
        self._plan = plan
        self._keeper = keeper
        self._threads: dict[Scope, LeaseThread] = {}
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
        return self._threads.setdefault(scope, LeaseThread())

    def replace_thread(self, row: int) -> None:
        """The code of `row` hangs on its scope's thread: go on without it."""
        scope = self.scope_of(row)
        lease = self.leases.get(scope)
        if lease is not None:
            lease.cut_short("its code did not return within its time limit and the grace after it")
        elif scope in self._threads:
            self._threads[scope] = self._threads[scope].replaced()

    # ---- the steps, each on the scope's thread

    def init(self, row: int, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Make the manager, or take the one that is shared by the whole kernel."""
        scope = self.scope_of(row)
        recipe = scope.manager.resource_class
        if scope.options.lifetime != "kernel":
            return recipe(*args, **kwargs)
        arguments = (tuple(args), kwargs)
        return self._keeper.shared(recipe, arguments, lambda: recipe(*args, **kwargs)).manager

    def set_up(self, row: int, manager: Any) -> Any:
        """Make the resource; a failed attempt leaves nothing behind."""
        scope = self.scope_of(row)
        if scope.options.lifetime != "kernel":
            self.leases[scope] = lease = self._prepare(scope, manager)
            return lease.set_up()
        entry = self._keeper.shared_entry(manager)
        assert entry is not None
        with entry.lock:
            if entry.lease is None or entry.lease.state != lease_states.OPEN:
                entry.lease = self._prepare(scope, manager)
                self.leases[scope] = entry.lease
                entry.lease.set_up()
            self.leases[scope] = entry.lease
            entry.lease.users += 1
            return entry.lease.resource

    def _prepare(self, scope: Scope, manager: Any) -> Lease:
        thread = self._threads.pop(scope, None) or LeaseThread()
        around = [self.leases[one] for one in scope.around() if one in self.leases]
        live = [one for one in around if one.state != lease_states.CLOSED]
        return self._keeper.prepare(self._names[scope], manager, thread, live, resolve)

    def clean_up(self, row: int) -> None:
        """Close the lease, unless the scope's options put that off.

        Raises:
            SKIP: it is put off.
        """
        scope = self.scope_of(row)
        options = scope.options
        lease = self.leases.get(scope)
        if lease is None:
            message = "there is nothing to clean up"
            raise SKIP(message)
        if options.lifetime == "kernel":
            lease.users -= 1
            if lease.retired and not lease.in_use:
                self._keeper.close([lease])
                return
            message = "kept until the kernel ends (lifetime='kernel')"
            raise SKIP(message)
        if options.on != "always" and (options.on == "success") != self._succeeded(scope):
            message = f"kept until the kernel ends (on={options.on!r})"
            raise SKIP(message)
        lease.close()

    def undo(self, row: int) -> None:
        """The set-up of `row` came back after its time: clean up what it made."""
        lease = self.leases[self.scope_of(row)]
        with suppress(BaseException):  # the lease keeps the reason, and stays listed
            lease.close()

    def _succeeded(self, scope: Scope) -> bool:
        state = self.table.state
        inside = [
            row
            for planned in self._plan.scopes
            if scope in planned.scope.around()
            for row in planned.members
        ]
        return all(FIRST_FINISHED <= state[row] < FIRST_UNSUCCESSFUL for row in inside)

    # ---- the end of the run

    def finish(self) -> dict[Scope, Lease]:
        """End the threads that hold nothing; gives the leases that are still open."""
        for thread in self._threads.values():
            thread.close()
        self._threads.clear()
        return {
            scope: lease
            for scope, lease in self.leases.items()
            if lease.state == lease_states.OPEN and scope.options.lifetime != "kernel"
        }


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
