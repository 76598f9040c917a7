"""Code that still runs though its row has ended, and the clean-ups that wait for it."""

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from resnb.run.scheduling.plan import Plan


class Overruns:
    """The rows of a run whose code is still running though they have ended (or pause)."""

    def __init__(self, plan: "Plan") -> None:
        self._plan = plan
        self._cleanups: dict[int, list[int]] = {}
        self._holds: Counter[int] = Counter()

    def __len__(self) -> int:
        return len(self._cleanups)

    def __contains__(self, row: int) -> bool:
        return row in self._cleanups

    def add(self, row: int, origin: int) -> None:
        """The code of `row`, a child of `origin` or `origin` itself, is still running."""
        scopes = [self._plan.scopes[index] for index in self._plan.scopes_around(origin)]
        self._cleanups[row] = [one.cleanup for one in scopes if one.cleanup >= 0]
        self._holds.update(self._cleanups[row])

    def remove(self, row: int) -> Iterator[int]:
        """The code of `row` has returned; yields each clean-up around it as it is let go.

        One after the other, because the end of an inner clean-up may release an outer one.
        """
        for cleanup in self._cleanups.pop(row, ()):
            self._holds[cleanup] -= 1
            yield cleanup

    def holds(self, cleanup: int) -> bool:
        """Whether `cleanup` has to wait for code in its scope."""
        return self._holds[cleanup] > 0
