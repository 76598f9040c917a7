"""Lines on stderr for whoever watches, outside any task's output."""

import sys
from contextlib import suppress


def notice(line: object) -> None:
    """Write `line` to stderr; where that is closed, or nobody reads it any more, there is no line.

    What it tells of has happened all the same, and must not be hidden by an error of the writing.
    """
    with suppress(OSError, ValueError):
        print(line, file=sys.stderr, flush=True)  # noqa: T201
