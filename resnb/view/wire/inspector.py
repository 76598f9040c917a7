"""Frames about what a view inspects."""

from typing import Literal, NotRequired, TypedDict

from resnb.view.wire.kinds import LeaseState, Rows, SubjectKind


class Addressed(TypedDict):
    """Which view a frame is for, and what that view inspects."""

    to: str
    what: SubjectKind
    id: str


class Actions(TypedDict):
    """Why a resource cannot be cleaned up or kept now; empty if it can."""

    cleanup: str
    keep: str


class ItemInfo(Actions):
    """One resource of a mapped scope."""

    item: int
    name: str
    state: LeaseState
    said: str


class Inspected(Addressed):
    """What is known of a node or cluster, except for its logs and value.

    `clocks` are seconds that go on; `actions` is null for what is no resource; `items` are the
    first resources of a mapped scope.
    """

    frame: Literal["inspected"]
    rows: Rows
    clocks: list[tuple[str, float]]
    texts: Rows
    actions: Actions | None
    items: list[ItemInfo]


class Shows(TypedDict):
    """A value as plain data: a table has its heads first, an image is a PNG in base64."""

    type: str
    text: str
    shape: NotRequired[str]
    table: NotRequired[list[list[str]]]
    image: NotRequired[str]


class Preview(Addressed):
    """The value of a node, or the handle of a resource."""

    frame: Literal["preview"]
    title: str
    shows: Shows | None


class LogNews(Addressed):
    """What was added to a log since a position; `start` is later where some of it is left out.

    `since` is null where another log has taken the place of the one before.
    """

    name: str
    since: int | None
    start: int
    end: int
    text: str


class Logs(TypedDict):
    """News of logs, for all views at once."""

    frame: Literal["logs"]
    logs: list[LogNews]
