"""What the ledger knows of one lease: an immutable record, written before set-up is called."""

from typing import NamedTuple

from resnb.ids import LeaseId
from resnb.ledger.owner import Owner


class Environment(NamedTuple):
    """What a clean-up needs to run elsewhere."""

    python: str  # the interpreter
    prefix: str  # its `sys.prefix`
    path: tuple[str, ...]  # its `sys.path`
    folder: str  # the working folder
    variables: tuple[tuple[str, str], ...]  # environment variables


class LeaseRecord(NamedTuple):
    """One lease. Durations are in seconds, times in seconds since the epoch."""

    id: LeaseId  # also the tag of the real thing
    name: str  # its name in lists
    state: str  # see `resnb.ledger.states`
    owner: Owner  # the process that opened it, or has adopted it
    notebook: str  # the notebook's session name, else the folder
    session: str  # the test session that started the kernel, if any
    environment: Environment
    recipe: bytes = b""  # pickled, JSON for a kind; empty if there is none
    handle: bytes | None = None  # likewise; None if there is none (yet)
    around: tuple[str, ...] = ()  # ids of the leases that it may depend on
    dies_with_kernel: bool = False  # whether nothing of it outlives the owner
    can_find: bool = False  # whether half-made things can be found by the lease's id
    unfindable: str = ""  # why what an interrupted set-up made cannot be found; empty if it can
    unprotected: str = ""  # why nobody else can clean up the open lease; empty if others can
    notice: str = ""  # what else its user should know, such as names that look like secrets
    key: str = ""  # how a later kernel recognises it after `keep`; empty if it cannot
    cleanup_timeout: float = 60.0  # for one try
    find_quiet: float = 10.0  # how long nothing must be found before a half-made thing is gone
    created: float = 0.0
    ttl: float | None = None  # age limit
    idle_timeout: float | None = None  # limit of idleness
    used: float = 0.0  # when it was last used
    keep: float | None = None  # how long it survives its owner
    keep_until: float | None = None  # until when it does, once the owner has ended
    tries: int = 0  # how many clean-ups were begun
    next_try: float = 0.0  # no clean-up before this time
    claimant: Owner | None = None  # the process that is responsible for cleaning it up
    cleaner: Owner | None = None  # its process that does so; the claim holds while either is alive
    reason: str = ""  # why it is in its state
    request: str = ""  # "cleanup" if somebody asked for that
    ended: float | None = None  # when it was closed
    rehearsal: str = ""  # of an open lease's recipe: "due" or "done"; empty if there is none
    kind: str = ""  # the registered name of its manager, see `resnb.ledger.recipes.kinds`
