"""The states of a lease, and the table of legal moves between them."""

from typing import Final

OPENING: Final = "opening"
OPEN: Final = "open"
CLOSING: Final = "closing"
CLOSED: Final = "closed"
FAILED: Final = "failed"
KEPT: Final = "kept"
"""It survives its kernel for a while; a state of records only."""
UNKNOWN: Final = "unknown"
"""Its owner cannot be seen from here; a state of lists only."""
LOOKING: Final = "looking"
"""The reaper looks for what its set-up may still make; a state of lists only."""
DAMAGED: Final = "damaged"
"""Its record cannot be read; a state of lists only."""

UNTOLD: Final = "its set-up did not return, and nothing tells what it made"
"""The beginning of the reason of a lease of which nobody knows whether there is anything."""

OF_RECORDS: Final = frozenset({OPENING, OPEN, CLOSING, CLOSED, FAILED, KEPT})
"""The states that a record may have."""

CHECKING: Final = "checking"
"""No state, but the mark of what is open until its recipe has been rehearsed."""

_MOVES: Final = {
    OPENING: frozenset({OPEN, CLOSING, CLOSED, FAILED}),
    OPEN: frozenset({CLOSING}),
    CLOSING: frozenset({CLOSED, FAILED}),
    FAILED: frozenset({CLOSING}),
    CLOSED: frozenset[str](),
}


def is_legal(source: str, target: str) -> bool:
    """Whether a lease may move from state `source` to state `target`."""
    return target in _MOVES[source]
