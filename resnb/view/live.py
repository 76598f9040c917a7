"""One flow as live views see it: what to send next, given what was sent before.

It knows no thread and no widget: `refresh` is called at most as often as views may be told, by
one thread, and gives the frames. A layout is made once for each structure.
"""

import threading
from collections.abc import Callable, Iterator
from itertools import count
from time import monotonic
from typing import TYPE_CHECKING

from resnb.errors import ResnbError
from resnb.events import Event, RunBegan, RunEnded, StructureChanged
from resnb.states import FIRST_FINISHED, PENDING
from resnb.view import frames
from resnb.view.fields import form
from resnb.view.folding import folded
from resnb.view.frames import Frame
from resnb.view.layout import Layout, laid_out
from resnb.view.outline import Outline
from resnb.view.sketch import Sketch, sketch
from resnb.view.snapshot import Progress, Snapshot, sampled

if TYPE_CHECKING:
    from resnb.graph.flow import Flow

UNFOLDED_LIMIT = 600
"""How many nodes are drawn when a user asks for what is folded."""

_VERSIONS = count(1)
"""No two structures of a kernel have the same number."""


class LiveFlow:
    """A flow, and what its views were told of it.

    Args:
        flow: the flow.
        progress: what is known of its latest run; asked at each refresh.
        views: the views that are open already.
        lay_out: makes the layout of an outline.
        now: the time in seconds.

    Attributes:
        views: the views that are open; nobody is told anything while there is none.
    """

    def __init__(
        self,
        flow: "Flow",
        progress: Callable[[], Progress | None],
        views: set[str] | None = None,
        lay_out: Callable[[Outline], Layout] = laid_out,
        now: Callable[[], float] = monotonic,
    ) -> None:
        self.flow = flow
        self.views = set(views or ())
        self._progress = progress
        self._lay_out = lay_out
        self._now = now
        self._lock = threading.Lock()
        self._sketch: Sketch | None = None
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
        self.views.add(view)
        self._is_new = True

    def closed(self, view: str) -> None:
        """A view was closed."""
        self.views.discard(view)

    def unfold(self, *, unfolded: bool) -> None:
        """Show what is inside the scopes of a large flow, or fold them again."""
        self._is_unfolded = unfolded

    def happened(self, event: Event) -> None:
        """Something has happened, maybe to this flow."""
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

    def refresh(self) -> list[Frame]:
        """What views have to be told by now, in this order."""
        with self._lock:
            return list(self._refreshed()) if self.views else []

    def drawn(self) -> Sketch:
        """What a view can ask about: outline, tasks and scopes in the same order."""
        with self._lock:
            return self._sketch or sketch(self.flow)

    # ---- inside

    def _refreshed(self) -> Iterator[Frame]:
        restructured, self._is_restructured = self._is_restructured, False
        if restructured or self._sketch is None:
            try:
                self._sketch = sketch(self.flow)
            except RuntimeError:  # it is being built this moment, which ends with another event
                self._is_restructured = True
                return
        is_new, self._is_new = self._is_new, False
        whole = sampled(self._sketch, self._progress())
        now = folded(whole, UNFOLDED_LIMIT) if self._is_unfolded else folded(whole)
        before = self._sent
        if self._drawn is None or not _is_same(now.outline, self._drawn):
            self._was_folded = self._is_unfolded or now is not whole
            yield from self._laid_out(now)
        elif before is not None and not is_new:
            self._sent = now
            changed = frames.delta(before, now, self._version, self._elapsed(), self._link())
            if changed is not None:
                yield changed
        if is_new and before is not None:
            self._sent = now
            yield from self._everything()
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
        yield from self._everything()

    def _everything(self) -> list[Frame]:
        if self._layout is None or self._drawn is None or self._sent is None:
            return []
        fold = "no" if not self._was_folded else "unfolded" if self._is_unfolded else "yes"
        return [
            frames.structure(self._drawn, self._layout, self._version, fold),
            frames.states(self._sent, self._version, self._elapsed(), self._link()),
        ]

    def _link(self) -> str:
        progress = self._progress()
        return "" if progress is None else str(getattr(progress, "link", ""))

    def _elapsed(self) -> float | None:
        if self._began is None:
            return None
        return round((self._ended or self._now()) - self._began, 2)


def _is_same(one: Outline, other: Outline | None) -> bool:
    """Whether two outlines have the same layout: all but the values of parameters is the same."""
    if other is None or len(one.nodes) != len(other.nodes):
        return False
    if (one.name, one.clusters, one.links) != (other.name, other.clusters, other.links):
        return False
    pairs = zip(one.nodes, other.nodes, strict=True)
    return all(node == known or node._replace(note=known.note) == known for node, known in pairs)


__all__ = ["LiveFlow"]
