"""Frames about the graph and its states, the form for parameters, and answers to commands."""

from typing import Literal, NamedTuple, NotRequired, Required, TypeAlias, TypedDict

from resnb.view.live.layout import Box
from resnb.view.wire.kinds import (
    Count,
    FieldKind,
    LeaseCount,
    LeaseState,
    LinkKind,
    NodeKind,
    StateCode,
    Value,
)

Folded: TypeAlias = Literal["no", "yes", "unfolded"]
"""Whether a flow is so large that it is folded, or was unfolded by a user."""


Direction: TypeAlias = Literal["down", "right"]
"""Which way a graph goes."""


class NodeInfo(TypedDict):
    """A task, or several that are folded, and where it is drawn."""

    id: str
    text: str
    kind: NodeKind
    mapped: bool
    cluster: int | None
    box: Box
    inside: NotRequired[list[str]]  # the tasks that are folded into it
    name: NotRequired[str]  # its whole name, if its id lacks the middle of that


class ClusterInfo(TypedDict):
    """A scope; a mapped one is drawn as a stack."""

    id: str
    manager: str
    parent: int | None
    notes: list[str]
    mapped: bool
    box: Box
    inside: list[str]  # its init, set-up and clean-up, if the header stands for them
    cost: float | None  # what an hour of it costs
    name: NotRequired[str]  # its whole name, if its id lacks the middle of that


class LinkInfo(TypedDict):
    """One node comes after another."""

    source: int
    target: int
    kind: LinkKind
    path: str  # in SVG's notation


class Structure(TypedDict):
    """All there is to draw; sent when it changes, and to views that open."""

    frame: Literal["structure"]
    resnb: str  # the version of the kernel's package
    version: int  # a number that later frames refer to
    name: str
    folded: Folded
    direction: Direction
    size: tuple[float, float]
    nodes: list[NodeInfo]
    clusters: list[ClusterInfo]
    links: list[LinkInfo]


class ScopeTimes(TypedDict):
    """How long a resource was set up, open and used, in seconds.

    What a mapped scope has several of is added up.
    """

    steps: tuple[StateCode, StateCode, StateCode]  # the states of init, set-up and clean-up
    setup: float | None  # what set-up took, or has been taking
    cleanup: float | None  # what clean-up took, or has been taking
    open: float  # how long it was open until now
    opened: int  # how many resources are open now
    used: float | None  # how long of that it was used; null if nobody knows
    busy: bool  # whether it is being used


class Tally(NamedTuple):
    """How many tasks and children that do work there are, and in which state."""

    total: int
    done: int
    failed: int  # ended without success, for whatever reason
    running: int


class RunInfo(TypedDict):
    """What every frame with states says about the run."""

    version: int  # the structure's
    tally: Tally
    elapsed: float | None  # in seconds; null before the first run
    link: str  # the address of the dashboard of the run's cluster, or empty


class States(RunInfo):
    """The state of everything; each pair begins with a place."""

    frame: Literal["states"]
    flow: StateCode
    codes: list[StateCode]
    counts: list[tuple[int, tuple[Count, ...]]]
    leases: list[LeaseState]
    stacks: list[tuple[int, tuple[LeaseCount, ...]]]
    notes: list[tuple[int, str]]
    marks: list[tuple[int, str]]  # that a task is stale, and why, or its cell was deleted
    times: list[tuple[int, float]]  # seconds that tasks took, or have been taking
    scopes: list[tuple[int, ScopeTimes]]
    hidden: int


class Delta(RunInfo, total=False):
    """What has changed since the last states or delta; each pair is a place and a new value."""

    frame: Required[Literal["delta"]]
    flow: StateCode
    codes: list[tuple[int, StateCode]]
    counts: list[tuple[int, tuple[Count, ...]]]
    leases: list[tuple[int, LeaseState]]
    stacks: list[tuple[int, tuple[LeaseCount, ...]]]
    notes: list[tuple[int, str]]
    marks: list[tuple[int, str]]  # empty: there is none any more
    times: list[tuple[int, float]]
    scopes: list[tuple[int, ScopeTimes]]


class FailureInfo(NamedTuple):
    """A task that failed itself: its node, and why."""

    id: str
    reason: str


class Failures(TypedDict):
    """The tasks of the latest run that failed themselves; sent when they are others than before."""

    frame: Literal["failures"]
    total: int
    first: list[FailureInfo]


class CellInfo(TypedDict):
    """A cell of the notebook that has added to the flow."""

    id: str  # the front end's id; "" if it sent none
    number: int | None  # what the front end showed beside it; null if nothing
    tasks: list[str]  # the nodes of its tasks
    unnamed: int  # number of its tasks that are not among them, since there are too many
    scopes: list[str]  # the clusters to which it gave their arguments


class CellList(TypedDict):
    """The cells that have built the flow; sent when its structure changes."""

    frame: Literal["cells"]
    cells: list[CellInfo]


class Field(TypedDict):
    """One parameter; a default that a form cannot edit is sent as text.

    Lists and dicts are sent as JSON in a text, dates in ISO's form, choices by their names.
    """

    name: str
    required: bool
    kind: FieldKind
    editable: bool
    default: Value
    choices: NotRequired[list[str]]


class Form(TypedDict):
    """The parameters of the flow."""

    frame: Literal["form"]
    fields: list[Field]


class Said(TypedDict):
    """One line for people."""

    frame: Literal["said"]
    text: str
    done: bool  # whether it is about something that was done, not something that failed


class Failed(TypedDict):
    """The structure cannot be laid out."""

    frame: Literal["failed"]
    reason: str


class Taken(TypedDict):
    """The kernel has accepted a command."""

    frame: Literal["taken"]
    ask: str
