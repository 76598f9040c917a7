"""What views say of time: how long tasks take, and how long resources are set up, open and idle.

Views count on by themselves while a task is running or a resource is open, so that something is
sent only when something has changed. What resources did is read from the run's record when a run
is over and no other has followed at once. Before that it is done at a bounded rate, since it takes
time in a large run, and what is known is counted on here as views do.
"""

from collections.abc import Collection, Iterable, Iterator
from math import inf
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple, Protocol

from resnb.graph.base.kinds import SCOPE_KINDS
from resnb.picking import picker
from resnb.states import FIRST_FINISHED, PENDING, RETRYING, RUNNING
from resnb.view.live.counting_on import Look, counted_on
from resnb.view.live.live_fold import LiveFold
from resnb.view.snapshot import Snapshot
from resnb.view.timeline.bands import Band, band_of
from resnb.view.timeline.bars import ONE, Span
from resnb.view.timeline.lanes import spans_of
from resnb.view.wire.graph import ScopeTimes

if TYPE_CHECKING:
    from collections.abc import Callable

    from resnb.graph.tasks.task import Task
    from resnb.view.sketch import Sketch
    from resnb.view.timeline.record import ResourceUse, RunRecord

PERIOD, SHARE = 0.25, 100.0
"""The least pause between two readings of the record: in seconds, and times what one takes."""
IN_RUN = 2.0
"""Seconds from the beginning of a run to the first reading, if all its resources are known."""
OPEN = frozenset({"open", "kept"})
"""The states of leases whose resources are open."""
EARLIER = 0.05
"""A resource that was opened so long before the run began was opened by an earlier one."""
_TIMED = frozenset({"task", "case", "merge", *SCOPE_KINDS})


class RunTimes(Protocol):
    """Where the times of the latest run come from."""

    def seconds_of(self, task: "Task") -> float | None:
        """How long the latest try of `task` took, or has been taking; None if none has begun."""

    def record_of(self, drawn: "Sketch") -> "RunRecord | None":
        """The record of the latest run; None if there is none."""


class _Past(NamedTuple):
    """What is known of a resource from earlier runs."""

    opened: float  # when it was opened, on the runs' clock
    run: float  # when the latest run began
    before: float | None  # how long it was used before that run; None if nobody knows
    during: float  # how long in that run
    setup: float | None  # how long its set-up took


class TimesFeed:
    """The times of one flow.

    Args:
        source: where they come from; None if nothing is known.
        now: the time in seconds.
    """

    def __init__(self, source: RunTimes | None, now: "Callable[[], float]" = monotonic) -> None:
        self._source = source
        self._now = now
        self._next = 0.0
        self._next_at_rest = inf
        self.is_due = False
        self._code: int | None = None
        self._looked: dict[str, Look] = {}
        self._past: dict[str, _Past] = {}
        self._used_before: dict[str, float] = {}  # until the latest run began
        self._known: dict[str, tuple[float, ScopeTimes]] = {}  # each with the time when it was so
        self._sent: dict[str, ScopeTimes] = {}
        self._places: tuple[Sketch, list[tuple[str, list[int], Callable[[bytes], bytes]]]]

    # ---- tasks

    def of_tasks(
        self, drawn: "Sketch", fold: LiveFold, before: Snapshot | None, now: Snapshot
    ) -> list[tuple[int, float]]:
        """For tasks in another state than before, how long they took, or have been taking."""
        if self._source is None:
            return []
        found = []
        codes = now.codes
        is_same = before is not None and len(before.codes) == len(codes)
        for place, code in enumerate(codes):
            if code == PENDING or (is_same and before is not None and before.codes[place] == code):
                continue
            node = now.outline.nodes[place]
            if node.kind in _TIMED and not node.mapped:
                seconds = self._source.seconds_of(drawn.tasks[fold.inside[place][0]])
                if seconds is not None and (code >= FIRST_FINISHED or code in (RUNNING, RETRYING)):
                    found.append((place, round(seconds, 3)))
        return found

    # ---- resources

    def of_scopes(
        self, drawn: "Sketch", seen: Snapshot, shown: Snapshot, *, everything: bool
    ) -> list[tuple[int, ScopeTimes]]:
        """The times of resources that changed state, began or ceased to be used.

        Args:
            drawn: the flow's sketch.
            seen: its snapshot, not folded.
            shown: the same as it is drawn.
            everything: whether the times of all resources are to be sent.
        """
        if self._source is None or not drawn.scopes:
            return []
        looks, now = dict(self._looks(drawn, seen)), self._now()
        if seen.code != self._code:
            self._code, self.is_due = seen.code, True
            is_over = not PENDING < seen.code < FIRST_FINISHED
            self._next_at_rest = now + PERIOD if is_over else inf
            if not is_over:
                self._begin(now, looks)
        changed = {label for label, look in looks.items() if look != self._looked.get(label)}
        self._looked = looks
        self.is_due |= bool(changed)
        if self.is_due and now >= min(self._next, self._next_at_rest):
            self.is_due, self._next_at_rest = False, inf
            self._read(drawn)
            ended = self._now()
            self._next = ended + max(PERIOD, SHARE * (ended - now))
        else:
            self._count_on(looks.keys() if everything else changed)
        times = {label: known for label, (_, known) in self._known.items()}
        found = [
            (place, times[one.label])
            for place, one in enumerate(shown.outline.clusters)
            if one.label in times and (everything or self._sent.get(one.label) != times[one.label])
        ]
        self._sent = times
        return found

    def _begin(self, now: float, labels: Collection[str]) -> None:
        """A run has begun."""
        used = ((label, known["used"]) for label, (_, known) in self._known.items())
        self._used_before = {label: one for label, one in used if one is not None}
        if all(label in self._known for label in labels):  # the record tells nothing new yet
            self._next = max(self._next, now + IN_RUN)

    def _count_on(self, labels: Iterable[str]) -> None:
        now = self._now()
        for label in labels:
            if label in self._known:
                at, known = self._known[label]
                self._known[label] = now, counted_on(known, now - at, self._looked[label])

    def _looks(self, drawn: "Sketch", seen: Snapshot) -> Iterator[tuple[str, Look]]:
        """What is seen of each scope, by its label."""
        if getattr(self, "_places", (None,))[0] is not drawn:
            self._places = drawn, list(_places(drawn))
        stacks, codes = dict(seen.stacks), seen.codes
        for place, (label, (init, setup, cleanup), pick) in enumerate(self._places[1]):
            is_mapped, inside = place in stacks, pick(codes)
            states = stacks[place] if is_mapped else ((seen.leases[place], 1),)
            yield (
                label,
                Look(
                    (codes[init], codes[setup], codes[cleanup]),
                    sum(number for state, number in states if state in OPEN),
                    RUNNING in inside or RETRYING in inside,
                    is_mapped,
                ),
            )

    def _read(self, drawn: "Sketch") -> None:
        record = None if self._source is None else self._source.record_of(drawn)
        if record is None:
            return
        until = max((record.now if record.over is None else record.over) - record.began, 0.0)
        spans: dict[int, list[Span]] = {}
        for span in spans_of(record, until):
            spans.setdefault(span.row, []).append(span)
        bands: dict[str, list[Band]] = {}
        for use in record.uses:
            label = use.label if use.item == ONE else use.label.removesuffix(f"[{use.item}]")
            band = band_of(record, use, spans, until)
            bands.setdefault(label, []).append(band)
            self._remember(record, use, band)
        now = self._now()
        for label, look in self._looked.items():
            if label in bands:
                self._known[label] = now, self._times(label, bands[label], look)

    def _remember(self, record: "RunRecord", use: "ResourceUse", band: Band) -> None:
        if band.open is None or use.item != ONE:
            return
        opened = record.began + band.open[0]
        past = self._past.get(use.label)
        setup = None if band.setup is None else band.setup[1] - band.setup[0]
        if past is None or abs(past.opened - opened) > 1:
            known = 0.0 if band.open[0] > -EARLIER else None
            self._past[use.label] = _Past(opened, record.began, known, band.busy, setup)
            return
        before = past.before
        if past.run != record.began and before is not None:
            # the record of a run that was followed at once may not have been read to its end
            before = max(before + past.during, self._used_before.get(use.label, 0.0))
        kept = past.setup if setup is None else setup
        self._past[use.label] = past._replace(
            run=record.began, before=before, during=band.busy, setup=kept
        )

    def _times(self, label: str, bands: list[Band], look: Look) -> ScopeTimes:
        opened = [band for band in bands if band.open is not None]
        setups = [one.setup[1] - one.setup[0] for one in bands if one.setup is not None]
        past = self._past.get(label)
        used = None
        if past is not None and past.before is not None and len(bands) == 1 and opened:
            used = round(past.before + past.during, 3)
        setup = max(setups) if setups else None if past is None or not opened else past.setup
        cleanups = [one.cleanup[1] - one.cleanup[0] for one in bands if one.cleanup is not None]
        return {
            "steps": look.steps,
            "setup": None if setup is None else round(setup, 3),
            "cleanup": round(max(cleanups), 3) if cleanups else None,
            "open": round(sum(one.open[1] - one.open[0] for one in opened if one.open), 3),
            "opened": sum(band.is_open for band in bands),
            "used": used,
            "busy": look.busy,
        }


def _places(drawn: "Sketch") -> "Iterator[tuple[str, list[int], Callable[[bytes], bytes]]]":
    outline = drawn.outline
    own: list[dict[str, int]] = [{} for _ in outline.clusters]
    inside: list[list[int]] = [[] for _ in outline.clusters]
    for place, node in enumerate(outline.nodes):
        cluster = node.cluster
        if node.kind in SCOPE_KINDS and cluster is not None:
            own[cluster][node.kind] = place
            cluster = outline.clusters[cluster].parent
        while cluster is not None:
            inside[cluster].append(place)
            cluster = outline.clusters[cluster].parent
    for one, steps, places in zip(outline.clusters, own, inside, strict=True):
        yield one.label, [steps[kind] for kind in SCOPE_KINDS], picker(places)
