"""Scopes with ``setup="lazy"``: set up when one of their tasks needs nothing else to run.

The first row of such a scope is held. At first the rows inside do not wait for the set-up. When all
else that such a row waits for has ended, and it is to run, it lets the set-up go and waits for it.
If all rows inside end without that, the scope is not set up at all.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from resnb.run.scheduling.plan import Plan, with_one
from resnb.states import FIRST_FINISHED, SKIPPED

if TYPE_CHECKING:
    from resnb.run.scheduling.waits import Waits

NOTHING_TO_RUN: Final = "nothing in its scope has to run"


class LazyScopes:
    """The lazy scopes of one plan, which it changes."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._held: dict[int, int] = {}
        self._setups: dict[int, list[int]] = {}
        self._waiting: dict[int, set[int]] = {}
        for one in plan.scopes if not plan.grows else ():
            if one.scope.options.setup != "lazy" or one.setup < 0 or one.setup in plan.given:
                continue
            after = plan.downstream[one.setup]
            rows = {row for row in after if row != one.cleanup and row not in plan.given}
            plan.downstream[one.setup] = [row for row in after if row not in rows]
            has_init = one.init >= 0 and one.init not in plan.given
            self._held[one.setup] = one.init if has_init else one.setup
            self._waiting[one.setup] = rows
            for row in rows:
                self._setups.setdefault(row, []).append(one.setup)
            for row in (*rows, self._held[one.setup]):
                plan.judged[row] = 1

    def hold_back(self, waits: "Waits") -> None:
        """Hold the first row of each scope, and let nothing wait for its set-up yet."""
        for first in self._held.values():
            waits.hold(first)
        for row, setups in self._setups.items():
            waits.missing[row] -= len(setups)

    def __contains__(self, row: int) -> bool:
        """Whether `row` would have to wait for a set-up that it has not let go."""
        return row in self._setups

    def wake(self, row: int, waits: "Waits", state: bytearray) -> list[int]:
        """`row` could run now: let it wait for its set-ups; returns the rows that wait for less."""
        woken, downstream = [row], self._plan.downstream
        waits.hold(row)
        for setup in self._setups.pop(row):
            self._waiting[setup].discard(row)
            if state[setup] < FIRST_FINISHED:
                downstream[setup] = with_one(downstream[setup], row)
                waits.hold(row)
            if setup in self._held:
                woken.append(self._held.pop(setup))
        return woken

    def ended(self, row: int) -> Iterable[tuple[int, int, str]]:
        """`row` has ended; if it never woke its scopes, see `idle`."""
        if row not in self._setups:
            return ()
        for setup in self._setups.pop(row):
            self._waiting[setup].discard(row)
        return self.idle()

    def idle(self) -> Iterable[tuple[int, int, str]]:
        """The first row of each scope that nothing waits for (any more), and how it ends."""
        idle = [setup for setup in self._held if not self._waiting[setup]]
        return [(self._held.pop(setup), SKIPPED, NOTHING_TO_RUN) for setup in idle]
