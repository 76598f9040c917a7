"""The outputs that a notebook keeps of a flow, once something has happened that no cell has done.

A cell's output shows the flow as it was at the cell's end. A run by a button, or by
``flow.start()`` beside cells, and a clean-up that somebody asked for, come later; then picture and
text of all outputs of this flow are replaced, with the time of the run. Nothing is replaced for
what cells do: each shows that itself, and the same on every run.
"""

import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from IPython.core.getipython import get_ipython

from resnb.events import Event, LeaseChanged, RunBegan, RunEnded
from resnb.ledger.kernel.keeper import KEEPER
from resnb.run.output.writer import WITHOUT_CELL
from resnb.view.painter import PAINTER
from resnb.view.picture import alt_text
from resnb.view.timeline.scale import duration_text

if TYPE_CHECKING:
    from resnb.graph.flow import Flow

SOON = 0.3
"""Seconds without news until outputs are replaced."""
SHARE = 20.0
"""The pause between two times is at least so many times what drawing takes."""
MOST = 20
"""Number of outputs that are remembered for front ends that know them only by their ids."""


class SavedOutputs:
    """The outputs of cells that show one flow.

    Args:
        flow: the flow.
        live: what an output has beside picture and text.
        places: the ids of the outputs that are known already.
        is_busy: whether a cell is running.
        publish: sends an update of the output with an id; gets data, metadata and the id.
        clock: seconds of a clock that only goes forward.
        wall: the time in seconds since the epoch.

    Attributes:
        places: the ids of the outputs.
    """

    def __init__(
        self,
        flow: "Flow",
        live: Callable[[], dict[str, Any]],
        places: Iterable[str] = (),
        *,
        is_busy: Callable[[], bool] = lambda: KEEPER.activity.is_busy,
        publish: Callable[[dict[str, Any], dict[str, Any], str], object] | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._flow = flow
        self._live = live
        self._is_busy = is_busy
        self._publish = publish or _published
        self._clock = clock
        self._wall = wall
        self.places = list(places)
        self._began = 0.0
        self._is_of_cell = False
        self._is_asked = False
        self._ran = ""
        self._written = ""
        self._due: float | None = None
        self._next = float("-inf")

    def shown(self, place: str) -> None:
        """The flow was displayed in an output with this id."""
        self.places = [*self.places[1 - MOST :], place]

    def asked(self) -> None:
        """A button has asked for something, maybe while a cell is running."""
        self._is_asked = True

    def happened(self, event: Event) -> None:
        """Something has happened to the flow or a lease; on the thread of whoever does it."""
        if isinstance(event, RunBegan):
            self._is_of_cell = self._is_busy() and not WITHOUT_CELL.get()
            self._began, self._ran = self._clock(), ""
        elif isinstance(event, RunEnded):
            if not self._is_of_cell or not self._is_busy():
                took = duration_text(self._clock() - self._began)
                at = time.strftime("%Y-%m-%d %H:%M", time.localtime(self._wall()))
                self._ran = f"run {at}, {took}"
                self._soon()
        elif isinstance(event, LeaseChanged):
            is_ours = event.name.startswith(f"{self._flow.name}/")
            if is_ours and (self._is_asked or not self._is_busy()):
                self._soon()

    def settle(self, *, is_moving: bool) -> bool:
        """Replace the outputs if that is due; returns whether it will be.

        Args:
            is_moving: whether a run is on, whose end is waited for.
        """
        if self._due is None or is_moving:
            return False
        began = self._clock()
        if began < max(self._due, self._next):
            return True
        self._due, self._is_asked = None, False
        picture = PAINTER.picture(self._flow, caption=self._ran)
        if picture.text != self._written:
            self._written = picture.text
            data = {**picture.mimebundle(), **self._live()}
            for place in self.places or [uuid4().hex]:
                self._publish(data, alt_text(picture.text), place)
        self._next = self._clock() + SHARE * (self._clock() - began)
        return False

    def _soon(self) -> None:
        self._due = self._clock() + SOON


def _published(data: dict[str, Any], metadata: dict[str, Any], place: str) -> None:
    shell: Any = get_ipython()
    if shell is not None:
        transient = {"display_id": place, "resnb": "all"}
        shell.display_pub.publish(data, metadata, transient=transient, update=True)
