"""What views say first of a run that failed: which tasks failed themselves, and why."""

from typing import TYPE_CHECKING

from resnb.states import FAILED, TIMED_OUT
from resnb.view.aggregate import FAILURES, reason_of
from resnb.view.names import message
from resnb.view.wire.graph import FailureInfo

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resnb.view.sketch import Sketch
    from resnb.view.snapshot import Progress, Snapshot
    from resnb.view.wire.graph import Failures

NAMED = 5
"""Maximum number of failures that are named."""


class FailureFeed:
    """The frame about failures, whenever they are others than before."""

    def __init__(self) -> None:
        self._sent: tuple[int, int] = (0, -1)
        self._frame: Failures = {"frame": "failures", "total": 0, "first": []}

    def look(
        self, drawn: "Sketch", seen: "Snapshot", progress: "Progress | None"
    ) -> "Failures | None":
        """The frame, if there are others in `seen` than at the last look.

        Args:
            drawn: the sketch of the flow.
            seen: its snapshot, not folded.
            progress: what is known of its latest run.
        """
        codes = seen.codes
        number = codes.count(FAILED) + codes.count(TIMED_OUT)  # at C's speed, as this is done often
        first = next(_places(codes), -1) if number else -1
        if (number, first) == self._sent or progress is None:
            return None
        self._sent = number, first
        named = [
            FailureInfo(
                drawn.outline.nodes[place].label,
                message(reason_of(progress.state_of(drawn.tasks[place]))),
            )
            for place, _ in zip(_places(codes), range(NAMED), strict=False)
        ]
        self._frame = {"frame": "failures", "total": number, "first": named}
        return self._frame

    def all(self) -> "Failures":
        """The latest frame."""
        return self._frame


def _places(codes: bytes) -> "Iterator[int]":
    return (place for place, code in enumerate(codes) if code in FAILURES)
