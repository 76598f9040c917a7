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
from collections.abc import Iterable, Sequence

from resnb.graph.signals import SKIP, Signal
from resnb.graph.task import Task
from resnb.graph.triggers import Trigger
from resnb.run.codes import Children, has_made, tally_of_codes
from resnb.run.plan import Plan
from resnb.run.table import Table
from resnb.states import (
    CANCELLED,
    FAILED,
    MAPPED,
    PENDING,
    RETRYING,
    RUNNING,
    SKIPPED,
    SUCCESS,
    TRIGGER_FAILED,
)

NOT_BEGUN = "the run was cancelled before it began"


class Scheduler:
    """Decides which rows of a plan may run.

    Args:
        plan: the rows and their edges.
        table: the state table that it writes.
    """

    def __init__(self, plan: Plan, table: Table) -> None:
        self.plan = plan
        self.table = table
        self.ready: deque[int] = deque()
        self.errands: deque[int] = deque()
        self.unfinished = len(plan.tasks)
        self.cancelled = False
        self._given_up: dict[int, str] = {}
        self.reasons: dict[int, str] = {}
        self.children: dict[int, Children] = {}
        self._parents: list[tuple[int, int]] = []  # first child row, mapped row
        self._missing = [len(rows) for rows in plan.upstream]
        self._judged = bytearray(plan.judged)
        self._open_children: dict[int, int] = {}
        self._latest = (0, 0, 0)  # the block of children that ended last, and its mapped row
        self._pausing: set[int] = set()
        self._overrunning: dict[int, tuple[int, ...]] = {}
        self._holds: dict[int, int] = {}
        self._cleanups = frozenset(one.cleanup for one in plan.scopes if one.cleanup >= 0)

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
        if self.origin(row) in self._given_up:
            return False
        self.table.move(row, RETRYING)
        self._pausing.add(row)
        return True

    def resume(self, row: int) -> None:
        """The pause before the next try of `row` is over."""
        if row in self._pausing:
            self._pausing.discard(row)
            self._queue(row)

    def expand(self, row: int, count: int) -> Children:
        """`row` is mapped over `count` items: give each a row of its own."""
        first = self.table.extend(count)
        found = self.children[row] = Children(first, first + count)
        self._parents.append((first, row))
        self._open_children[row] = count
        self.unfinished += count
        if not count:
            self._end(row, MAPPED)
            return found
        if row in self._given_up:
            for child in found.rows():
                self._end(child, CANCELLED)
            return found
        self._release_children(row, found)
        return found

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
            rows: planned rows, no clean-ups, whose children are meant, too; all by default.
            reason: why.
        """
        if rows is None:
            self.cancelled = True
            rows = range(len(self._missing))
        chosen = frozenset(rows) - self._cleanups
        self._given_up.update(dict.fromkeys(chosen, reason))
        for row in chosen:
            self._judged[row] = 1
        self._take_back(self.ready)
        self._take_back(self.errands)
        for row in sorted(self._pausing):
            if self.origin(row) in chosen:
                self._pausing.discard(row)
                self._cancel_row(row)
        state = self.table.state
        for row in sorted(chosen):
            # one that waits for nothing is in somebody's hands, who looks before it begins
            if self._missing[row] and state[row] == PENDING:
                self._cancel_row(row)
        return [
            row for row, code in enumerate(state) if code == RUNNING and self.origin(row) in chosen
        ]

    def is_given_up(self, row: int) -> bool:
        """Whether `row` is not to begin (again)."""
        return self.origin(row) in self._given_up

    def origin(self, row: int) -> int:
        """The planned row of which `row` is a child; `row` itself if it is none."""
        if row < len(self._missing):
            return row
        from bisect import bisect_right

        return self._parents[bisect_right(self._parents, (row, len(self._missing))) - 1][1]

    def child_index(self, row: int) -> int:
        """Which item of its mapped row `row` stands for."""
        return row - self.children[self.origin(row)].first

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
        verdict = self._verdict_on_all(row)
        if verdict is None:
            self._queue(row)
        else:
            code, reason = verdict
            self.ended(row, code, reason)

    def _release_cleanup(self, row: int) -> None:
        if self._holds.get(row):
            return
        planned = self.plan.scopes[self.plan.scope_of[row]]
        state = self.table.state
        if planned.setup >= 0 and not has_made(state[planned.setup]):
            self.ended(row, SKIPPED, "there is nothing to clean up: set-up did not succeed")
            return
        self._queue(row)

    def _verdict_on_all(self, row: int) -> tuple[int, str] | None:
        """The final state of `row` if none of it must run: a mapped row has items that differ."""
        over = self._mapped_over(row)
        if not over:
            return self._verdict(row, self._upstream_codes(row))
        rest = self._upstream_codes(row, leave_out=[upstream for upstream, _ in over])
        verdicts = [self._verdict(row, [*rest, item]) for item in (SUCCESS, FAILED)]
        return verdicts[0] if all(verdicts) else None

    def _release_children(self, row: int, children: Children) -> None:
        """Decide for each child of `row`, which sees its own item of what is mapped over."""
        over = [block.first for _, block in self._mapped_over(row)]
        upstream = [one for one, _ in self._mapped_over(row)]
        rest = self._upstream_codes(row, leave_out=upstream) if over else []
        state = self.table.state
        if not over and row not in self.plan.lanes:
            self.ready.extend(children.rows())
            return
        for index, child in enumerate(children.rows()):
            items = [state[first + index] for first in over]
            if over and (self._judged[row] or items.count(SUCCESS) < len(items)):
                verdict = self._verdict(row, [*rest, *items])
                if verdict is not None:
                    self.ended(child, *verdict)
                    continue
            self._queue(child)

    def _mapped_over(self, row: int) -> list[tuple[int, Children]]:
        """The mapped rows whose children the children of `row` depend on one by one."""
        node, row_of = self.plan.nodes[row], self.plan.row_of
        if not node.is_mapped:
            return []
        sources = [
            source
            for key in node.mapped - node.flattened
            if isinstance(source := node.inputs[key], Task)
        ]
        sources += [source for source, mapped in node.control.items() if mapped]
        found = []
        for source in sources:
            upstream = row_of.get(source, -1)
            if upstream in self.children and self.table.state[upstream] == MAPPED:
                found.append((upstream, self.children[upstream]))
        return found

    def _upstream_codes(self, row: int, leave_out: Iterable[int] = ()) -> list[int]:
        """Final states upstream; a mapped row counts as its children, unless mapped over."""
        state = self.table.state
        over = {upstream for upstream, _ in self._mapped_over(row)}
        codes: list[int] = []
        for upstream in self.plan.upstream[row]:
            if upstream in leave_out:
                continue
            block = self.children.get(upstream)
            if block is not None and upstream not in over and block.first < block.last:
                codes += state[block.first : block.last]
            else:
                codes.append(state[upstream])
        return codes

    def _verdict(self, row: int, codes: Sequence[int]) -> tuple[int, str] | None:
        """The final state of `row` if it must not run; None if it may."""
        task = self.plan.tasks[row]
        tally = tally_of_codes(codes)
        if tally.skipped and task.skip_on_upstream_skip:
            return SKIPPED, "an upstream task was skipped"
        trigger = task.trigger
        if not isinstance(trigger, Trigger):
            return None  # a function of the user's own is called by whoever runs the row
        try:
            trigger.decide(tally)
        except SKIP as signal:
            return SKIPPED, str(signal)
        except Signal as signal:
            return TRIGGER_FAILED, str(signal)
        return None

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
        first, last, parent = self._latest
        if not first <= row < last:
            parent = self.origin(row)
            self._latest = (*self.children[parent], parent)
        left = self._open_children[parent] - 1
        self._open_children[parent] = left
        if not left and self.table.state[parent] == RUNNING:
            self._end(parent, MAPPED)

    def _cancel_row(self, row: int) -> None:
        self.ended(row, CANCELLED, self._given_up.get(self.origin(row), NOT_BEGUN))

    def _take_back(self, rows: deque[int]) -> None:
        """Cancel those that are given up and that nobody has taken yet."""
        kept = []
        while rows:
            try:
                row = rows.popleft()
            except IndexError:
                break
            if self.origin(row) in self._given_up:
                self._cancel_row(row)
            else:
                kept.append(row)
        rows.extend(kept)


__all__ = ["NOT_BEGUN", "Children", "Scheduler"]
