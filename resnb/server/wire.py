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
    states.UNKNOWN, states.LOOKING, states.DAMAGED,
)  # fmt: skip
KERNELS = (ALIVE, DEAD, UNKNOWN)

ListedState: TypeAlias = Annotated[str, OneOf(STATES)]
Liveness: TypeAlias = Annotated[str, OneOf(KERNELS)]


class Lease(TypedDict):
    """A lease; up to `tries` it has what ``resnb ls --json`` has."""

    id: str  # what commands take
    name: str  # such as "etl/db"; several leases may have the same
    state: ListedState  # *unknown* where its kernel cannot be seen from the server; *damaged*
    kernel: Liveness  # whether its kernel is alive
    pid: int | None  # the kernel's process
    notebook: str  # the notebook that it was opened from, or the folder
    session: str  # of tests, else ""
    created: float  # when it was opened
    ended: float | None  # when it was closed
    ttl: float | None  # its age limit
    idle_timeout: float | None  # for how long it may be unused
    keep: float | None  # for how long it will survive its kernel
    keep_until: float | None  # until when it survives its kernel, which has ended
    protected: bool  # another process can clean up what there is of it now
    checking: bool  # it is open, and its recipe has yet to be rehearsed
    remedy: str  # what people have to do about it, since nobody else will; "" if that is nothing
    unfindable: str  # why no other process can, if its set-up breaks off; "" if one can
    unprotected: str  # why no other process can, once it is open; "" if one can
    notice: str  # what else its user should know
    reason: str  # why its state is what it is
    tries: int  # how many clean-ups were begun
    note: str  # all that there is to say about it, for people
    kernel_id: str | None  # this server's id of its kernel, while that is alive
    kernel_ended: float | None  # when its kernel ended, if this server has seen that
    path: str | None  # its notebook's path on this server; None if it is not below its root
    ends_with_kernel: bool  # it lives inside its kernel's process
    asked: bool  # somebody asked for its clean-up, which has not begun
    kept: bool  # it survives its kernel now
    orphan: bool  # its kernel has ended, and it is not kept
    given_up: bool  # its clean-up cannot be done from outside, or failed again and again


class LeaseList(TypedDict):
    """Leases, oldest first."""

    version: str  # of the Python package
    now: float  # the server's clock
    total: int  # how many leases there are; the list has the latest 1,000 at most
    error: str  # why the ledger cannot be read now; the leases are then those read last; else ""
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
