"""What the server and its pages send each other as JSON: the one definition for both sides.

``make wire`` writes `labextension/src/wire/server.ts` from these types. Times are in seconds since
the epoch, durations in seconds; all texts are one line without control characters.
"""

from typing import Annotated, NotRequired, TypeAlias, TypedDict

from resnb.ledger import states
from resnb.ledger.owner import ALIVE, DEAD, UNKNOWN
from resnb.wire import OneOf

STATES = (
    states.OPENING, states.OPEN, states.CLOSING, states.FAILED, states.KEPT, states.CLOSED,
    states.UNKNOWN,
)  # fmt: skip
KERNELS = (ALIVE, DEAD, UNKNOWN)

ListedState: TypeAlias = Annotated[str, OneOf(STATES)]
Liveness: TypeAlias = Annotated[str, OneOf(KERNELS)]


class Lease(TypedDict):
    """A lease; up to `tries` it has what ``resnb ls --json`` has.

    Attributes:
        id: what commands take.
        name: such as "etl/db"; several leases may have the same.
        state: *unknown* where its kernel cannot be seen from the server.
        kernel: whether its kernel is alive.
        pid: the kernel's process.
        notebook: the notebook that it was opened from, or the folder.
        session: of tests, else "".
        created: when it was opened.
        ended: when it was closed.
        ttl: its age limit.
        idle_timeout: for how long it may be unused.
        keep: for how long it will survive its kernel.
        keep_until: until when it survives its kernel, which has ended.
        protected: another process can clean up what there is of it now.
        unfindable: why no other process can, if its set-up breaks off; "" if one can.
        unprotected: why no other process can, once it is open; "" if one can.
        notice: what else its user should know.
        reason: why its state is what it is.
        tries: how many clean-ups were begun.
        note: all that there is to say about it, for people.
        kernel_id: this server's id of its kernel, while that is alive.
        ends_with_kernel: it lives inside its kernel's process.
        asked: somebody asked for its clean-up, which has not begun.
        kept: it survives its kernel now.
        orphan: its kernel has ended, and it is not kept.
        given_up: its clean-up failed, and is tried again only if somebody asks for it.
    """

    id: str
    name: str
    state: ListedState
    kernel: Liveness
    pid: int | None
    notebook: str
    session: str
    created: float
    ended: float | None
    ttl: float | None
    idle_timeout: float | None
    keep: float | None
    keep_until: float | None
    protected: bool
    unfindable: str
    unprotected: str
    notice: str
    reason: str
    tries: int
    note: str
    kernel_id: str | None
    ends_with_kernel: bool
    asked: bool
    kept: bool
    orphan: bool
    given_up: bool


class LeaseList(TypedDict):
    """Leases, oldest first.

    Attributes:
        version: of the Python package.
        now: the server's clock.
        total: how many leases there are; the list has the latest 1,000 at most.
        error: a line if the ledger cannot be read now: the leases are then those that were read
            last; else "".
        leases: the leases.
    """

    version: str
    now: float
    total: int
    error: str
    leases: list[Lease]


class Version(TypedDict):
    """The Python package's version, in its Python form."""

    version: str


class Refusal(TypedDict):
    """Why a request was refused, in one line."""

    message: str


class Keep(TypedDict):
    """The body of a request to keep or adopt a lease: for how long; ``"30m"``, or seconds."""

    duration: NotRequired[str | float]
