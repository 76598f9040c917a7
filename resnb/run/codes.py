"""What state codes say: whether a set-up has made something, and counts for triggers."""

from collections.abc import Sequence

from resnb.graph.triggers import Tally
from resnb.states import CANCELLED, FIRST_FINISHED, FIRST_UNSUCCESSFUL, SKIPPED


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


__all__ = ["has_made", "tally_of_codes"]
