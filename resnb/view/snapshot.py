"""A flow at one moment: its outline, and the state of everything in it.

An outline is made once for each structure; a `Sampler` adds the states as often as a view asks,
without a step of Python for each task. A snapshot is plain data and never changes.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias

from resnb.graph.base.kinds import NO_WORK
from resnb.states import (
    CACHED,
    FAILED,
    FIRST_FINISHED,
    FIRST_UNSUCCESSFUL,
    MAPPED,
    PENDING,
    RUNNING,
    SUCCESS,
    census,
)
from resnb.view.aggregate import FAILURES, overall, reason_of
from resnb.view.names import message
from resnb.view.outline import Outline
from resnb.view.sketch import Sketch, sketch, value_text

if TYPE_CHECKING:
    from resnb.graph.flow import Flow
    from resnb.graph.resources.scope import Scope
    from resnb.graph.tasks.task import Task
    from resnb.states import State

Counts: TypeAlias = tuple[tuple[int, int], ...]
"""How many are in each state: pairs of state code and number, by code."""

Stacks: TypeAlias = tuple[tuple[int, tuple[tuple[str, int], ...]], ...]
"""For each mapped cluster its place, and how many leases are in each state."""

Marks: TypeAlias = tuple[tuple[int, str], ...]
"""Pairs of a place and a mark: ``cell deleted``, or ``stale``, a colon and why."""

NOT_YET = "not yet"
_ENDS = {"closing": RUNNING, "with the reaper": RUNNING, "closed": SUCCESS, "failed": FAILED}
"""What the state of a lease says of its clean-up."""
STALE = "stale"


class Progress(Protocol):
    """What is known of a flow's latest run."""

    def codes_of(self, tasks: "Sequence[Task]") -> bytes:
        """The code of each task's state; asked again and again with the same tuple."""

    def child_counts(self, task: "Task") -> Mapping[int, int]:
        """How many children of a mapped task are in each state; empty before it expands."""

    @property
    def link(self) -> str:
        """The address of the dashboard of the run's cluster; empty if there is none."""

    def lease_state(self, scope: "Scope") -> str:
        """One of the words of `resnb.view.palette.LEASE`.

        For a mapped scope the state of the most urgent lease.
        """

    def lease_states(self, scope: "Scope") -> Mapping[str, int]:
        """How many leases of a mapped scope are in each state, the most urgent first."""

    def state_of(self, task: "Task") -> "State":
        """The task's state; used for parameters' values and for failures."""

    def flow_code(self) -> int:
        """The code of the flow's state: how its latest run is, or has ended."""

    @property
    def stale(self) -> "Mapping[Task, str]":
        """The tasks whose values are out of date, and why."""


class Failure(NamedTuple):
    """Why a node failed, in one line."""

    label: str
    reason: str


class Snapshot(NamedTuple):
    """What there is to draw."""

    outline: Outline  # nodes, clusters and links
    code: int  # the flow's state
    codes: bytes  # the state of each node, a byte each
    # how many children (or tasks, if it is folded) of each node are in each state
    counts: tuple[Counts, ...]
    leases: tuple[str, ...]  # the state of each cluster's lease
    # the values of parameters in a few characters: pairs of place and text
    values: tuple[tuple[int, str], ...] = ()
    totals: Counts = ()  # how many tasks and children that do work are in each state, drawn or not
    failures: tuple[Failure, ...] = ()  # the tasks that failed themselves, and why
    left_out: int = 0  # how many tasks are not drawn at all
    stacks: Stacks = ()  # how many leases of each mapped cluster are in each state
    marks: Marks = ()  # what there is to say of nodes beside their states

    def mark(self, place: int) -> str:
        """What there is to say of a node beside its state; empty for nothing."""
        return dict(self.marks).get(place, "")

    def stack(self, place: int) -> tuple[tuple[str, int], ...]:
        """How many leases of a mapped cluster are in each state."""
        return dict(self.stacks).get(place, ())


class Sampler:
    """Takes samples of a sketched flow.

    Args:
        drawn: the sketch.
    """

    def __init__(self, drawn: Sketch) -> None:
        self.drawn = drawn
        nodes = drawn.outline.nodes
        self._noted = {
            place: node.note
            for place, node in enumerate(nodes)
            if node.note and node.kind != "parameter"
        }
        self._no_counts: tuple[Counts, ...] = ((),) * len(nodes)
        self._mapped = [place for place, node in enumerate(nodes) if node.mapped]
        self._parameters = [place for place, node in enumerate(nodes) if node.kind == "parameter"]
        self._no_work = {place for place, node in enumerate(nodes) if node.kind in NO_WORK}
        clusters = drawn.outline.clusters
        self._stacks = [place for place, one in enumerate(clusters) if one.mapped]
        self._setups, self._cleanups = (
            {node.cluster: place for place, node in enumerate(nodes) if node.kind == kind}
            for kind in ("setup", "cleanup")
        )

    def sample(self, progress: Progress | None) -> Snapshot:
        """The states as they are now; without `progress`, those of a flow that has never run."""
        outline, tasks, scopes = self.drawn
        if progress is None:
            codes = bytes([PENDING]) * len(tasks)
            leases = (NOT_YET,) * len(scopes)
            totals = self._totals(codes)
            return Snapshot(
                outline,
                PENDING,
                codes,
                self._no_counts,
                leases,
                totals=in_order(totals),
                marks=tuple(self._noted.items()),
            )
        codes = progress.codes_of(tasks)
        totals, shown = self._totals(codes), bytearray(codes)
        counts = list(self._no_counts) if self._mapped else []
        for place in self._mapped:
            children = progress.child_counts(tasks[place])
            counts[place] = in_order(children)
            if codes[place] == MAPPED:
                found = [code for code, _ in counts[place]]
                if any(code >= FIRST_UNSUCCESSFUL for code in found):
                    shown[place] = overall(found)  # failures must not hide behind "mapped"
            if place in self._no_work:
                continue
            if children:
                totals[codes[place]] -= 1
            for code, number in children.items():
                totals[code] = totals.get(code, 0) + number
        leases = tuple([progress.lease_state(scope) for scope in scopes])
        code = progress.flow_code()
        if not PENDING < code < FIRST_FINISHED:
            self._show_ends(shown, leases)
        return Snapshot(
            outline,
            code,
            bytes(shown),
            tuple(counts) or self._no_counts,
            leases,
            tuple(
                (place, value_text(progress.state_of(tasks[place]).result))
                for place in self._parameters
                if codes[place] in (SUCCESS, CACHED)
            ),
            in_order(totals),
            stacks=tuple(
                (place, tuple(progress.lease_states(scopes[place]).items()))
                for place in self._stacks
            ),
            marks=self._marks(progress.stale),
        )

    def _marks(self, stale: "Mapping[Task, str]") -> Marks:
        if not stale:
            return tuple(self._noted.items())
        found = {place: [note] for place, note in self._noted.items()}
        for place, task in enumerate(self.drawn.tasks):
            if (why := stale.get(task)) is not None:
                found.setdefault(place, []).append(f"{STALE}: {message(why)}" if why else STALE)
        return tuple((place, ", ".join(marks)) for place, marks in sorted(found.items()))

    def _show_ends(self, codes: bytearray, leases: Sequence[str]) -> None:
        """Show the clean-ups that no run did: a button, a line or the reaper."""
        for cluster, lease in enumerate(leases):
            setup, cleanup = self._setups.get(cluster), self._cleanups.get(cluster)
            if setup is None or cleanup is None or codes[cleanup] != PENDING:
                continue
            if FIRST_FINISHED <= codes[setup] < FIRST_UNSUCCESSFUL:
                codes[cleanup] = _ENDS.get(lease, PENDING)

    def _totals(self, codes: bytes) -> dict[int, int]:
        totals = census(codes)
        for place in self._no_work:
            totals[codes[place]] -= 1
        return totals


def snapshot(flow: "Flow", progress: Progress | None = None) -> Snapshot:
    """The flow as it is now, and why it failed; without `progress`, one that has never run."""
    drawn = sketch(flow)
    seen = Sampler(drawn).sample(progress)
    if progress is None:
        return seen
    failures = []
    for place, code in enumerate(seen.codes):
        if code in FAILURES:
            reason = reason_of(progress.state_of(drawn.tasks[place]))
            failures.append(Failure(drawn.outline.nodes[place].label, message(reason)))
    outline = _with_values(drawn.outline, seen.values)
    return seen._replace(outline=outline, failures=tuple(failures))


def _with_values(outline: Outline, values: Sequence[tuple[int, str]]) -> Outline:
    """`outline` with the values of parameters in place of their defaults."""
    if not values:
        return outline
    nodes = list(outline.nodes)
    for place, text in values:
        nodes[place] = nodes[place]._replace(note=text)
    return outline._replace(nodes=tuple(nodes))


def in_order(counts: Mapping[int, int]) -> Counts:
    """`counts` by code, without zeros."""
    return tuple(sorted((code, number) for code, number in counts.items() if number))
