"""What a view asks of the kernel."""

from typing import Literal, NotRequired, TypeAlias, TypedDict

from resnb.view.wire.kinds import SubjectKind, Value


class Sender(TypedDict):
    """The view that sends a command, and the name by which it knows the answer."""

    view: str
    ask: str


class Plain(Sender):
    """A command without arguments."""

    do: Literal[
        "open",
        "close",
        "look_away",
        "cancel",
        "cleanup",
        "close_scopes",
        "run_again",
        "run_stale",
    ]


class Here(Sender):
    """A heartbeat: the view is still open, and inspects this, if anything."""

    do: Literal["here"]
    what: NotRequired[SubjectKind]
    id: NotRequired[str]


class RunFlow(Sender):
    """Run the flow with these values; the other parameters have their defaults."""

    do: Literal["run"]
    parameters: dict[str, Value]


class ShowTimeline(Sender):
    """Whether the view shows the timeline."""

    do: Literal["timeline"]
    shown: bool


class Inspect(Sender):
    """Send what there is to know of a node or cluster, and its logs from now on."""

    do: Literal["inspect"]
    what: SubjectKind
    id: str


class Fold(Sender):
    """Unfold or fold one node or one cluster's header; without a subject all that is folded."""

    do: Literal["unfold", "fold"]
    what: NotRequired[SubjectKind]
    id: NotRequired[str]


class Room(Sender):
    """How much room the view has for the graph, in pixels, and which way the reader wants it."""

    do: Literal["room"]
    width: float
    height: float
    direction: Literal["fitting", "down", "right"]


class TreatOne(Sender):
    """Clean up, keep or forget one resource; of a mapped scope one item, or all."""

    do: Literal["cleanup_one", "keep_one", "forget_one"]
    what: SubjectKind
    id: str
    item: NotRequired[int]


Command: TypeAlias = Plain | Here | RunFlow | ShowTimeline | Inspect | Fold | Room | TreatOne
