"""The scheduler: a state machine without I/O, threads or clock.

In go outcomes (a row succeeded, failed, wants another try, its code has returned at last), out
come rows that may run now: plain ones in ``ready``, those with a thread of their own in
``errands``. A row's state is written by the scheduler alone, except that whoever takes a row
from ``ready`` marks it as running; taking is atomic, so that a cancel and a worker cannot both
have a row.

Invariants: ``missing[row]`` is the number of upstream rows without a final state; a clean-up is
released only when, besides, no code of its scope is running; ``unfinished`` counts the rows
without a final state, the children of mapped rows included.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet

from resnb.run.scheduling.codes import Children, has_made
from resnb.run.scheduling.mapped_rows import Families
from resnb.run.scheduling.plan import Plan
from resnb.run.scheduling.state_table import Table
from resnb.run.scheduling.trigger_rules import mapped_over, upstream_codes, verdict, verdict_on_all
from resnb.states import (
    CANCELLED,
    FIRST_FINISHED,
    MAPPED,
    PENDING,
    RETRYING,
    RUNNING,
    SKIPPED,
    SUCCESS,
    TRIGGER_FAILED,
)

NOT_BEGUN = "the run was cancelled before it began"
NOTHING_MADE = "there is nothing to clean up: set-up did not succeed"


class Scheduler(Families):
    """Decides which rows of a plan may run.

    Args:
        plan: the rows and their edges.
        table: the state table that it writes.

    Attributes:
        verdicts: final states, with the reasons, of rows that are not to run and whose tasks have
            handlers or hooks: such a row is released all the same, so that these are called first.
        refused: called with a row and a reason just before it ends because of its trigger.
    """

    def __init__(self, plan: Plan, table: Table) -> None:
        super().__init__(table, [len(rows) for rows in plan.upstream])
        self.plan = plan
        self.ready: deque[int] = deque()
        self.errands: deque[int] = deque()
        self.unfinished = len(plan.tasks)
        self.cancelled = False
        self._given_up: dict[int, str] = {}
        self.reasons: dict[int, str] = {}
        self.verdicts: dict[int, tuple[int, str]] = {}
        self.refused: Callable[[int, str], object] = lambda _row, _reason: None
        self._judged = bytearray(plan.judged)
        self._pausing: set[int] = set()
        self._overrunning: dict[int, tuple[int, ...]] = {}
        self._holds: dict[int, int] = {}
        self._cleanups: AbstractSet[int] = frozenset(
            one.cleanup for one in plan.scopes if one.cleanup >= 0
        )

    @property
    def done(self) -> bool:
        """Whether every row has its final state, and no code of a given-up row is running."""
        return not self.unfinished and not self._overrunning

    def read_again(self) -> None:
        """The plan's lanes have changed, before anything began."""
        self._judged = bytearray(self.plan.judged)

    # ---- events

    def begin(self) -> None:
        """Take over the states that were given, and release the rows that wait for nothing."""
        pending = self.table.state  # a cancel may have come before this
        given = {row: one for row, one in self.plan.given.items() if pending[row] == PENDING}
        roots = [row for row, count in enumerate(self._missing) if not count and row not in given]
        for row, state in given.items():
            self._judged[row] = 1
            self.table.take_over(row, state.code)
            codes = [one.code for one in getattr(state, "map_states", ())]
            if codes:
                self._add_children(row, len(codes), enumerate(codes))
        self.unfinished -= len(given)
        for row, state in given.items():
            self._announce(row, state.code)
        for row in roots:
            self._release(row)

    def succeeded(self, row: int) -> None:
        """The code of `row` returned; its value is in place."""
        state = self.table.state
        if state[row] != RUNNING:
            self._end(row, SUCCESS)
            return
        state[row] = SUCCESS
        self.unfinished -= 1
        if row >= len(self._missing):
            self._child_ended(row)
            return
        missing, judged = self._missing, self._judged
        for after in self.plan.downstream[row]:
            count = missing[after] - 1
            missing[after] = count
            if not count:
                if judged[after]:
                    self._release(after)
                else:
                    self.ready.append(after)

    def ended(self, row: int, code: int, reason: str = "") -> None:
        """`row` reached the final state `code` in another way than by plain success."""
        if reason:
            self.reasons[row] = reason
        self._end(row, code)

    def retry(self, row: int) -> bool:
        """`row` failed a try and has tries left; false if the run was cancelled meanwhile."""
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
    ) -> Children:
        """`row` is mapped over `count` items: give each a row of its own.

        Args:
            row: the row.
            count: how many items there are.
            owners: for a mapped row upstream whose values were flattened, the row that gave each
                item.
            kept: the codes of children, by number, that need not run.
        """
        kept = kept or {}
        found = self._add_children(row, count, kept.items())
        left = count - len(kept)
        self._open_children[row] = left
        self.unfinished += left
        if not left:
            self._end(row, MAPPED)
            return found
        if row in self._given_up:
            for child in found.rows():
                if self.table.state[child] == PENDING:
                    self._cancel_row(child)
            return found
        self._release_children(row, found, owners or {})
        return found

    def is_over(self, row: int) -> bool:
        """Whether `row` has its final state, and its code has returned or was left behind."""
        return self.table.state[row] >= FIRST_FINISHED and row not in self._overrunning

    def overran(self, row: int) -> None:
        """`row` has its final state (or waits for a retry), but its code is still running."""
        cleanups = tuple(
            scope.cleanup
            for scope in (self.plan.scopes[i] for i in self.plan.scopes_around(self.origin(row)))
            if scope.cleanup >= 0
        )
        self._overrunning[row] = cleanups
        for cleanup in cleanups:
            self._holds[cleanup] = self._holds.get(cleanup, 0) + 1

    def returned(self, row: int) -> None:
        """The code of a row that overran has returned, or is waited for no longer."""
        for cleanup in self._overrunning.pop(row, ()):
            self._holds[cleanup] -= 1
            if not self._holds[cleanup]:
                del self._holds[cleanup]
                if not self._missing[cleanup] and self.table.state[cleanup] == PENDING:
                    self._release(cleanup)

    def cancel(self, rows: Iterable[int] | None = None, reason: str = NOT_BEGUN) -> list[int]:
        """Give up what has not begun; gives the rows that are running.

        Args:
            rows: planned rows, no clean-ups, whose children are meant, too; or children; all
                planned ones by default.
            reason: why.
        """
        if rows is None:
            self.cancelled = True
            rows = range(len(self._missing))
        chosen = frozenset(rows) - self._cleanups
        self._given_up.update(dict.fromkeys(chosen, reason))
        planned = [row for row in chosen if row < len(self._missing)]
        for row in planned:
            self._judged[row] = 1
        self._take_back(self.ready)
        self._take_back(self.errands)
        for row in sorted(self._pausing):
            if row in chosen or self.origin(row) in chosen:
                self._pausing.discard(row)
                self._cancel_row(row)
        state = self.table.state
        for row in sorted(planned):
            # one that waits for nothing is in somebody's hands, who looks before it begins
            if self._missing[row] and state[row] == PENDING:
                self._cancel_row(row)
        return [
            row
            for row, code in enumerate(state)
            if code == RUNNING and (row in chosen or self.origin(row) in chosen)
        ]

    def is_given_up(self, row: int) -> bool:
        """Whether `row` is not to begin (again)."""
        return row in self._given_up or self.origin(row) in self._given_up

    def why_given_up(self, row: int) -> str:
        """Why `row` was given up; empty if it was not."""
        return self._given_up.get(row) or self._given_up.get(self.origin(row), "")

    # ---- releasing

    def _queue(self, row: int) -> None:
        lanes = self.plan.lanes
        (self.errands if self.origin(row) in lanes else self.ready).append(row)

    def _release(self, row: int) -> None:
        """Every upstream row of `row` has its final state: decide what becomes of it."""
        if self.table.state[row] != PENDING:
            return
        if row in self._cleanups:
            self._release_cleanup(row)
            return
        if row in self._given_up:
            self._cancel_row(row)
            return
        refusal = verdict_on_all(self, row)
        if refusal is None:
            self._queue(row)
        else:
            self._refuse(row, *refusal)

    def _refuse(self, row: int, code: int, reason: str) -> None:
        """`row` is not to run: it ends as `code`, after its task's handlers and hooks if any."""
        if row in self.verdicts:
            return
        if self.origin(row) in self.plan.watched:
            self.verdicts[row] = (code, reason)
            self._queue_refused(row)
            return
        if code == TRIGGER_FAILED:
            self.refused(row, reason)
        self.ended(row, code, reason)

    def _queue_refused(self, row: int) -> None:
        self.ready.append(row)  # handlers and hooks run in the kernel

    def _release_cleanup(self, row: int) -> None:
        if self._holds.get(row):
            return
        planned = self.plan.scopes[self.plan.scope_of[row]]
        state = self.table.state
        if planned.setup >= 0 and not has_made(state[planned.setup]):
            self._refuse(row, SKIPPED, NOTHING_MADE)
            return
        self._queue(row)

    def _made_for(self, row: int) -> bytearray | None:
        """Where `row` is a mapped clean-up, what became of the set-up of each item."""
        setup = self.plan.scopes[self.plan.scope_of[row]].setup if row in self._cleanups else -1
        block = self.children.get(setup)
        return None if block is None else self.table.state[block.first : block.last]

    def _release_children(
        self, row: int, children: Children, owners: Mapping[int, Sequence[int]]
    ) -> None:
        """Decide for each child of `row`, which sees its own item of what is mapped over."""
        state = self.table.state
        pending = [child for child in children.rows() if state[child] == PENDING]
        if not self._judged[row]:  # everything upstream succeeded
            self.ready.extend(pending)
            return
        blocks = {
            source: owners.get(source) or self.children[source].rows()
            for source in mapped_over(self, row)
            if source in self.children and state[source] == MAPPED
        }
        rest = upstream_codes(self, row, leave_out=blocks)
        queue = self.errands if row in self.plan.lanes else self.ready
        made = self._made_for(row)
        known: dict[tuple[int, ...], tuple[int, str] | None] = {}
        for child in pending:
            if made is not None and not has_made(made[child - children.first]):
                self._refuse(child, SKIPPED, NOTHING_MADE)
                continue
            items = tuple([state[rows[child - children.first]] for rows in blocks.values()])
            if items not in known:
                known[items] = verdict(self, row, [*rest, *items])
            refusal = known[items]
            if refusal is None:
                queue.append(child)
            else:
                self._refuse(child, *refusal)

    # ---- ending

    def _end(self, row: int, code: int) -> None:
        """Give `row` its final state, and follow up what that releases (without recursion)."""
        self.table.move(row, code)
        self.unfinished -= 1
        if row >= len(self._missing):
            self._child_ended(row)
        else:
            self._announce(row, code)

    def _announce(self, row: int, code: int) -> None:
        """Tell the rows downstream of `row` that it has its final state."""
        plain = code == SUCCESS
        if code == MAPPED:
            block = self.children.get(row)
            state = self.table.state
            plain = block is None or state.count(SUCCESS, block.first, block.last) == (
                block.last - block.first
            )
        waiting = []
        for after in self.plan.downstream[row]:
            self._missing[after] -= 1
            if not plain:
                self._judged[after] = 1
            if not self._missing[after]:
                waiting.append(after)
        if waiting:
            self._follow_up(waiting)

    _following: list[int] | None = None

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
        parent = self._family_of(row)
        if parent >= 0 and self.table.state[parent] == RUNNING:
            self._end(parent, MAPPED)

    def _cancel_row(self, row: int) -> None:
        self._refuse(row, CANCELLED, self.why_given_up(row) or NOT_BEGUN)

    def _take_back(self, rows: deque[int]) -> None:
        """Cancel those that are given up and that nobody has taken yet."""
        taken = []
        while rows:
            try:
                taken.append(rows.popleft())
            except IndexError:
                break
        for row in taken:
            if self.is_given_up(row) and row not in self.verdicts:
                self._cancel_row(row)
            else:
                rows.append(row)


__all__ = ["NOT_BEGUN", "Scheduler"]
