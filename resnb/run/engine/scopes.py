"""The scopes of one run: their managers, leases and threads.

Each use of a scope has its own: the scope itself, or each item of one that is mapped. This is
all that a run asks of the ledger: prepare a lease before set-up, close it once.
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from resnb.errors import TaskCancelled
from resnb.graph.base.signals import SKIP, SUCCESS
from resnb.graph.resources.adapters import renewed
from resnb.graph.resources.scope import WHOLE, Scope, ScopeOptions, ScopeUse
from resnb.ledger import states as lease_states
from resnb.ledger.kernel.keeper import Keeper
from resnb.ledger.kernel.kernel_wide import SharedResource
from resnb.ledger.kernel.lease import Lease
from resnb.ledger.kernel.request import LeaseRequest, Limits
from resnb.ledger.kernel.thread import LeaseThread
from resnb.run.engine.stoppable_calls import plainly, stoppably
from resnb.run.scheduling.codes import has_made
from resnb.run.scheduling.scope_rows import Uses
from resnb.states import FIRST_FINISHED, FIRST_UNSUCCESSFUL

if TYPE_CHECKING:
    from resnb.run.engine.attempt import Attempt
    from resnb.run.scheduling.plan import Plan
    from resnb.run.scheduling.scheduler import Scheduler


class RunScopes:
    """Set-up and clean-up of one run's scopes.

    Args:
        plan: the run's plan.
        keeper: the kernel's leases.
        run: what hooks receive as the run.
        open_leases: leases of scopes that are open already.

    Attributes:
        before_close: called with a scope before a lease of it is closed.
        leases: the latest lease of each use.
        given_up: items of mapped scopes whose resources were taken away, and why.
        waning: the leases of those, and who works with them yet.
    """

    def __init__(
        self, plan: "Plan", keeper: Keeper, run: Any, open_leases: Mapping[ScopeUse, Lease]
    ) -> None:
        self.run = run
        self.before_close: Callable[[Scope], object] = lambda _: None
        self.leases: dict[ScopeUse, Lease] = dict(open_leases)
        self.given_up: dict[ScopeUse, str] = {}
        self.waning: list[tuple[Lease, list[int]]] = []
        self._plan = plan
        self._keeper = keeper
        self._uses = Uses(plan)
        self._threads: dict[ScopeUse, LeaseThread] = {}
        self._entries: dict[ScopeUse, SharedResource] = {}
        self._keys: dict[ScopeUse, str] = {}
        self._lock = threading.Lock()
        self._names = lease_names(plan.flow.name, plan.flow.scopes)

    def follow(self, scheduler: "Scheduler") -> None:
        """Know whose rows these are; before anything begins."""
        self._uses.scheduler = scheduler

    def options_of(self, row: int) -> ScopeOptions:
        """The options of the scope that `row` belongs to."""
        return self._uses.of(row).scope.options

    def thread_of(self, row: int) -> LeaseThread:
        """The thread on which `row` runs: that of its scope, or of its item."""
        use = self._uses.of(row)
        lease = self.leases.get(use)
        if lease is not None and lease.state != lease_states.CLOSED:
            return lease.thread
        return self._own_thread(use)

    def replace_thread(self, row: int) -> None:
        """The code of `row` hangs on its scope's thread: go on without it."""
        use = self._uses.of(row)
        lease = self.leases.get(use)
        if lease is None or lease.state in (lease_states.OPENING, lease_states.CLOSED):
            # init or set-up hangs; should it make something yet, that goes away on its thread
            self.leases.pop(use, None)
            if (entry := self._entries.get(use)) is not None:
                self._keeper.unshare(entry)
            with self._lock:
                if use in self._threads:
                    self._threads[use] = self._threads[use].replaced()
            return
        lease.cut_short("its code did not return within its time limit and the grace after it")
        with self._lock:
            if use in self._threads:
                self._threads.pop(use).close()

    def _own_thread(self, use: ScopeUse) -> LeaseThread:
        with self._lock:
            if use not in self._threads:
                self._threads[use] = LeaseThread()
            return self._threads[use]

    # ---- the steps, each on the scope's thread

    def init(self, row: int, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Make the manager, or take the one that is shared by the whole kernel."""
        use = self._uses.of(row)
        scope = use.scope
        recipe = scope.manager.resource_class
        if scope.options.keep is not None:
            from resnb.ledger.kernel.adoption import adoption_key

            definition = scope.manager.definition
            self._keys[use] = adoption_key(self._name(use), definition, tuple(args), kwargs)
        if scope.options.lifetime != "kernel":
            return stoppably(recipe, *args, **kwargs)
        entry = self._entries[use] = self._keeper.shared(recipe, (tuple(args), kwargs))
        try:
            return entry.made(lambda: stoppably(recipe, *args, **kwargs))
        except BaseException:
            self._keeper.unshare(entry)
            raise

    def set_up(self, attempt: "Attempt", manager: Any) -> Any:
        """Make the resource; a failed attempt leaves nothing behind.

        What it makes is taken back by ``attempt.undo`` if the row is not to end as having made it.
        """
        use = self._uses.of(attempt.row)
        thread = self.thread_of(attempt.row)
        if use.scope.options.lifetime == "kernel":
            return self._share(use, manager, attempt, thread)
        self._close_earlier(use, thread)
        lease = self._prepare(use, renewed(manager), attempt, thread)
        if lease.state == lease_states.OPENING:
            lease.set_up(_made)
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
            self._keeper.share(entry)  # it left when an earlier lease was closed
            if lease.state == lease_states.OPENING:
                lease.set_up(_made)
            return lease

        lease = self.leases[use] = entry.opened((self, use), open_lease)
        attempt.undo = partial(self._release, use)
        return lease.resource

    def _close_earlier(self, use: ScopeUse, thread: LeaseThread) -> None:
        """Close what an earlier run left open for this item, which is another one now."""
        earlier = self.leases.get(use)
        if earlier is None or earlier.state != lease_states.OPEN:
            return
        with self._lock:  # the lease lets go of the thread that we are on
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
        limits = Limits(*(getattr(use.scope.options, name) for name in Limits._fields))
        key = self._keys.get(use, "")
        wanted = LeaseRequest(self._name(use), manager, thread, tuple(live), plainly, limits, key)
        lease = self._keeper.adoptions.for_scope(wanted) or self._keeper.prepare(wanted)
        self.leases[use] = lease
        return lease

    def _around(self, use: ScopeUse) -> list[Lease]:
        """The leases whose resources that of `use` may depend on."""
        known = list(self.leases.items())
        found: list[Lease] = []
        for one in self._uses.around(use):
            if isinstance(one, Scope):
                items = {other.item: lease for other, lease in known if other.scope is one}
                found += [items[item] for item in sorted(items)]
            elif one in self.leases:
                found.append(self.leases[one])
        return found

    def _name(self, use: ScopeUse) -> str:
        return use.named(self._names[use.scope])

    def take_away(self, lease: Lease, reason: str) -> list[int]:
        """The resource of `lease` is gone, or about to be; gives the rows that use it.

        What is mapped over it later on gets no child for it; see `gone_items`.
        """
        uses = [use for use, one in list(self.leases.items()) if one is lease]
        rows = sorted({row for use in uses for row in self._uses.rows(use)})
        items = [use for use in uses if use.item != WHOLE]
        self.given_up.update(dict.fromkeys(items, reason))
        if items:  # the clean-up of the scope waits for the other items
            self.waning.append((lease, rows))
        return rows

    def close_unused(self) -> None:
        """Close what was taken away from a mapped scope as soon as nothing works with it."""
        is_over = self._uses.scheduler.is_over
        over = [one for one in self.waning if all(map(is_over, one[1]))]
        for one in over:
            self.waning.remove(one)
            lease = one[0]
            known = list(self.leases.values())  # others may set up meanwhile
            inside = [other for other in known if lease in other.around]
            lease.thread.submit(partial(self._keeper.close, [lease, *inside]))

    def in_step(self, scope: Scope) -> frozenset[int]:
        """The rows of which each child works with one resource of mapped `scope`."""
        return self._uses.in_step(scope)

    def gone_items(self, row: int) -> dict[int, str]:
        """The items that are not to be worked on by the children of `row`, and why."""
        return self._uses.items_of(row, self.given_up)

    def clean_up(self, row: int, *, last_try: bool) -> None:
        """Close the lease, unless the scope's options put that off.

        Args:
            row: the row.
            last_try: whether the reaper is to go on if this fails.

        Raises:
            SKIP: it is put off.
        """
        use = self._uses.of(row)
        options = use.scope.options
        lease = self.leases.get(use)
        if lease is None:
            raise SKIP("there is nothing to clean up")
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
        """`use` needs what it shares no longer; the last user of what is retired closes it."""
        lease = self._release_entry(use)
        if lease is not None:
            _put_away(lease)

    def _release_entry(self, use: ScopeUse) -> Lease | None:
        entry = self._entries.get(use)
        return None if entry is None else entry.released((self, use))

    def _succeeded(self, use: ScopeUse) -> bool:
        state, children = self._uses.scheduler.table.state, self._uses.scheduler.children
        inside = [
            one
            for row in self._uses.inside(use)
            for one in (row, *(children[row].rows() if row in children else ()))
        ]
        return all(FIRST_FINISHED <= state[row] < FIRST_UNSUCCESSFUL for row in inside)

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
        """The run broke down: close what it has opened, as far as that can be done in time."""
        own = [
            lease
            for use, lease in list(self.leases.items())
            if use.scope.options.lifetime != "kernel" and lease.state != lease_states.CLOSED
        ]
        limits = [use.scope.options.cleanup_timeout for use in list(self.leases)]
        self._keeper.close(own, budget=max(limits, default=0.0))

    def _is_left_over(self, use: ScopeUse, lease: Lease) -> bool:
        """Whether an earlier run has opened `lease` for an item that there is no longer."""
        return (
            use.item != WHOLE
            and lease.state == lease_states.OPEN
            and use.scope.options.lifetime != "kernel"
            and not self._was_set_up(use)
        )

    def _was_set_up(self, use: ScopeUse) -> bool:
        scheduler = self._uses.scheduler
        row = self._plan.row_of.get(use.scope.setup_task)
        if row is None:
            return True
        if use.item == WHOLE:
            return has_made(scheduler.table.state[row])
        if row not in scheduler.children:  # it was open before, and this run came to nothing
            return True
        child = scheduler.children[row].first + use.item
        return child < scheduler.children[row].last and has_made(scheduler.table.state[child])


def _put_away(lease: Lease) -> None:
    with suppress(BaseException):  # the lease keeps the reason, and stays listed
        lease.close()


def _made(function: Callable[..., Any], *args: Any) -> Any:
    """What a set-up's function gives: its value, or that of the signal by which it ends well."""
    try:
        return stoppably(function, *args)
    except SUCCESS as signal:
        return signal.state.result


def in_order(leases: Mapping[ScopeUse, Lease]) -> list[tuple[ScopeUse, Lease]]:
    """`leases` with those of one scope by item; they were set up side by side."""
    known = list(leases.items())
    place = {scope: number for number, scope in enumerate(dict.fromkeys(u.scope for u, _ in known))}
    return sorted(known, key=lambda pair: (place[pair[0].scope], pair[0].item))


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


__all__ = ["RunScopes", "in_order", "lease_names"]
