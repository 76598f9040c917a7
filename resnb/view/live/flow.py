"""One flow as live views see it: what to send next, given what was sent before.

It knows no thread and no widget: `refresh` is called at most as often as views may be told, by
one thread, and gives the frames. A layout is made once for each structure.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from itertools import count
from time import monotonic
from typing import TYPE_CHECKING

from resnb.errors import ResnbError
from resnb.events import Event, LeaseChanged, RunBegan, RunEnded, StructureChanged
from resnb.states import FIRST_FINISHED, PENDING
from resnb.view.folding import Fold
from resnb.view.live import frames
from resnb.view.live.frames import Frame
from resnb.view.live.layout import Layout, laid_out
from resnb.view.live.log_watch import Looks, Sources
from resnb.view.live.parameter_form import form
from resnb.view.live.viewers import Viewers
from resnb.view.outline import Outline
from resnb.view.sketch import Sketch, sketch
from resnb.view.snapshot import Progress, Sampler, Snapshot
from resnb.view.timeline.feed import TimelineFeed

if TYPE_CHECKING:
    from resnb.graph.flow import Flow

UNFOLDED_NODES, UNFOLDED_LINKS = 1_500, 4_000
"""How much is drawn when a user asks for what is folded: what Graphviz lays out in 2 s or so."""

REMINDER = 1.0
"""Seconds until views that are expected are told everything again."""

_VERSIONS = count(1)
"""No two structures of a kernel have the same number; 0 is none."""


class LiveFlow:
    """A flow, and what its views were told of it.

    Args:
        flow: the flow.
        progress: what is known of its latest run; asked at each refresh.
        views: the views that are open already.
        lay_out: makes the layout of an outline.
        now: the time in seconds.
        sources: the logs of what a view looks at closely.
        is_deaf: whether what views say may be held back for the moment.
        timelines: who is shown the timeline; nobody without it.

    Attributes:
        views: the views that are open; nobody is told anything while there is none.
        looks: what they look at closely.
    """

    def __init__(
        self,
        flow: "Flow",
        progress: Callable[[], Progress | None],
        views: Iterable[str] = (),
        *,
        lay_out: Callable[[Outline], Layout] = laid_out,
        now: Callable[[], float] = monotonic,
        sources: Sources = lambda _: (),
        is_deaf: Callable[[], bool] = lambda: False,
        timelines: TimelineFeed | None = None,
    ) -> None:
        self.flow = flow
        self.timelines = timelines or TimelineFeed(flow.name, lambda _: None)
        self.views = Viewers(views)
        self.looks = Looks()
        self._progress = progress
        self._lay_out = lay_out
        self._now = now
        self._sources = sources
        self._is_deaf = is_deaf
        self._is_turn_of_logs = False
        self._repeat: float | None = None
        self._lock = threading.Lock()
        self._sampler: Sampler | None = None
        self._fold: Fold | None = None
        self._drawn: Outline | None = None
        self._layout: Layout | None = None
        self._sent: Snapshot | None = None
        self._version = 0
        self._is_new = False
        self._is_restructured = True
        self._is_unfolded = False
        self._was_folded = False
        self._began: float | None = None
        self._ended: float | None = None

    # ---- what happens

    def opened(self, view: str) -> None:
        """A view was opened: the next refresh tells it all there is to know."""
        self.views.heard(view, self._now())
        self._is_new = True

    def expect(self, *, views: bool) -> None:
        """Views may be open which cannot say so before the running cell has ended, or no longer.

        Until one does, all there is to know is told again and again.
        """
        self._repeat = self._now() if views else None

    @property
    def is_watched(self) -> bool:
        """Whether there is anybody to tell."""
        return bool(self.views) or self._repeat is not None

    def heard(self, view: str) -> bool:
        """A view has said something; one that was forgotten, or never known, is opened.

        Returns:
            Whether it was.
        """
        is_new = self.views.heard(view, self._now())
        self._is_new = self._is_new or is_new
        return is_new

    def closed(self, view: str) -> None:
        """A view was closed."""
        self.views.closed(view)
        self.looks.end(view)
        self.timelines.shown(view, is_shown=False)

    def unfold(self, *, unfolded: bool) -> None:
        """Show what is inside the scopes of a large flow, or fold them again."""
        self._is_unfolded = unfolded
        self._fold = None

    def happened(self, event: Event) -> None:
        """Something has happened, maybe to this flow."""
        if isinstance(event, LeaseChanged) or event.flow == self.flow.name:
            self.timelines.happened(event)
        if not isinstance(event, StructureChanged | RunBegan | RunEnded):
            return
        if event.flow != self.flow.name:
            return
        if isinstance(event, StructureChanged):
            self._is_restructured = True
        elif isinstance(event, RunBegan):
            self._began, self._ended = self._now(), None
        else:
            self._ended = self._now()

    @property
    def is_moving(self) -> bool:
        """Whether a run is on, so that states change all the time."""
        progress = self._progress()
        return progress is not None and PENDING < progress.flow_code() < FIRST_FINISHED

    @property
    def has_more(self) -> bool:
        """Whether there may be more to tell at the next refresh, whatever happens until then."""
        return self._is_turn_of_logs and bool(self.looks.at())

    def refresh(self) -> list[Frame]:
        """What views have to be told by now, in this order.

        While states change all the time, logs and states take turns, so that both together keep
        to the number of messages that views are told.
        """
        with self._lock:
            self.views.forget(self._now(), is_deaf=self._is_deaf())
            self.looks.keep(self.views)
            self.timelines.keep(self.views)
            if not self.is_watched:
                return []
            self._remind()
            first, self._is_turn_of_logs = self._is_turn_of_logs, False
            found = self._logs() if first else []
            if not found:
                found = list(self._refreshed())
                self._is_turn_of_logs = bool(found)
            sampler = self._sampler
            drawn = None if sampler is None else sampler.drawn
            times = self.timelines.frames(drawn, is_moving=self.is_moving)
            return [*(found or self._logs()), *times]

    def drawn(self) -> Sketch:
        """What a view can ask about: outline, tasks and scopes in the same order."""
        sampler = self._sampler
        return sampler.drawn if sampler else sketch(self.flow)

    def at_rest(self) -> list[Frame]:
        """The latest structure and states, the same in every kernel; empty if there are none."""
        with self._lock:
            return self._everything(0, None)

    # ---- inside

    def _remind(self) -> None:
        """While views are expected and none has been heard of, tell everything once a second."""
        now = self._now()
        if self._repeat is not None and not self.views and now >= self._repeat:
            self._is_new = True
            self._repeat = now + REMINDER

    def _logs(self) -> list[Frame]:
        found = self.looks.frame(self._sources)
        return [] if found is None else [found]

    def _refreshed(self) -> Iterator[Frame]:
        restructured, self._is_restructured = self._is_restructured, False
        if restructured or self._sampler is None:
            try:
                self._sampler, self._fold = Sampler(sketch(self.flow)), None
            except RuntimeError:  # it is being built this moment, which ends with another event
                self._is_restructured = True
                return
        fold = self._fold
        if fold is None:  # and may be so again at any moment: a view asks for another
            limits = (UNFOLDED_NODES, UNFOLDED_LINKS) if self._is_unfolded else ()
            fold = self._fold = Fold(self._sampler.drawn.outline, *limits)
        is_new, self._is_new = self._is_new, False
        now = fold.applied(self._sampler.sample(self._progress()))
        before = self._sent
        if now.outline != self._drawn:
            self._was_folded = self._is_unfolded or not fold.is_whole
            yield from self._laid_out(now)
        elif before is not None and not is_new:
            self._sent = now
            changed = frames.delta(before, now, self._version, self._elapsed(), self._link())
            if changed is not None:
                yield changed
        if is_new and before is not None:
            self._sent = now
            yield from self._everything(self._version, self._elapsed(), self._link())
        if restructured or is_new:
            yield form(self.flow)

    def _laid_out(self, now: Snapshot) -> Iterator[Frame]:
        self._drawn, self._layout, self._sent = now.outline, None, now
        try:
            self._layout = self._lay_out(now.outline)
        except ResnbError as error:
            yield {"frame": "failed", "reason": str(error)}
            return
        self._version = next(_VERSIONS)
        yield from self._everything(self._version, self._elapsed(), self._link())

    def _everything(self, version: int, elapsed: float | None, link: str = "") -> list[Frame]:
        if self._layout is None or self._drawn is None or self._sent is None:
            return []
        fold = "no" if not self._was_folded else "unfolded" if self._is_unfolded else "yes"
        return [
            frames.structure(self._drawn, self._layout, version, fold),
            frames.states(self._sent, version, elapsed, link),
        ]

    def _link(self) -> str:
        progress = self._progress()
        return "" if progress is None else str(getattr(progress, "link", ""))

    def _elapsed(self) -> float | None:
        if self._began is None:
            return None
        return round((self._ended or self._now()) - self._began, 2)


__all__ = ["LiveFlow"]
