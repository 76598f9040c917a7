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
    forget: bool  # whether nobody can clean it up, so that people have to say that it is gone


class ItemInfo(Actions):
    """One resource of a mapped scope."""

    item: int
    name: str
    state: LeaseState
    said: str


class Inspected(Addressed):
    """What is known about a node or cluster, except for its logs and value."""

    frame: Literal["inspected"]
    rows: Rows
    clocks: list[tuple[str, float]]  # seconds that go on
    texts: Rows
    actions: Actions | None  # null for what is no resource
    items: list[ItemInfo]  # the first resources of a mapped scope


class Shows(TypedDict):
    """A value as plain data."""

    type: str
    text: str
    shape: NotRequired[str]
    table: NotRequired[list[list[str]]]  # the heads first
    image: NotRequired[str]  # a PNG in base64


class Preview(Addressed):
    """The value of a node, or the handle of a resource."""

    frame: Literal["preview"]
    title: str
    shows: Shows | None


class LogNews(Addressed):
    """What was added to a log since a position."""

    name: str
    since: int | None  # null: another log takes the place of the one before
    start: int  # later than `since` if the beginning is left out
    end: int
    text: str


class Logs(TypedDict):
    """News of logs, for all views at once."""

    frame: Literal["logs"]
    logs: list[LogNews]
