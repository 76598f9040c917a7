"""The scheduler: a state machine without I/O, threads or clock.

Outcomes go in: a row succeeded, failed, wants another try, or its code has returned at last. Rows
that may run now come out: in ``ready`` those for workers, in ``errands`` those that run elsewhere.
Only the scheduler writes a row's state, except that whoever takes a row from ``ready`` marks it as
running. Taking is atomic: a cancel and a worker cannot both have a row.

The plan may grow until `close`; that of a flow is closed from the start. A row is added in two
steps: `add` makes its place in the arrays, and `join`, an event like the others, links it to what
it waits for, which may end at that very moment. A block's clean-up is *held* until `let_go`.

Invariants: a row is released only when nothing that it waits for is missing (see `Waits`), a
clean-up only when, besides, no code of its scope is running; ``unfinished`` counts the rows without
a final state, the children of mapped rows included.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from resnb.run.scheduling.given_up import GivenUp
from resnb.run.scheduling.growth import AddedRow
from resnb.run.scheduling.lazy_scopes import LazyScopes
from resnb.run.scheduling.mapped_rows import MappedRows
from resnb.run.scheduling.overruns import Overruns
from resnb.run.scheduling.plan import Plan
from resnb.run.scheduling.state_table import Table
from resnb.run.scheduling.trigger_rules import Refusal, TriggerRules
from resnb.run.scheduling.waits import Waits
from resnb.states import (
    CANCELLED,
    FIRST_FINISHED,
    MAPPED,
    PENDING,
    RETRYING,
    RUNNING,
    SUCCESS,
    TRIGGER_FAILED,
)

if TYPE_CHECKING:
    from resnb.graph.node import Node

NOT_BEGUN = "the run was cancelled before it began"


class Scheduler:
    """Decides which rows of a plan may run.

    Attributes:
        closed: whether the plan has stopped growing.
        joined: how many planned rows have been joined.
        cancelled: whether a closed plan was cancelled as a whole.
        reasons: why rows ended as they did.
        refusals: how rows are to end that must not run, but whose tasks have handlers or hooks.
            Such a row is still released, so that these are called first.
        refused: called with a row and a reason just before the row ends because of its trigger.
        on_end: called with each row that has its final state, before its downstream rows are told.
    """

    def __init__(self, plan: Plan, table: Table) -> None:
        self.plan = plan
        self.table = table
        self.mapped = MappedRows(plan, table)
        self.ready: deque[int] = deque()
        self.errands: deque[int] = deque()
        self.unfinished = self.joined = len(plan.tasks)
        self.closed = not plan.grows
        self.cancelled = False
        self.reasons: dict[int, str] = {}
        self.refusals: dict[int, Refusal] = {}
        self.refused: Callable[[int, str], object] = lambda _row, _reason: None
        self.on_end: Callable[[int], object] | None = None
        self._rules = TriggerRules(plan, table, self.mapped)
        self._lazy = LazyScopes(plan)
        self._waits = Waits(plan)
        self._lazy.hold_back(self._waits)
        self._given_up = GivenUp(self.mapped)
        self._pausing: set[int] = set()
        self._overruns = Overruns(plan)
        self._cleanups = {one.cleanup for one in plan.scopes if one.cleanup >= 0}
        self._held: set[int] = set()
        self._following: list[int] | None = None

    @property
    def done(self) -> bool:
        """Whether no row is left to run or to come, and no code of an ended row is running."""
        return self.closed and not self.unfinished and not self._overruns

    # ---- a plan that grows

    def add(self, node: "Node", added: AddedRow) -> int:
        """Make a place for one more row, which has yet to be joined; returns its number."""
        self.table.append()
        row = self.plan.append(node, added)
        self._waits.append(row)
        return row

    def join(self, row: int, upstream: Iterable[int], cleanup: int) -> None:
        """Let `row` wait for `upstream`, and the clean-up of its scope (-1: none) wait for `row`.

        Rows are joined in the order in which they were added.
        """
        self.joined += 1
        self.unfinished += 1
        plan, state, waits = self.plan, self.table.state, self._waits
        for one in upstream:
            is_over = state[one] >= FIRST_FINISHED
            plan.link(one, row, waits=not is_over)
            if not is_over:
                waits.hold(row)
            elif state[one] != SUCCESS:
                waits.judged[row] = 1
        if cleanup >= 0:
            plan.link(row, cleanup)
            waits.hold(cleanup)
        if plan.tasks[row].kind == "cleanup":
            self._cleanups.add(row)
            self._held.add(row)
            waits.hold(row)
        self._one_less(row)

    def let_go(self, cleanup: int) -> None:
        """The block of `cleanup` is over: it starts when what is inside has ended."""
        if cleanup in self._held:
            self._held.discard(cleanup)
            self._one_less(cleanup)

    def close(self) -> None:
        """No more rows come."""
        self.closed = True

    def _one_less(self, row: int) -> None:
        if self._waits.let_go(row):
            (self._release if self._waits.judged[row] else self._queue)(row)

    # ---- events

    def begin(self) -> None:
        """Take over the states that were given, and release the rows that wait for nothing."""
        waits = self._waits
        waits.judged[:] = self.plan.judged  # its lanes may have changed since
        pending = self.table.state  # a cancel may have come before this
        given = {row: one for row, one in self.plan.given.items() if pending[row] == PENDING}
        roots = [row for row, count in enumerate(waits.missing) if not count and row not in given]
        for row, state in given.items():
            waits.judged[row] = 1
            self.table.take_over(row, state.code)
            codes = [one.code for one in getattr(state, "map_states", ())]
            if codes:
                self.mapped.add(row, len(codes), enumerate(codes))
        self.unfinished -= len(given)
        for row, state in given.items():
            self._announce(row, state.code)
        for row in roots:
            self._release(row)
        for refused in self._lazy.idle():
            self._refuse(*refused)

    def succeeded(self, row: int) -> None:
        """The code of `row` returned; its value is in place."""
        state = self.table.state
        if state[row] != RUNNING:
            self._end(row, SUCCESS)
            return
        state[row] = SUCCESS
        self.unfinished -= 1
        if self.on_end is not None:
            self.on_end(row)
        waits = self._waits
        if row >= len(waits.missing):
            self._child_ended(row)
            return
        missing, judged = waits.missing, waits.judged
        for after in self.plan.downstream[row]:
            count = missing[after] - 1
            missing[after] = count
            if not count:
                if judged[after]:
                    self._release(after)
                else:
                    self.ready.append(after)

    def ended(self, row: int, code: int, reason: str = "") -> bool:
        """End `row` in state `code`; returns false if it has its final state already."""
        if self.table.state[row] >= FIRST_FINISHED:
            return False
        if reason:
            self.reasons[row] = reason
        self._end(row, code)
        return True

    def retry(self, row: int) -> bool:
        """Let `row`, which has tries left, wait for the next one; false if it was given up."""
        if self.is_given_up(row):
            return False
        self.table.move(row, RETRYING)
        self._pausing.add(row)
        return True

    def resume(self, row: int) -> None:
        """The pause before the next try of `row` is over."""
        if row in self._pausing:
            self._pausing.discard(row)
            self._queue(row)

    def expand(
        self,
        row: int,
        count: int,
        owners: Mapping[int, Sequence[int]] | None = None,
        kept: Mapping[int, int] | None = None,
    ) -> None:
        """`row` is mapped over `count` items: give each a row of its own.

        Args:
            row: the row.
            count: how many items there are.
            owners: for a mapped row upstream whose values were flattened, the child that gave
                each item.
            kept: the codes of children, by number, that need not run.
        """
        self.mapped.add(row, count, (kept or {}).items())
        left = self.mapped.unfinished(row)
        self.unfinished += left
        if not left:
            self._end(row, MAPPED)
        elif row in self._given_up:
            for child in self.mapped.pending(row):
                self._cancel_row(child)
        else:
            self._release_children(row, owners or {})

    def is_over(self, row: int) -> bool:
        """Whether `row` has its final state, and nobody waits for its code any more."""
        return self.table.state[row] >= FIRST_FINISHED and row not in self._overruns

    def overran(self, row: int) -> None:
        """`row` has its final state (or waits for a retry), but its code is still running."""
        self._overruns.add(row, self.mapped.origin(row))

    def returned(self, row: int) -> None:
        """The code of a row that overran has returned, or is waited for no longer."""
        for cleanup in self._overruns.remove(row):
            if not self._waits.missing[cleanup]:
                self._release(cleanup)

    def cancel(self, rows: Iterable[int] | None = None, reason: str = NOT_BEGUN) -> list[int]:
        """Give up what has not begun; returns the rows that are running.

        Clean-ups are spared, and so are rows that have yet to be joined.

        Args:
            rows: children, or planned rows, which include their children; all rows by default.
            reason: why they are given up.
        """
        if rows is None:
            self.cancelled = self.closed
            rows = range(self.joined)
        to_come = range(self.joined, len(self._waits.missing))
        chosen = {row for row in rows if row not in to_come} - self._cleanups
        self._given_up.add(chosen, reason)
        for row in (planned := sorted(row for row in chosen if row < self.joined)):
            self._waits.judged[row] = 1
        self._take_back(self.ready)
        self._take_back(self.errands)
        for row in sorted(self._pausing):
            if row in chosen or self.mapped.origin(row) in chosen:
                self._pausing.discard(row)
                self._cancel_row(row)
        state = self.table.state
        for row in planned:
            # one that waits for nothing was taken by a worker, which looks before it begins
            if self._waits.missing[row] and state[row] == PENDING:
                self._cancel_row(row)
        return [
            row
            for row, code in enumerate(state)
            if code == RUNNING and (row in chosen or self.mapped.origin(row) in chosen)
        ]

    def is_given_up(self, row: int) -> bool:
        """Whether `row` is not to begin (again)."""
        return row in self._given_up

    def why_given_up(self, row: int) -> str:
        """Why `row` was given up; empty if it was not."""
        return self._given_up.reason(row)

    # ---- releasing

    def _queue(self, row: int) -> None:
        lanes = self.plan.lanes
        (self.errands if self.mapped.origin(row) in lanes else self.ready).append(row)

    def _release(self, row: int) -> None:
        """Every upstream row of `row` has its final state: decide what becomes of it."""
        if self.table.state[row] != PENDING or self._overruns.holds(row):
            return
        if row in self._cleanups:
            refusal = self._rules.cleanup_refusal(row)
        elif row in self._given_up:
            self._cancel_row(row)
            return
        else:
            refusal = self._rules.refusal(row)
        if refusal is not None:
            self._refuse(row, *refusal)
        elif row in self._lazy:
            for one in self._lazy.wake(row, self._waits, self.table.state):
                self._one_less(one)
        else:
            self._queue(row)

    def _refuse(self, row: int, code: int, reason: str) -> None:
        """End `row` as `code` without running it, after its task's handlers and hooks if any."""
        if row in self.refusals:
            return
        if self.mapped.origin(row) in self.plan.watched:
            self.refusals[row] = (code, reason)
            if self.plan.grows:  # there may be no worker
                self._queue(row)
            else:  # the handlers of what runs on a cluster are called in the kernel
                self.ready.append(row)
            return
        if code == TRIGGER_FAILED:
            self.refused(row, reason)
        self.ended(row, code, reason)

    def _release_children(self, row: int, owners: Mapping[int, Sequence[int]]) -> None:
        if not self._waits.judged[row]:  # everything upstream succeeded
            self.ready.extend(self.mapped.pending(row))
            return
        queue = self.errands if row in self.plan.lanes else self.ready
        for child, refusal in self._rules.children_refusals(row, owners):
            if refusal is None:
                queue.append(child)
            else:
                self._refuse(child, *refusal)

    # ---- ending

    def _end(self, row: int, code: int) -> None:
        """Give `row` its final state, and release what waited for it (without recursion)."""
        self.table.move(row, code)
        self.unfinished -= 1
        if self.on_end is not None:
            self.on_end(row)
        if row >= len(self._waits.missing):
            self._child_ended(row)
            return
        self._announce(row, code)
        for refused in self._lazy.ended(row):
            self._refuse(*refused)
        if self.plan.grows:
            self.plan.added.ended(row)

    def _announce(self, row: int, code: int) -> None:
        """Tell the rows downstream of `row` that it has its final state."""
        plain = code == SUCCESS or (code == MAPPED and self.mapped.all_succeeded(row))
        if released := self._waits.ended(row, succeeded=plain):
            self._follow_up(released)

    def _follow_up(self, rows: list[int]) -> None:
        if self._following is not None:  # a call further up goes on with them
            self._following += rows
            return
        self._following = rows
        try:
            for row in self._following:
                self._release(row)
        finally:
            self._following = None

    def _child_ended(self, row: int) -> None:
        parent = self.mapped.ended(row)
        if parent >= 0 and self.table.state[parent] == RUNNING:
            self._end(parent, MAPPED)

    def _cancel_row(self, row: int) -> None:
        self._refuse(row, CANCELLED, self.why_given_up(row) or NOT_BEGUN)

    def _take_back(self, rows: deque[int]) -> None:
        """Cancel those of `rows` that are given up and that no worker has taken yet."""
        for _ in range(len(rows)):
            try:
                row = rows.popleft()
            except IndexError:  # workers have taken the rest
                return
            if self.is_given_up(row) and row not in self.refusals:
                self._cancel_row(row)
            else:
                rows.append(row)
