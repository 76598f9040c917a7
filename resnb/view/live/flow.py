"""One flow as live views see it: which of them are told what, and when.

A view need not say anything to be kept up to date, since a front end may hold its messages back
while cells are running. What it does say only spares work: nothing is sent once all views that
were heard of are closed.

It knows no thread and no widget: one thread calls `refresh`, no more often than views may be sent
something, and gets the frames.
"""

import threading
from collections.abc import Callable, Iterable
from time import monotonic
from typing import TYPE_CHECKING, Protocol

from resnb.events import Event, LeaseChanged, RunBegan, RunEnded, StructureChanged
from resnb.states import FIRST_FINISHED, PENDING
from resnb.view.live.layout import Layout, layout_of
from resnb.view.live.log_watch import Inspections, LogSources, Subject
from resnb.view.live.room import Room
from resnb.view.live.run_times import RunTimes
from resnb.view.live.snapshot_feed import CellsOf, SnapshotFeed
from resnb.view.live.viewers import Viewers
from resnb.view.sketch import Sketch, sketch
from resnb.view.snapshot import Progress
from resnb.view.timeline.feed import TimelineFeed
from resnb.view.wire.frames import Frame

if TYPE_CHECKING:
    from resnb.graph.flow import Flow

STATES_EVERY = 1.0
"""Seconds after which all states are sent again while they change: a view may have missed some."""
ALL_EVERY = 5.0
"""The same for everything there is to draw, while views cannot ask for it."""
STILL_AFTER, STILL_EVERY = 1.5, 2.0
"""Seconds without a word from a view until a picture is drawn, and at least between two."""
STILL_SHARE = 20.0
"""The pause is at least so many times what drawing takes."""


class Outputs(Protocol):
    """The outputs of cells that show a flow, and that a notebook keeps."""

    def happened(self, event: Event) -> None:
        """Something has happened."""

    def settle(self, *, is_moving: bool) -> bool:
        """Bring them up to date if that is due; returns whether it will be."""


class LiveFlow:
    """A flow, and the views that show it.

    Args:
        flow: the flow.
        progress: what is known of its latest run; asked at each refresh.
        views: the views that are open already.
        lay_out: makes the layout of an outline.
        now: the time in seconds.
        sources: the logs of what a view inspects.
        is_deaf: whether messages from views may be held back at the moment.
        timelines: sends the timeline to the views that show it.
        draw_still: draws a picture for front ends that cannot show a view, as long as none is heard
            of and whenever something has changed, but not often.
        times: where the times of tasks and resources come from.
        cells: which cells have added what is drawn.
        outputs: what the notebook keeps of it.

    Attributes:
        views: the views that are known to be open.
        inspections: what they inspect.
    """

    def __init__(
        self,
        flow: "Flow",
        progress: Callable[[], Progress | None],
        views: Iterable[str] = (),
        *,
        lay_out: Callable[..., Layout] = layout_of,
        now: Callable[[], float] = monotonic,
        sources: LogSources = lambda _: (),
        is_deaf: Callable[[], bool] = lambda: False,
        timelines: TimelineFeed | None = None,
        draw_still: Callable[[], object] = lambda: None,
        times: RunTimes | None = None,
        cells: CellsOf = lambda _: [],
        outputs: Outputs | None = None,
    ) -> None:
        self.flow = flow
        self.timelines = timelines or TimelineFeed(flow.name, lambda _: None)
        self.views = Viewers(views)
        self.inspections = Inspections()
        self._snapshots = SnapshotFeed(flow, progress, lay_out, times, cells=cells)
        self._progress = progress
        self._now = now
        self._sources = sources
        self._is_deaf = is_deaf
        self._draw_still = draw_still
        self._outputs = outputs
        self._are_outputs_due = False
        self._is_still_due = False
        self._next_still = 0.0
        self._is_turn_of_logs = False
        self._shown: float | None = None
        self._states_due = self._all_due = float("-inf")
        self._lock = threading.RLock()  # outputs ask for what there is at rest
        self._began: float | None = None
        self._ended: float | None = None

    # ---- what happens

    def opened(self, view: str) -> None:
        """A view was opened: the next refresh sends everything."""
        self.heard(view)
        self._snapshots.renew()

    def shown(self) -> None:
        """The flow was displayed: a view is expected until one is heard of."""
        self._shown = self._now()
        self._is_still_due = True
        self._snapshots.renew()

    @property
    def is_watched(self) -> bool:
        """Whether there may be any view to send something to."""
        return bool(self.views) or self._shown is not None

    def heard(self, view: str) -> bool:
        """A message came from a view; one that was forgotten, or never known, is opened.

        Returns:
            Whether it was.
        """
        self._shown = None
        is_new = self.views.heard(view, self._now())
        if is_new:
            self._snapshots.renew()
        return is_new

    def closed(self, view: str) -> None:
        """A view was closed."""
        self.views.closed(view)
        self.inspections.end(view)
        self.timelines.shown(view, is_shown=False)

    def unfold(self, *, unfolded: bool) -> None:
        """Show all tasks of a large flow, or fold them again."""
        self._snapshots.unfold(unfolded=unfolded)

    def open(self, subject: Subject, *, opened: bool) -> None:
        """Show what a folded node or a cluster's header stands for, or only that again."""
        self._snapshots.open(subject.what, subject.label, opened=opened)

    def folded(self, label: str) -> tuple[int, ...]:
        """The places of the tasks that are folded into a node; none if it is none."""
        return self._snapshots.folded(label)

    def room(self, room: Room) -> None:
        """How much room a view has, and which way its reader wants the graph."""
        self._snapshots.room(room)

    def happened(self, event: Event) -> None:
        """Something has happened, maybe to this flow."""
        if not isinstance(event, LeaseChanged) and event.flow != self.flow.name:
            return
        if self._outputs is not None:
            self._outputs.happened(event)
        self.timelines.happened(event)
        if isinstance(event, StructureChanged):
            self._snapshots.restructured()
        elif isinstance(event, RunBegan):
            self._began, self._ended = self._now(), None
        elif isinstance(event, RunEnded):
            self._ended = self._now()

    @property
    def is_moving(self) -> bool:
        """Whether a run is on, so that states change all the time."""
        progress = self._progress()
        return progress is not None and PENDING < progress.flow_code() < FIRST_FINISHED

    @property
    def has_more(self) -> bool:
        """Whether the next refresh may send something even if nothing happens until then."""
        if self._are_outputs_due:
            return True
        if self._is_still_due and not self.views:
            return self._shown is not None
        if self._snapshots.has_more:
            return True
        return self._is_turn_of_logs and bool(self.inspections.at())

    # ---- what is sent

    def refresh(self) -> list[Frame]:
        """What views have to be sent by now, in this order.

        While states change all the time, logs and states take turns, so that both together keep
        within the number of messages that views are sent.
        """
        with self._lock:
            self.views.forget(self._now(), is_deaf=self._is_deaf())
            self.inspections.keep(self.views)
            self.timelines.keep(self.views)
            if not self.is_watched:
                return []
            self._repeat()
            found = self._logs() if self._is_turn_of_logs else []
            self._is_turn_of_logs = False
            if not found:
                found = list(self._snapshots.frames(self._elapsed()))
                self._is_turn_of_logs = bool(found)
            self._still(is_news=bool(found))
            if self._outputs is not None:
                self._are_outputs_due = self._outputs.settle(is_moving=self.is_moving)
            times = self.timelines.frames(self._snapshots.sketch, is_moving=self.is_moving)
            return [*(found or self._logs()), *times]

    def drawn(self) -> Sketch:
        """What a view can ask about: outline, tasks and scopes in the same order."""
        return self._snapshots.sketch or sketch(self.flow)

    def at_rest(self) -> list[Frame]:
        """What a view draws that has been sent nothing: the latest structure, states and form."""
        with self._lock:
            return self._snapshots.at_rest(self._elapsed())

    def _repeat(self) -> None:
        """While states change, send now and then what a view may have missed."""
        now = self._now()
        if not self.is_moving:
            self._states_due, self._all_due = now + STATES_EVERY, now + ALL_EVERY
        elif self._is_deaf() and now >= self._all_due:
            self._snapshots.renew()
            self._all_due = now + ALL_EVERY
        elif now >= self._states_due:
            self._snapshots.repeat()
            self._states_due = now + STATES_EVERY

    def _still(self, *, is_news: bool) -> None:
        """Draw a picture if that is due and no view has been heard of."""
        self._is_still_due |= is_news
        now = self._now()
        if self.views or self._shown is None or not self._is_still_due:
            return
        if now >= max(self._shown + STILL_AFTER, self._next_still):
            self._is_still_due = False
            self._draw_still()
            done = self._now()
            self._next_still = done + max(STILL_EVERY, STILL_SHARE * (done - now))

    def _logs(self) -> list[Frame]:
        found = self.inspections.frame(self._sources)
        return [] if found is None else [found]

    def _elapsed(self) -> float | None:
        if self._began is None:
            return None
        return round((self._ended or self._now()) - self._began, 2)
