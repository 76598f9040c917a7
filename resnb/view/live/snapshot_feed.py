"""A flow's graph and states as its views have them: what to send next, given what was sent last.

A layout is made once for each structure; what changes in its states is sent as a delta.
"""

import json
import zlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeAlias

from resnb.errors import ResnbError
from resnb.view.live import frames
from resnb.view.live.failures import FailureFeed
from resnb.view.live.frames import NO_TIMES, Times
from resnb.view.live.layout import Layout, layout_of
from resnb.view.live.live_fold import LiveFold
from resnb.view.live.parameter_form import form
from resnb.view.live.room import Room
from resnb.view.live.run_times import RunTimes, TimesFeed
from resnb.view.outline import Outline
from resnb.view.sketch import Sketch, sketch
from resnb.view.snapshot import Progress, Sampler, Snapshot
from resnb.view.wire.frames import Frame

if TYPE_CHECKING:
    from resnb.graph.flow import Flow
    from resnb.view.wire.graph import CellInfo, CellList, Direction, Folded, Structure

CellsOf: TypeAlias = "Callable[[Sketch], list[CellInfo]]"
"""Which cells have added what a sketch shows."""


class SnapshotFeed:
    """The frames about a flow's graph.

    Args:
        flow: the flow.
        progress: what is known of its latest run; asked each time.
        lay_out: makes the layout of an outline.
        times: where times come from.
        cells: which cells have added what a sketch shows.
    """

    def __init__(
        self,
        flow: "Flow",
        progress: Callable[[], Progress | None],
        lay_out: Callable[..., Layout] = layout_of,
        times: RunTimes | None = None,
        *,
        cells: "CellsOf" = lambda _: [],
    ) -> None:
        self._flow = flow
        self._progress = progress
        self._lay_out = lay_out
        self._cells_of = cells
        self._cells: list[CellInfo] = []
        self._sampler: Sampler | None = None
        self._fold: LiveFold | None = None
        self._opened: frozenset[tuple[str, str]] = frozenset()
        self._room = Room()
        self._times = TimesFeed(times)
        self._drawn: Outline | None = None
        self._structure: Structure | None = None
        self._layouts: dict[Direction, Layout] = {}
        self._sent: Snapshot | None = None
        self._seen: Snapshot
        self._is_restructured = True
        self._is_everything_due = False
        self._are_states_due = False
        self._is_unfolded = False
        self._is_room_new = False
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

    @property
    def has_more(self) -> bool:
        """Whether something has changed that may not be sent yet."""
        return self._times.is_due

    def unfold(self, *, unfolded: bool) -> None:
        """Show all tasks of a large flow, or fold them again."""
        self._is_unfolded, self._opened = unfolded, frozenset()
        self._fold = None

    def open(self, what: str, label: str, *, opened: bool) -> None:
        """Show what a folded node or a cluster's header stands for, or only that again.

        Args:
            what: ``node`` or ``cluster``.
            label: its id.
            opened: whether to show it.
        """
        chosen = {("cluster", label)}
        if what == "node":
            chosen = {("node", name) for name in self._tasks_in(label)}
        self._opened = self._opened | chosen if opened else self._opened - chosen
        self._fold = None

    def folded(self, label: str) -> tuple[int, ...]:
        """The places in the sketch of the tasks that are folded into a node; none if it is none."""
        fold = self._fold
        if fold is None:
            return ()
        for node, places in zip(fold.outline.nodes, fold.inside, strict=True):
            if node.kind == "folded" and frames.node_id(fold.outline, node) == label:
                return places
        return ()

    def _tasks_in(self, label: str) -> list[str]:
        if self._sampler is None:
            return []
        nodes = self._sampler.drawn.outline.nodes
        return [nodes[place].label for place in self.folded(label)]

    def room(self, room: Room) -> None:
        """How much room a view has, and which way its reader wants the graph."""
        if room != self._room:
            self._room = room
            self._is_room_new = True

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
            outline = self._sampler.drawn.outline
            fold = self._fold = LiveFold(outline, self._opened, is_unfolded=self._is_unfolded)
        everything, self._is_everything_due = self._is_everything_due, False
        states, self._are_states_due = self._are_states_due, False
        progress = self._progress()
        elapsed_and_link = elapsed, "" if progress is None else progress.link
        seen = self._sampler.sample(progress)
        failures = self._failures.look(self._sampler.drawn, seen, progress)
        now = fold.apply(seen)
        before, self._sent, self._seen = self._sent, now, seen
        room, self._is_room_new = self._is_room_new, False
        is_redrawn = now.outline != self._drawn or (room and self._goes_another_way(now.outline))
        if is_redrawn:
            self._draw(now.outline, fold)
        if is_redrawn or before is None or everything:
            yield from self._everything(*elapsed_and_link)
        else:
            run = frames.run_info(now, self._version, *elapsed_and_link)
            times = self._all_times() if states else self._new_times(before)
            changed = frames.delta(before, now, run, times)
            if states and self._structure is not None:
                yield frames.states(now, run, times)
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
        drawn = self._everything(elapsed, "")
        cells = [] if self.sketch is None else self._cells_in(self.sketch)
        return [*drawn, self._failures.all(), form(self._flow), *cells]

    def _cells_in(self, drawn: Sketch) -> "list[CellList]":
        """The frame about cells; none where no cell has ever added anything."""
        before, self._cells = self._cells, self._cells_of(drawn)
        return [{"frame": "cells", "cells": self._cells}] if before or self._cells else []

    @property
    def _version(self) -> int:
        return 0 if self._structure is None else self._structure["version"]

    def _draw(self, outline: Outline, fold: LiveFold) -> None:
        self._drawn, self._structure = outline, None
        folded: Folded = "no" if not fold.is_large else "unfolded" if self._is_unfolded else "yes"
        folding = frames.Folding(folded, fold.names(), fold.in_header())
        try:
            self._layouts = {"down": self._lay_out(outline)}
            direction = self._direction(outline)
            drawn = frames.structure(outline, self._layouts[direction], 0, folding, direction)
        except ResnbError as error:
            self._failure = str(error)
        else:
            version = zlib.crc32(json.dumps(drawn).encode())  # the same for the same structure
            self._structure = {**drawn, "version": version}

    def _direction(self, outline: Outline) -> "Direction":
        """The way that fits better, unless the reader has chosen; laid out by then."""
        layouts, room = self._layouts, self._room
        is_chosen = room.direction != "fitting"
        if room.direction == "down" or (not is_chosen and room.fits(layouts["down"])):
            return "down"
        if "right" not in layouts:
            layouts["right"] = self._lay_out(outline, "right")
        return "right" if is_chosen else room.better(layouts["down"], layouts["right"])

    def _goes_another_way(self, outline: Outline) -> bool:
        if self._structure is None:
            return False
        try:
            return self._direction(outline) != self._structure["direction"]
        except ResnbError:
            return False  # it stays as it is drawn

    def _new_times(self, before: Snapshot | None, *, everything: bool = False) -> Times:
        """The times of what has changed since `before`."""
        if self._sampler is None or self._fold is None or self._sent is None:
            return NO_TIMES
        drawn, now = self._sampler.drawn, self._sent
        return Times(
            self._times.of_tasks(drawn, self._fold, before, now),
            self._times.of_scopes(drawn, self._seen, now, everything=everything),
        )

    def _all_times(self) -> Times:
        return self._new_times(None, everything=True)

    def _everything(self, elapsed: float | None, link: str) -> Iterator[Frame]:
        if self._structure is None or self._sent is None:
            yield {"frame": "failed", "reason": self._failure}
            return
        yield self._structure
        run = frames.run_info(self._sent, self._version, elapsed, link)
        yield frames.states(self._sent, run, self._all_times())
