"""The rows that are not to begin, or not to begin again, and why."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from resnb.run.scheduling.mapped_rows import MappedRows


class GivenUp:
    """What was given up in one run. With a mapped row, its children are given up, too."""

    def __init__(self, mapped: "MappedRows") -> None:
        self._reasons: dict[int, str] = {}
        self._mapped = mapped

    def add(self, rows: Iterable[int], reason: str) -> None:
        """Give up `rows`."""
        self._reasons.update(dict.fromkeys(rows, reason))

    def __contains__(self, row: int) -> bool:
        return row in self._reasons or self._mapped.origin(row) in self._reasons

    def reason(self, row: int) -> str:
        """Why `row` was given up; empty if it was not."""
        return self._reasons.get(row) or self._reasons.get(self._mapped.origin(row), "")
