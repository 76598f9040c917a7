"""How long tasks have taken so far, and how large their values were, by the code that they run.

The estimates outlive a run: the next one begins with what this one has learned.
"""

from collections.abc import Hashable
from typing import Any

LARGE = 1_000_000
"""Values of so many bytes travel alone."""
KINDS = 2_000
"""Maximum number of kinds of tasks that are remembered."""
_NEW = 0.2
"""The weight of the latest measurement."""


class Estimates:
    """Means of times and sizes, in which later measurements count for more."""

    def __init__(self) -> None:
        self._seconds: dict[Hashable, float] = {}
        self._deviations: dict[Hashable, float] = {}
        self._bytes: dict[Hashable, float] = {}

    def seconds(self, kind: Hashable) -> float | None:
        """How long the next task of a kind will take; None if none has ended yet."""
        return self._seconds.get(kind)

    def deviation(self, kind: Hashable) -> float:
        """How many seconds more or less the next task of a kind may take: the mean deviation."""
        return self._deviations.get(kind, 0.0)

    def is_large(self, kind: Hashable) -> bool:
        """Whether the value of the next task of a kind will be large."""
        return self._bytes.get(kind, 0.0) >= LARGE

    def add(self, kind: Hashable, seconds: float, size: int = 0) -> None:
        """A task of that kind took so many seconds, and its value so many bytes."""
        before = self._seconds.get(kind)
        if before is None and len(self._seconds) >= KINDS:
            oldest = next(iter(self._seconds))
            del self._seconds[oldest]
            self._bytes.pop(oldest, None)
            self._deviations.pop(oldest, None)
        if before is None:
            self._seconds[kind] = self._deviations[kind] = seconds  # it may as well take none
        else:
            self._seconds[kind] = before + _NEW * (seconds - before)
            doubt = self._deviations.get(kind, before)
            self._deviations[kind] = doubt + _NEW * (abs(seconds - before) - doubt)
        if size or kind in self._bytes:
            known = self._bytes.get(kind)
            self._bytes[kind] = size if known is None else known + _NEW * (size - known)

    def at_least(self, kind: Hashable, seconds: float) -> None:
        """A task of that kind has been running for so long."""
        if self._seconds.get(kind, 0.0) < seconds:
            self._seconds[kind] = self._deviations[kind] = seconds


def kind_of(task: Any, function: Any) -> Hashable:
    """What tells apart the code of tasks; that of a cell which is run again is the same."""
    function = getattr(function, "__func__", function)
    return task.name, getattr(function, "__code__", None)


ESTIMATES = Estimates()
