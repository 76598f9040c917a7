"""What a flow remembers of its scopes between runs: their latest leases, and what is open."""

from collections import ChainMap
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from resnb.errors import LeaseLost, NoValueError
from resnb.graph.resources.scope import WHOLE, Scope, ScopeUse
from resnb.ledger import states as lease_states
from resnb.ledger.clock import now
from resnb.ledger.kernel.lease import Lease
from resnb.run.scheduling.scope_rows import in_order

if TYPE_CHECKING:
    from resnb.run.engine.execution import Execution
    from resnb.run.scheduling.plan import Plan
    from resnb.states import State

_BY_URGENCY = (
    lease_states.FAILED, "with the reaper", lease_states.LOOKING, lease_states.OPENING,
    lease_states.CLOSING, lease_states.OPEN, lease_states.KEPT, lease_states.CLOSED,
)  # fmt: skip


class LeaseMemory:
    """The leases of one flow's scopes.

    Attributes:
        open: leases that a run has left open, by the use of a scope.
    """

    def __init__(self) -> None:
        self.open: dict[ScopeUse, Lease] = {}
        self._latest: Mapping[ScopeUse, Lease] = {}

    # ---- written by runs

    def begin(self, execution: "Execution", *, whole: bool) -> None:
        """`execution` is the latest run; older leases of scopes that it leaves alone stay known.

        A whole run leaves alone what is given to it as set up; a partial one all that it does not
        set up.
        """
        plan = execution.plan
        if whole:
            scopes = {one.scope for one in plan.scopes if _is_set_up(plan.given.get(one.setup))}
        else:
            scopes = set(plan.flow.scopes) - set_up_by(plan)
        older = {use: lease for use, lease in self._latest.items() if use.scope in scopes}
        self._latest = ChainMap(execution.scopes.leases, older)

    def let_go(self, uses: Iterable[ScopeUse]) -> None:
        """The leases of `uses` were closed: no run uses them again, and views show their end."""
        ended = {use: lease for use in uses if (lease := self.open.pop(use, None))}
        self._latest = {**self._latest, **ended}

    # ---- the latest leases

    def all(self) -> list[Lease]:
        """The latest lease of each scope, and of each item of a mapped one, that had one."""
        return [lease for _, lease in in_order({**self._latest, **self.open})]

    def of(self, scope: Scope, item: int = WHOLE) -> Lease | None:
        """The latest lease of `scope`, or of an item of it."""
        use = ScopeUse(scope, item)
        return self.open.get(use) or self._latest.get(use)

    def by_item(self, scope: Scope) -> dict[int, Lease]:
        """The latest leases of `scope` by item: one for each, or one for the whole of it."""
        if not scope.is_mapped:
            lease = self.of(scope)
            return {} if lease is None else {WHOLE: lease}
        known = {**self._latest, **self.open}
        found = {use.item: lease for use, lease in known.items() if use.scope is scope}
        return dict(sorted(found.items()))

    def state(self, scope: Scope) -> str:
        """The state of the scope's latest lease; of several leases, the most urgent state."""
        return next(iter(self.states(scope)), "not yet")

    def states(self, scope: Scope) -> dict[str, int]:
        """How many of the scope's latest leases are in each state, the most urgent state first."""
        found = [lease_word(lease) for lease in self.by_item(scope).values()]
        return {state: found.count(state) for state in _BY_URGENCY if state in found}

    # ---- the live resources

    def resource(self, scope: Scope, *, has_items: bool) -> Any:
        """The live resource; for a mapped scope a list, with None for what is not open.

        Args:
            scope: the scope.
            has_items: whether the set-up of a mapped scope has run, be it over no items.

        Raises:
            LeaseLost: the reaper has taken the resource away.
            NoValueError: it is not open.
        """
        leases = self.by_item(scope)
        if not scope.is_mapped:
            return _open_resource(scope, leases.get(WHOLE))
        opened = [one for one in leases.values() if one.state == lease_states.OPEN]
        if leases and not opened:
            return _open_resource(scope, next(iter(leases.values())))
        if not leases and not has_items:
            return _open_resource(scope, None)
        for one in opened:
            one.last_used = now()
        count = 1 + max(leases, default=-1)
        return [leases[item].resource if item in leases else None for item in range(count)]


def _open_resource(scope: Scope, lease: Lease | None) -> Any:
    if lease is not None and lease.state == lease_states.OPEN:
        lease.last_used = now()
        return lease.resource
    if lease is not None and lease.is_lost:
        raise LeaseLost(f"resource {scope.name!r} was taken away: {lease.reason}")
    state = "is not set up" if lease is None else f"is {lease.state}"
    message = (
        f"resource {scope.name!r} {state}: it has a value while its scope is open, inside a task "
        f"or after a cell with {scope.clause} --run"
    )
    raise NoValueError(message)


def set_up_by(plan: "Plan") -> set[Scope]:
    """The scopes that `plan` sets up."""
    return {one.scope for one in plan.scopes if one.setup >= 0 and one.setup not in plan.given}


def _is_set_up(state: "State | None") -> bool:
    """Whether a set-up with that given state has a lease; a cached resource was passed in."""
    if state is None or state.is_skipped() or state.is_cached():
        return False
    return state.is_successful()


def lease_word(lease: Lease | None) -> str:
    """The word that views use for the state of `lease`."""
    if lease is None:
        return "not yet"
    if lease.left_as == lease_states.LOOKING:
        return lease.left_as
    return "with the reaper" if lease.is_with_reaper else lease.state
