"""What rows and their state codes say: a mapped row's children, what a set-up made, counts."""

from collections.abc import Sequence
from typing import NamedTuple

from resnb.graph.base.triggers import Tally
from resnb.states import CANCELLED, FIRST_FINISHED, FIRST_UNSUCCESSFUL, SKIPPED


class Children(NamedTuple):
    """The rows of a mapped row's children."""

    first: int
    last: int

    def rows(self) -> range:
        """The children's rows."""
        return range(self.first, self.last)


def has_made(code: int) -> bool:
    """Whether a set-up that ended with `code` made something."""
    return FIRST_FINISHED <= code < FIRST_UNSUCCESSFUL and code != SKIPPED


def tally_of_codes(codes: Sequence[int]) -> Tally:
    """Count final states."""
    successful = failed = skipped = 0
    for code in codes:
        if code < FIRST_UNSUCCESSFUL:
            successful += 1
            skipped += code == SKIPPED
        elif code != CANCELLED:
            failed += 1
    return Tally(len(codes), successful, failed, skipped)


__all__ = ["Children", "has_made", "tally_of_codes"]
