"""Sends a flow's timeline to the live views that show it, at a bounded rate.

While a run is on that is once a second, less often if making it takes long; and once more when the
run or a lease of the flow has changed state. Nothing is made while no view shows it.
"""

from collections.abc import Callable, Iterable, Iterator
from time import monotonic
from typing import Final

from resnb.events import Event, LeaseChanged
from resnb.view.sketch import Sketch
from resnb.view.timeline.chart import timeline
from resnb.view.timeline.frame import MOST_BARS, timeline_frame
from resnb.view.timeline.record import RunRecord
from resnb.view.wire import timeline as wire

PERIOD: Final = 1.0
"""The least time between two timelines of a run that is on, in seconds."""
REST: Final = 20.0
"""The pause is at least so many times as long as making a timeline takes."""


class TimelineFeed:
    """The views that show a flow's timeline, and when it is due.

    Args:
        flow: the flow's name.
        record: makes the record of the latest run, given the flow's sketch.
        views: the views that show it.
        now: the time in seconds.
    """

    def __init__(
        self,
        flow: str,
        record: Callable[[Sketch], RunRecord | None],
        views: Iterable[str] = (),
        now: Callable[[], float] = monotonic,
    ) -> None:
        self.views = set(views)
        self._record = record
        self._now = now
        self._own = (f"{flow}/", "kernel/")  # how names of the leases of the flow's scopes begin
        self._is_due = bool(self.views)
        self._next = 0.0

    def shown(self, view: str, *, is_shown: bool) -> None:
        """A view begins or ceases to show the timeline."""
        if is_shown:
            self.views.add(view)
            self._is_due = True
        else:
            self.views.discard(view)

    def keep(self, views: Iterable[str]) -> None:
        """Only these views are still open."""
        self.views.intersection_update(views)

    def happened(self, event: Event) -> None:
        """Something has happened to the flow, or a lease has changed state."""
        if not isinstance(event, LeaseChanged) or event.name.startswith(self._own):
            self._is_due = True

    def frames(self, drawn: Sketch | None, *, is_moving: bool) -> Iterator[wire.Timeline]:
        """The timeline, if it is due.

        Args:
            drawn: the flow's sketch.
            is_moving: whether a run is on.
        """
        began = self._now()
        if not self.views or drawn is None:
            return
        if not (began >= self._next if is_moving else self._is_due):
            return
        self._is_due = False
        record = self._record(drawn)
        found = None if record is None else timeline(record, most_bars=MOST_BARS)
        yield timeline_frame(found)
        ended = self._now()
        self._next = ended + max(PERIOD, REST * (ended - began))
