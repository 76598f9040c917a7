"""A flow at one moment: its outline, and the state of everything in it.

An outline is made once for each structure; `sampled` adds the states as often as a view wants
to, and costs a look at each task. A snapshot is plain data and never changes.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias

from resnb.states import CACHED, FAILED, FIRST_UNSUCCESSFUL, PENDING, SUCCESS, TIMED_OUT
from resnb.view.names import message
from resnb.view.outline import Outline
from resnb.view.sketch import Sketch, sketch, spelled

if TYPE_CHECKING:
    from resnb.graph.flow import Flow
    from resnb.graph.scope import Scope
    from resnb.graph.task import Task
    from resnb.states import State

Counts: TypeAlias = tuple[tuple[int, int], ...]
"""How many there are of each state: pairs of state code and number, by code."""

NOT_YET = "not yet"


class Progress(Protocol):
    """What is known of a flow's latest run."""

    def code_of(self, task: "Task") -> int:
        """The code of the task's state."""

    def child_counts(self, task: "Task") -> Mapping[int, int]:
        """Of a mapped task: the number of children by state code; empty before it expanded."""

    def duration_of(self, task: "Task") -> float | None:
        """How long the task took, in seconds; None if it has not run."""

    def tries_of(self, task: "Task") -> int:
        """How often the task's code was begun."""

    def failure_of(self, task: "Task") -> str | None:
        """Why the task failed, in one line; None if it did not."""

    def lease_state(self, scope: "Scope") -> str:
        """``not yet``, ``opening``, ``open``, ``closing``, ``closed``, ``failed`` or ``kept``."""

    def state_of(self, task: "Task") -> "State":
        """The task's state; asked of parameters only, for the value that they had."""

    def flow_code(self) -> int:
        """The code of the latest run's state."""


class Failure(NamedTuple):
    """Why a node failed, in one line."""

    label: str
    reason: str


class Snapshot(NamedTuple):
    """What there is to draw.

    Attributes:
        outline: nodes, clusters and links.
        code: the flow's state.
        codes: the state of each node.
        counts: for each node how many children (or tasks, if it is folded) are in which state.
        leases: the lease's state of each cluster.
        failures: the tasks that failed by themselves, and why.
        left_out: how many tasks are not drawn at all.
    """

    outline: Outline
    code: int
    codes: tuple[int, ...]
    counts: tuple[Counts, ...]
    leases: tuple[str, ...]
    failures: tuple[Failure, ...] = ()
    left_out: int = 0


def snapshot(flow: "Flow", progress: Progress | None = None) -> Snapshot:
    """The flow as it is now; without `progress` as a flow that has never run."""
    return sampled(sketch(flow), progress)


def sampled(drawn: Sketch, progress: Progress | None = None) -> Snapshot:
    """The states, as they are now, of what was sketched before."""
    outline, tasks, scopes = drawn
    if progress is None:
        return Snapshot(
            outline,
            PENDING,
            (PENDING,) * len(tasks),
            ((),) * len(tasks),
            (NOT_YET,) * len(scopes),
        )
    code_of = progress.code_of
    codes = tuple([code_of(task) for task in tasks])
    counts: list[Counts] = [()] * len(tasks)
    failures = []
    values = {}
    for place, (node, code) in enumerate(zip(outline.nodes, codes, strict=True)):
        if node.kind == "parameter" and code in (SUCCESS, CACHED):
            values[place] = spelled(progress.state_of(tasks[place]).result)
        if node.mapped:
            counts[place] = in_order(progress.child_counts(tasks[place]))
        if code >= FIRST_UNSUCCESSFUL and code in (FAILED, TIMED_OUT):
            reason = progress.failure_of(tasks[place]) or ""
            failures.append(Failure(node.label, message(reason)))
    return Snapshot(
        _with_values(outline, values),
        progress.flow_code(),
        codes,
        tuple(counts),
        tuple([progress.lease_state(scope) for scope in scopes]),
        tuple(failures),
    )


def _with_values(outline: Outline, values: Mapping[int, str]) -> Outline:
    """`outline` with the values that parameters had in place of their defaults."""
    nodes = outline.nodes
    changed = {place: text for place, text in values.items() if nodes[place].note != text}
    if not changed:
        return outline
    noted = [
        node._replace(note=changed[place]) if place in changed else node
        for place, node in enumerate(nodes)
    ]
    return outline._replace(nodes=tuple(noted))


def in_order(counts: Mapping[int, int]) -> Counts:
    """`counts` by code, without those of which there is none."""
    return tuple(sorted((code, number) for code, number in counts.items() if number))


__all__ = [
    "NOT_YET",
    "Counts",
    "Failure",
    "Progress",
    "Snapshot",
    "in_order",
    "sampled",
    "snapshot",
]
