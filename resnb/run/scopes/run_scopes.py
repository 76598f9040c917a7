"""Set-up and clean-up of a run's scopes, and the leases that are held meanwhile.

Each use of a scope (the scope itself, or each item of one that is mapped) has its own lease. A run
asks the ledger for two things only: to prepare a lease before set-up, and to close it once.
"""

from collections.abc import Callable, Mapping
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any

from resnb.errors import LeaseLost, TaskCancelled
from resnb.graph.base.signals import SKIP
from resnb.graph.resources.adapters import renewed
from resnb.graph.resources.scope import Scope, ScopeOptions, ScopeUse
from resnb.ledger import states as lease_states
from resnb.ledger.kernel.adoption import adoption_key
from resnb.ledger.kernel.keeper import Keeper
from resnb.ledger.kernel.lease import Lease
from resnb.ledger.kernel.request import LeaseRequest
from resnb.ledger.kernel.thread import LeaseThread
from resnb.ledger.reaper.decisions import FENCE_AFTER
from resnb.run.engine.stoppable_calls import plainly, stoppably
from resnb.run.opening import limits_of, made, prepared, set_up
from resnb.run.scheduling.scope_rows import ScopeRows, in_order
from resnb.run.scopes import reuse
from resnb.run.scopes.lease_names import LeaseNames
from resnb.run.scopes.lease_threads import LeaseThreads
from resnb.run.scopes.losses import loss_of
from resnb.run.scopes.reuse import put_away
from resnb.run.scopes.shared_uses import SharedUses
from resnb.run.scopes.taken_away import TakenAway

if TYPE_CHECKING:
    from resnb.run.engine.attempt import Attempt
    from resnb.run.scheduling.scheduler import Scheduler


class RunScopes:
    """Set-up and clean-up of one run's scopes.

    Args:
        run: what hooks receive as the run.
        open_leases: leases of scopes that are open already.

    Attributes:
        before_close: called with a scope before a lease of it is closed.
        rows: which rows work with which resource.
        names: the names of the leases.
        leases: the latest lease of each use.
        taken_away: the resources that were taken away before their scopes ended.
        failed: scopes whose block raised, whatever became of the tasks in it.
    """

    def __init__(
        self,
        scheduler: "Scheduler",
        keeper: Keeper,
        run: Any,
        open_leases: Mapping[ScopeUse, Lease],
    ) -> None:
        self.run = run
        self.before_close: Callable[[Scope], object] = lambda _: None
        self.leases: dict[ScopeUse, Lease] = dict(open_leases)
        self.failed: set[Scope] = set()
        self._began = monotonic()
        self._scheduler = scheduler
        self._plan = scheduler.plan
        self._keeper = keeper
        self.rows = ScopeRows(scheduler.plan, scheduler.mapped, scheduler.table)
        self.taken_away = TakenAway(scheduler, keeper, self.rows, self.leases)
        self.names = LeaseNames(self._plan.flow.name, self._plan.flow.scopes)
        self._threads = LeaseThreads()
        self._shared = SharedUses(keeper)
        self._keys: dict[ScopeUse, str] = {}
        self._arguments: dict[ScopeUse, reuse.Arguments] = {}
        self._notes: dict[ScopeUse, str] = {}

    def options_of(self, row: int) -> ScopeOptions:
        """The options of the scope that `row` belongs to."""
        return self.rows.use_of(row).scope.options

    def thread_of(self, row: int) -> LeaseThread:
        """The thread on which `row` runs: that of its scope, or of its item."""
        return self.thread_for(self.rows.use_of(row))

    def thread_for(self, use: ScopeUse) -> LeaseThread:
        """The thread of a scope, or of its item."""
        lease = self.leases.get(use)
        if lease is not None and lease.state != lease_states.CLOSED:
            return lease.thread
        return self._threads.of(use)

    def replace_thread(self, row: int) -> None:
        """The code of `row` hangs on its scope's thread: go on without it."""
        use = self.rows.use_of(row)
        lease = self.leases.get(use)
        if lease is None or lease.state in (lease_states.OPENING, lease_states.CLOSED):
            # init or set-up hangs; what it may still make is removed on its own thread
            self.leases.pop(use, None)
            self._shared.unshare(use)
            self._threads.replace(use)
            return
        lease.cut_short("its code did not return within its time limit and the grace after it")
        self.release_thread(use)

    # ---- the steps, each on the scope's thread

    def init(self, row: int, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Make the manager, or take the one that the whole kernel shares.

        Raises:
            StillOpen: an earlier run has left the resource open, with the same arguments.
        """
        use = self.rows.use_of(row)
        manager, arguments = use.scope.manager, (tuple(args), kwargs)
        self._keys[use] = adoption_key(self.names.of(use), manager.definition, *arguments)
        self._arguments[use] = arguments

        def make() -> Any:
            return stoppably(manager.resource_class, *args, **kwargs)

        if use.scope.options.lifetime == "kernel":
            return self._shared.manager(use, arguments, make)
        reuse.take_manager(self.leases.get(use), arguments)
        return make()

    def set_up(self, attempt: "Attempt", manager: Any) -> Any:
        """Make the resource; a failed attempt leaves nothing behind.

        ``attempt.undo`` takes back what it makes if the row does not end in success.

        Raises:
            StillOpen: it is open, as `init` has found.
        """
        use = self.rows.use_of(attempt.row)
        thread = self.thread_of(attempt.row)
        if use.scope.options.lifetime == "kernel":
            return self._share(use, manager, attempt, thread)
        self._close_earlier(use, manager, thread)
        lease = self._prepare(use, renewed(manager), attempt, thread)
        self._set_up(lease, use)
        attempt.undo = partial(put_away, lease)
        return lease.resource

    def _share(self, use: ScopeUse, manager: Any, attempt: "Attempt", thread: LeaseThread) -> Any:
        def open_lease(manager: Any) -> Lease:
            lease = self._prepare(use, manager, attempt, thread)
            self._shared.share(use)
            self._set_up(lease, use)
            return lease

        lease = self.leases[use] = self._shared.opened(use, manager, open_lease)
        attempt.undo = partial(self._release, use)
        return lease.resource

    def _set_up(self, lease: Lease, use: ScopeUse) -> None:
        """Set up what was not adopted; the error of a failure names what may have caused it."""
        set_up(self._keeper, lease, made, self._notes.pop(use, ""))

    def _close_earlier(self, use: ScopeUse, manager: Any, thread: LeaseThread) -> None:
        """Close what an earlier run left open with other arguments, or for another item."""
        earlier = self.leases.get(use)
        if earlier is None or earlier.state != lease_states.OPEN:
            return
        if earlier.manager is manager:
            raise reuse.StillOpen(reuse.IS_OPEN, earlier.resource)
        self._threads.hold(use, thread)  # this runs on it, and the lease is about to release it
        reuse.close_with_inner(self._keeper, earlier, list(self.leases.values()))

    def _prepare(
        self, use: ScopeUse, manager: Any, attempt: "Attempt", thread: LeaseThread
    ) -> Lease:
        """A lease to set up, or the open one that an earlier kernel has kept for this scope."""
        if attempt.is_claimed:  # its time is up already: make nothing
            raise TaskCancelled
        live = [one for one in self._around(use) if one.state != lease_states.CLOSED]
        options, key = use.scope.options, self._keys.get(use, "")
        request = LeaseRequest(
            self.names.of(use), manager, thread, tuple(live), plainly, limits_of(options),
            options.find_for, key,
        )  # fmt: skip
        lease, self._notes[use] = prepared(self._keeper, request)
        reuse.note_arguments(lease, self._arguments.get(use))
        self.leases[use] = lease
        return lease

    def _around(self, use: ScopeUse) -> list[Lease]:
        """The leases whose resources that of `use` may depend on."""
        known = list(self.leases.items())
        found: list[Lease] = []
        for one in self.rows.around(use):
            if isinstance(one, Scope):
                items = {other.item: lease for other, lease in known if other.scope is one}
                found += [items[item] for item in sorted(items)]
            elif one in self.leases:
                found.append(self.leases[one])
        return found

    def clean_up(self, row: int, *, last_try: bool) -> None:
        """Close the lease, unless the scope's options put that off.

        If it fails at the last try, the reaper takes over.

        Raises:
            SKIP: it is put off.
            LeaseLost: another process cleans up, or has done so while tasks inside went on.
        """
        use = self.rows.use_of(row)
        lease = self.leases.get(use)
        if lease is None:
            raise SKIP("there is nothing to clean up")
        ended: Exception | None = None
        try:
            self._close(use, lease, last_try=last_try)
        except (SKIP, LeaseLost) as error:
            ended = error
        if loss := self._loss(use, lease):
            ended = LeaseLost(loss)
        if ended is not None:
            raise ended

    def _close(self, use: ScopeUse, lease: Lease, *, last_try: bool) -> None:
        options = use.scope.options
        if options.lifetime == "kernel":
            self._shared.released(use)
            if not lease.retired or lease.in_use:
                raise SKIP("kept until the kernel ends (lifetime='kernel')")
        elif (
            not lease.retired
            and options.on != "always"
            and (options.on == "success") != self._succeeded(use)
        ):
            raise SKIP(f"kept until the kernel ends (on={options.on!r})")
        self.before_close(use.scope)
        lease.close(stoppably, hand_over=last_try)

    def _release(self, use: ScopeUse) -> None:
        """`use` no longer needs what it shares; the last user of a retired lease closes it."""
        lease = self._shared.released(use)
        if lease is not None:
            put_away(lease)

    def _succeeded(self, use: ScopeUse) -> bool:
        return use.scope not in self.failed and self.rows.have_succeeded(use)

    def losses(self) -> list[str]:
        """The resources that another process cleaned up before their tasks had ended, and why."""
        if monotonic() - self._began >= FENCE_AFTER:  # the kernel may not have heard of it yet
            for lease in list(self.leases.values()):
                lease.catch_up()
        return [loss for one in list(self.leases.items()) if (loss := self._loss(*one))]

    def _loss(self, use: ScopeUse, lease: Lease) -> str:
        rows = self.rows.with_children(self.rows.rows(use)) if lease.is_lost else []
        return loss_of(lease, rows, self._scheduler.table, self.run.execution.clock)

    def release_thread(self, use: ScopeUse) -> None:
        """`use` is closed: its thread ends, unless the lease still needs it."""
        self._threads.release(use)

    # ---- the end of the run

    def finish(self) -> dict[ScopeUse, Lease]:
        """Release threads and shared resources; returns the leases that stay open."""
        for lease in self._shared.released_all():
            lease.thread.submit(partial(put_away, lease))
        for use, lease in list(self.leases.items()):
            left_over = self._is_left_over(use, lease)
            retired = lease.retired and lease.state == lease_states.OPEN and not lease.in_use
            if retired or left_over:
                lease.thread.submit(partial(put_away, lease))
            if left_over:
                del self.leases[use]
            lease.hand_over()
        self._threads.release_all()
        return {
            use: lease
            for use, lease in in_order(self.leases)
            if lease.state == lease_states.OPEN
            and not lease.retired
            and use.scope.options.lifetime != "kernel"
            and self.rows.was_set_up(use)
        }

    def close_all(self) -> None:
        """The run has broken down: close what it has opened, within the time limits."""
        own = [
            lease
            for use, lease in list(self.leases.items())
            if use.scope.options.lifetime != "kernel" and lease.state != lease_states.CLOSED
        ]
        limits = [use.scope.options.cleanup_timeout for use in list(self.leases)]
        self._keeper.close(own, budget=max(limits, default=0.0))

    def _is_left_over(self, use: ScopeUse, lease: Lease) -> bool:
        """Whether an earlier run has opened `lease`, and this one neither used nor closed it."""
        return (
            lease.state == lease_states.OPEN
            and use.scope.options.lifetime != "kernel"
            and not self.rows.was_set_up(use)
        )
