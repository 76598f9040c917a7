"""One flow as live views see it: what to send next, given what was sent before.

It knows no thread and no widget: `refresh` is called at most as often as views may be told, and
gives the frames. A layout is made once for each structure.
"""

import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from resnb.errors import ResnbError
from resnb.states import FIRST_FINISHED, PENDING
from resnb.view import frames
from resnb.view.folding import folded
from resnb.view.frames import Frame
from resnb.view.layout import Layout, laid_out
from resnb.view.outline import Outline
from resnb.view.sketch import Sketch, sketch
from resnb.view.snapshot import Progress, Snapshot, sampled

if TYPE_CHECKING:
    from resnb.graph.flow import Flow


class LiveFlow:
    """A flow, and what its views were told of it.

    Args:
        flow: the flow.
        progress: what is known of its latest run; asked at each refresh.
        lay_out: makes the layout of an outline.

    Attributes:
        views: how many views are open; nobody is told anything while there is none.
    """

    def __init__(
        self,
        flow: "Flow",
        progress: Callable[[], Progress | None],
        lay_out: Callable[[Outline], Layout] = laid_out,
    ) -> None:
        self.flow = flow
        self.views = 0
        self._progress = progress
        self._lay_out = lay_out
        self._lock = threading.Lock()
        self._sketch: Sketch | None = None
        self._drawn: Outline | None = None
        self._layout: Layout | None = None
        self._sent: Snapshot | None = None
        self._version = 0
        self._is_restructured = True

    # ---- what happens

    def opened(self) -> list[Frame]:
        """A view was opened: what it has to know."""
        with self._lock:
            self.views += 1
            found = list(self._refreshed())
            again = self._everything()
        return again or found

    def closed(self) -> None:
        """A view was closed."""
        with self._lock:
            self.views = max(0, self.views - 1)

    def restructured(self) -> None:
        """Tasks or edges have changed."""
        self._is_restructured = True

    @property
    def is_moving(self) -> bool:
        """Whether a run is on, so that states change all the time."""
        progress = self._progress()
        return progress is not None and PENDING < progress.flow_code() < FIRST_FINISHED

    def refresh(self) -> list[Frame]:
        """What views have to be told by now, in this order."""
        with self._lock:
            return list(self._refreshed()) if self.views else []

    # ---- inside

    def _refreshed(self) -> Iterator[Frame]:
        if self._is_restructured or self._sketch is None:
            self._is_restructured = False
            self._sketch = sketch(self.flow)
        now = folded(sampled(self._sketch, self._progress()))
        before = self._sent
        if self._layout is None or not _is_same(now.outline, self._drawn):
            yield from self._laid_out(now)
        elif before is not None:
            self._sent = now
            changed = frames.delta(before, now, self._version)
            if changed is not None:
                yield changed

    def _laid_out(self, now: Snapshot) -> Iterator[Frame]:
        try:
            layout = self._lay_out(now.outline)
        except ResnbError as error:
            yield {"frame": "failed", "reason": str(error)}
            return
        self._version += 1
        self._drawn, self._layout, self._sent = now.outline, layout, now
        yield from self._everything()

    def _everything(self) -> list[Frame]:
        if self._layout is None or self._drawn is None or self._sent is None:
            return []
        return [
            frames.structure(self._drawn, self._layout, self._version),
            frames.states(self._sent, self._version),
        ]


def _is_same(one: Outline, other: Outline | None) -> bool:
    """Whether two outlines have the same layout: all but the values of parameters is the same."""
    if other is None or len(one.nodes) != len(other.nodes):
        return False
    if (one.name, one.clusters, one.links) != (other.name, other.clusters, other.links):
        return False
    pairs = zip(one.nodes, other.nodes, strict=True)
    return all(node == known or node._replace(note=known.note) == known for node, known in pairs)


__all__ = ["LiveFlow"]
