"""The scopes of one run: their managers, leases and threads.

Each use of a scope (the scope itself, or each item of one that is mapped) has its own. All that a
run asks of the ledger is to prepare a lease before set-up, and to close it once.
"""

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any

from resnb.errors import LeaseLost, TaskCancelled
from resnb.graph.base.signals import SKIP, SUCCESS
from resnb.graph.resources.adapters import renewed
from resnb.graph.resources.scope import WHOLE, Scope, ScopeOptions, ScopeUse
from resnb.ledger import states as lease_states
from resnb.ledger.kernel.adoption import adoption_key
from resnb.ledger.kernel.keeper import Keeper
from resnb.ledger.kernel.kernel_wide import SharedResource
from resnb.ledger.kernel.lease import Lease
from resnb.ledger.kernel.request import LeaseRequest
from resnb.ledger.kernel.thread import LeaseThread
from resnb.ledger.reaper.decisions import FENCE_AFTER
from resnb.run.engine.stoppable_calls import plainly, stoppably
from resnb.run.losses import loss_of
from resnb.run.opening import limits_of, prepared, set_up
from resnb.run.scheduling.outcome import has_made
from resnb.run.scheduling.scope_rows import ScopeRows, in_order
from resnb.states import FIRST_FINISHED, FIRST_UNSUCCESSFUL

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
        leases: the latest lease of each use.
        given_up: items of mapped scopes whose resources were taken away, and why.
        waning: the leases of those, and the rows that still work with them.
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
        self.given_up: dict[ScopeUse, str] = {}
        self.waning: list[tuple[Lease, list[int]]] = []
        self.failed: set[Scope] = set()
        self._began = monotonic()
        self._scheduler = scheduler
        self._plan = scheduler.plan
        self._children = scheduler.mapped.children
        self._keeper = keeper
        self.rows = ScopeRows(scheduler.plan, scheduler.mapped)
        self._threads: dict[ScopeUse, LeaseThread] = {}
        self._entries: dict[ScopeUse, SharedResource] = {}
        self._keys: dict[ScopeUse, str] = {}
        self._notes: dict[ScopeUse, str] = {}
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._names: dict[Scope, str] = {}
        for scope in self._plan.flow.scopes:
            self.name(scope)

    def name(self, scope: Scope) -> None:
        """Name the leases of `scope`: ``flow/variable``, numbered where that repeats."""
        base = "kernel" if scope.options.lifetime == "kernel" else self._plan.flow.name
        name = f"{base}/{scope.name}"
        self._counts[name] += 1
        count = self._counts[name]
        self._names[scope] = name if count == 1 else f"{name}-{count}"

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
        return self._own_thread(use)

    def replace_thread(self, row: int) -> None:
        """The code of `row` hangs on its scope's thread: go on without it."""
        use = self.rows.use_of(row)
        lease = self.leases.get(use)
        if lease is None or lease.state in (lease_states.OPENING, lease_states.CLOSED):
            # init or set-up hangs; what it may still make is removed on its own thread
            self.leases.pop(use, None)
            if (entry := self._entries.get(use)) is not None:
                self._keeper.unshare(entry)
            with self._lock:
                if use in self._threads:
                    self._threads[use] = self._threads[use].replaced()
            return
        lease.cut_short("its code did not return within its time limit and the grace after it")
        self.release_thread(use)

    def _own_thread(self, use: ScopeUse) -> LeaseThread:
        with self._lock:
            if use not in self._threads:
                self._threads[use] = LeaseThread()
            return self._threads[use]

    # ---- the steps, each on the scope's thread

    def init(self, row: int, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Make the manager, or take the one that is shared by the whole kernel."""
        use = self.rows.use_of(row)
        scope = use.scope
        recipe = scope.manager.resource_class
        definition = scope.manager.definition
        self._keys[use] = adoption_key(self._lease_name(use), definition, tuple(args), kwargs)
        if scope.options.lifetime != "kernel":
            return stoppably(recipe, *args, **kwargs)
        shared = scope.manager.shared or self._keeper.shared(recipe, (tuple(args), kwargs))
        entry = self._entries[use] = shared
        try:
            return entry.made(lambda: stoppably(recipe, *args, **kwargs))
        except BaseException:
            self._keeper.unshare(entry)
            raise

    def set_up(self, attempt: "Attempt", manager: Any) -> Any:
        """Make the resource; a failed attempt leaves nothing behind.

        ``attempt.undo`` takes back what it makes if the row does not end in success.
        """
        use = self.rows.use_of(attempt.row)
        thread = self.thread_of(attempt.row)
        if use.scope.options.lifetime == "kernel":
            return self._share(use, manager, attempt, thread)
        self._close_earlier(use, thread)
        lease = self._prepare(use, renewed(manager), attempt, thread)
        self._set_up(lease, use)
        attempt.undo = partial(_put_away, lease)
        return lease.resource

    def _share(self, use: ScopeUse, manager: Any, attempt: "Attempt", thread: LeaseThread) -> Any:
        entry = self._entries.get(use)
        if entry is None:  # the manager was given to the run
            entry = self._entries[use] = SharedResource(use.scope.manager.resource_class, ())
            entry.manager = manager

        def open_lease() -> Lease:
            entry.manager = renewed(entry.manager)
            lease = self._prepare(use, entry.manager, attempt, thread)
            self._keeper.share(entry)  # it was removed when an earlier lease was closed
            self._set_up(lease, use)
            return lease

        lease = self.leases[use] = entry.opened((self, use), open_lease)
        attempt.undo = partial(self._release, use)
        return lease.resource

    def _set_up(self, lease: Lease, use: ScopeUse) -> None:
        """Set up what was not adopted; an error says what may have stood in its way."""
        set_up(self._keeper, lease, _made, self._notes.pop(use, ""))

    def _close_earlier(self, use: ScopeUse, thread: LeaseThread) -> None:
        """Close what an earlier run left open for this item, which has changed."""
        earlier = self.leases.get(use)
        if earlier is None or earlier.state != lease_states.OPEN:
            return
        with self._lock:  # the lease releases the thread that this runs on
            if use not in self._threads:
                self._threads[use] = thread.hold()
        _put_away(earlier)

    def _prepare(
        self, use: ScopeUse, manager: Any, attempt: "Attempt", thread: LeaseThread
    ) -> Lease:
        """A lease to set up, or the open one that an earlier kernel has kept for this scope."""
        if attempt.is_claimed:  # its time is up already: make nothing
            raise TaskCancelled
        live = [one for one in self._around(use) if one.state != lease_states.CLOSED]
        options, key = use.scope.options, self._keys.get(use, "")
        request = LeaseRequest(
            self._lease_name(use), manager, thread, tuple(live), plainly, limits_of(options),
            options.find_for, key,
        )  # fmt: skip
        lease, self._notes[use] = prepared(self._keeper, request)
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

    def _lease_name(self, use: ScopeUse) -> str:
        return use.named(self._names[use.scope])

    def take_away(self, lease: Lease, reason: str) -> list[int]:
        """The resource of `lease` is gone, or about to be; gives the rows that use it.

        Rows that are expanded later get no child for it; see `ScopeRows.items_of`.
        """
        uses = [use for use, one in list(self.leases.items()) if one is lease]
        rows = sorted({row for use in uses for row in self.rows.rows(use)})
        items = [use for use in uses if use.item != WHOLE]
        self.given_up.update(dict.fromkeys(items, reason))
        if items:  # the clean-up of the scope waits for the other items
            self.waning.append((lease, rows))
        return rows

    def close_unused(self) -> None:
        """Close what was taken away from a mapped scope as soon as nothing works with it."""
        is_over = self._scheduler.is_over
        over = [one for one in self.waning if all(map(is_over, one[1]))]
        for one in over:
            self.waning.remove(one)
            lease = one[0]
            known = list(self.leases.values())  # others may set up meanwhile
            inside = [other for other in known if lease in other.around]
            lease.thread.submit(partial(self._keeper.close, [lease, *inside]))

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
            self._release_entry(use)
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
        lease = self._release_entry(use)
        if lease is not None:
            _put_away(lease)

    def _release_entry(self, use: ScopeUse) -> Lease | None:
        entry = self._entries.get(use)
        return None if entry is None else entry.released((self, use))

    def _succeeded(self, use: ScopeUse) -> bool:
        state = self._scheduler.table.state
        inside = self._with_children(self.rows.inside(use))
        succeeded = all(FIRST_FINISHED <= state[row] < FIRST_UNSUCCESSFUL for row in inside)
        return succeeded and use.scope not in self.failed

    def _with_children(self, rows: list[int]) -> list[int]:
        known = self._children
        return [one for row in rows for one in (row, *(known[row].rows() if row in known else ()))]

    def losses(self) -> list[str]:
        """What another process has cleaned up before the tasks inside had ended, and why."""
        if monotonic() - self._began >= FENCE_AFTER:  # what went on may not have heard of it yet
            for lease in list(self.leases.values()):
                lease.catch_up()
        return [loss for one in list(self.leases.items()) if (loss := self._loss(*one))]

    def _loss(self, use: ScopeUse, lease: Lease) -> str:
        rows = self._with_children(self.rows.rows(use)) if lease.is_lost else []
        return loss_of(lease, rows, self._scheduler.table, self.run.execution.clock)

    def release_thread(self, use: ScopeUse) -> None:
        """`use` is closed: its thread ends, unless the lease still needs it."""
        with self._lock:
            thread = self._threads.pop(use, None)
        if thread is not None:
            thread.close()

    # ---- the end of the run

    def finish(self) -> dict[ScopeUse, Lease]:
        """Let go of the threads and of what is shared; gives the leases that are still open."""
        for use in list(self._entries):
            lease = self._release_entry(use)
            if lease is not None:
                lease.thread.submit(partial(_put_away, lease))
        for use, lease in list(self.leases.items()):
            left_over = self._is_left_over(use, lease)
            retired = lease.retired and lease.state == lease_states.OPEN and not lease.in_use
            if retired or left_over:
                lease.thread.submit(partial(_put_away, lease))
            if left_over:
                del self.leases[use]
            lease.hand_over()
        with self._lock:
            threads = list(self._threads.values())
            self._threads.clear()
        for thread in threads:
            thread.close()
        return {
            use: lease
            for use, lease in in_order(self.leases)
            if lease.state == lease_states.OPEN
            and not lease.retired
            and use.scope.options.lifetime != "kernel"
            and self._was_set_up(use)
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
        """Whether an earlier run has opened `lease` for an item that no longer exists."""
        return (
            use.item != WHOLE
            and lease.state == lease_states.OPEN
            and use.scope.options.lifetime != "kernel"
            and not self._was_set_up(use)
        )

    def _was_set_up(self, use: ScopeUse) -> bool:
        row, state = self._plan.row_of.get(use.scope.setup_task), self._scheduler.table.state
        if row is None:
            return True
        if use.item == WHOLE:
            return has_made(state[row])
        if row not in self._children:  # it was open before, and this run did not get to it
            return True
        child = self._children[row].first + use.item
        return child < self._children[row].last and has_made(state[child])


def _put_away(lease: Lease) -> None:
    with suppress(BaseException):  # the lease keeps the reason, and stays listed
        lease.close()


def _made(function: Callable[..., Any], *args: Any) -> Any:
    """The value of a set-up's function, or that of the SUCCESS signal that it raises."""
    try:
        return stoppably(function, *args)
    except SUCCESS as signal:
        return signal.state.result
