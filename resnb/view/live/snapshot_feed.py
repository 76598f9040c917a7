"""A flow's graph and states as its views have them: what to send next, given what was sent last.

A layout is made once for each structure; what changes in its states is sent as a delta.
"""

import json
import zlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeAlias

from resnb.errors import ResnbError
from resnb.view.folding import Fold
from resnb.view.live import frames
from resnb.view.live.failures import FailureFeed
from resnb.view.live.layout import Layout, layout_of
from resnb.view.live.parameter_form import form
from resnb.view.outline import Outline
from resnb.view.sketch import Sketch, sketch
from resnb.view.snapshot import Progress, Sampler, Snapshot
from resnb.view.wire.frames import Frame

if TYPE_CHECKING:
    from resnb.graph.flow import Flow
    from resnb.view.wire.graph import CellInfo, CellList, Folded, Structure

CellsOf: TypeAlias = "Callable[[Sketch], list[CellInfo]]"
"""Which cells have added what a sketch shows."""
UNFOLDED_NODES, UNFOLDED_LINKS = 1_500, 4_000
"""How much is drawn when a user unfolds a large flow: Graphviz lays that out in about 2 s."""


class SnapshotFeed:
    """The frames about a flow's graph.

    Args:
        flow: the flow.
        progress: what is known of its latest run; asked each time.
        lay_out: makes the layout of an outline.
        cells: which cells have added what a sketch shows.
    """

    def __init__(
        self,
        flow: "Flow",
        progress: Callable[[], Progress | None],
        lay_out: Callable[[Outline], Layout] = layout_of,
        cells: "CellsOf" = lambda _: [],
    ) -> None:
        self._flow = flow
        self._progress = progress
        self._lay_out = lay_out
        self._cells_of = cells
        self._cells: list[CellInfo] = []
        self._sampler: Sampler | None = None
        self._fold: Fold | None = None
        self._drawn: Outline | None = None
        self._structure: Structure | None = None
        self._sent: Snapshot | None = None
        self._is_restructured = True
        self._is_everything_due = False
        self._are_states_due = False
        self._is_unfolded = False
        self._is_folded = False
        self._failure = ""
        self._failures = FailureFeed()

    @property
    def sketch(self) -> Sketch | None:
        """The flow's sketch, as of the latest frames; None before the first."""
        return None if self._sampler is None else self._sampler.drawn

    def restructured(self) -> None:
        """The flow's structure has changed."""
        self._is_restructured = True

    def renew(self) -> None:
        """Some view has nothing yet: send everything next time."""
        self._is_everything_due = True

    def repeat(self) -> None:
        """Some view may have missed a delta: send all states next time."""
        self._are_states_due = True

    def unfold(self, *, unfolded: bool) -> None:
        """Show what is inside the scopes of a large flow, or fold them again."""
        self._is_unfolded = unfolded
        self._fold = None

    def frames(self, elapsed: float | None) -> Iterator[Frame]:
        """The frames that bring views up to date.

        Args:
            elapsed: seconds that the latest run took or has been taking.
        """
        restructured, self._is_restructured = self._is_restructured, False
        if restructured or self._sampler is None:
            try:
                self._sampler, self._fold = Sampler(sketch(self._flow)), None
            except RuntimeError:  # the flow is being built right now, which ends with an event
                self._is_restructured = True
                return
        fold = self._fold
        if fold is None:  # a view may ask for another one at any moment
            limits = (UNFOLDED_NODES, UNFOLDED_LINKS) if self._is_unfolded else ()
            fold = self._fold = Fold(self._sampler.drawn.outline, *limits)
        everything, self._is_everything_due = self._is_everything_due, False
        states, self._are_states_due = self._are_states_due, False
        progress = self._progress()
        elapsed_and_link = elapsed, "" if progress is None else progress.link
        seen = self._sampler.sample(progress)
        failures = self._failures.look(self._sampler.drawn, seen, progress)
        now = fold.apply(seen)
        before, self._sent = self._sent, now
        is_redrawn = now.outline != self._drawn
        if is_redrawn:
            self._is_folded = self._is_unfolded or not fold.is_whole
            self._draw(now.outline)
        if is_redrawn or before is None or everything:
            yield from self._everything(now, *elapsed_and_link)
        else:
            run = frames.run_info(now, self._version, *elapsed_and_link)
            changed = frames.delta(before, now, run)
            if states and self._structure is not None:
                yield frames.states(now, run)
            elif changed is not None:
                yield changed
        if failures is not None or everything:
            yield self._failures.all()
        if restructured or everything:
            yield form(self._flow)
            yield from self._cells_in(self._sampler.drawn)

    def at_rest(self, elapsed: float | None) -> list[Frame]:
        """What a view draws that has been sent nothing; empty before the first frames."""
        if self._sent is None:
            return []
        drawn = self._everything(self._sent, elapsed, "")
        cells = [] if self.sketch is None else self._cells_in(self.sketch)
        return [*drawn, self._failures.all(), form(self._flow), *cells]

    def _cells_in(self, drawn: Sketch) -> "list[CellList]":
        """The frame about cells; none where no cell has ever added anything."""
        before, self._cells = self._cells, self._cells_of(drawn)
        return [{"frame": "cells", "cells": self._cells}] if before or self._cells else []

    @property
    def _version(self) -> int:
        return 0 if self._structure is None else self._structure["version"]

    def _draw(self, outline: Outline) -> None:
        self._drawn, self._structure = outline, None
        folded: Folded = "no" if not self._is_folded else "unfolded" if self._is_unfolded else "yes"
        try:
            drawn = frames.structure(outline, self._lay_out(outline), 0, folded)
        except ResnbError as error:
            self._failure = str(error)
        else:
            version = zlib.crc32(json.dumps(drawn).encode())  # the same for the same structure
            self._structure = {**drawn, "version": version}

    def _everything(self, now: Snapshot, elapsed: float | None, link: str) -> Iterator[Frame]:
        if self._structure is None:
            yield {"frame": "failed", "reason": self._failure}
            return
        yield self._structure
        yield frames.states(now, frames.run_info(now, self._version, elapsed, link))
