"""What each planned row still waits for.

A row may be looked at once its count is zero. Besides its upstream rows it may wait to be joined,
a clean-up for the end of its block, and the first row of a lazy scope for the scope to be needed.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from resnb.run.scheduling.plan import Plan


class Waits:
    """The counts of one run.

    Attributes:
        missing: by row, how many upstream rows have no final state yet, and what else is missing.
        judged: 1 where more than "all upstream rows succeeded" decides whether the row runs.
    """

    def __init__(self, plan: "Plan") -> None:
        self.missing = [len(rows) for rows in plan.upstream]
        self.judged = bytearray(plan.judged)
        self._plan = plan

    def append(self, row: int) -> None:
        """Count for one more row, `row` of the plan, which waits to be joined."""
        self.missing.append(1)
        self.judged.append(self._plan.judged[row])

    def hold(self, row: int) -> None:
        """Let `row` wait for one thing more."""
        self.missing[row] += 1

    def let_go(self, row: int) -> bool:
        """Let `row` wait for one thing less; returns whether nothing is missing any more."""
        self.missing[row] -= 1
        return not self.missing[row]

    def ended(self, row: int, *, succeeded: bool) -> list[int]:
        """`row` has its final state; returns the rows downstream that wait for nothing any more."""
        released = []
        for after in self._plan.downstream[row]:
            self.missing[after] -= 1
            if not succeeded:
                self.judged[after] = 1
            if not self.missing[after]:
                released.append(after)
        return released
