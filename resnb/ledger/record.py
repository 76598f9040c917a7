"""What the ledger knows of one lease: an immutable record, written before set-up is called."""

from typing import NamedTuple

from resnb.ids import LeaseId
from resnb.ledger.owner import Owner


class Environment(NamedTuple):
    """What a clean-up needs to run elsewhere.

    Attributes:
        python: the interpreter.
        prefix: its ``sys.prefix``.
        path: its ``sys.path``.
        folder: the working folder.
        variables: environment variables.
    """

    python: str
    prefix: str
    path: tuple[str, ...]
    folder: str
    variables: tuple[tuple[str, str], ...]


class Record(NamedTuple):
    """One lease.

    Attributes:
        id: the lease's id, also the tag of the real thing.
        name: how it is called in lists.
        state: see `resnb.ledger.states`.
        owner: the process that opened it.
        notebook: the notebook's session name, else the folder.
        session: id of the test session that the kernel was started in, if any.
        environment: what its clean-up needs.
        recipe: the pickled recipe; empty if there is none. Of a kind, its arguments as JSON.
        handle: the pickled handle; None if there is none (yet). Of a kind, JSON.
        around: ids of the leases that it may depend on.
        dies_with_kernel: whether nothing of it outlives the owner.
        can_find: whether half-made things can be found by the lease's id.
        unfindable: why what a broken-off set-up made cannot be found; empty if it can.
        unprotected: why the open lease cannot be cleaned up elsewhere; empty if it can.
        notice: what else its user should know, such as names that look like secrets.
        key: by what a later kernel recognises it after ``keep``; empty if it cannot.
        cleanup_timeout: seconds for one try.
        find_quiet: for how many seconds nothing must be found until a half-made thing is gone.
        created: seconds since the epoch.
        ttl: age limit in seconds, or None.
        idle_timeout: limit of idleness in seconds, or None.
        used: when it was last used, seconds since the epoch.
        keep: for how many seconds it survives its owner, or None.
        keep_until: until when it does, once the owner has ended.
        tries: how many clean-ups were begun.
        next_try: not before this time, seconds since the epoch.
        claimant: the process that is cleaning it up, or None.
        cleaner: the process in which the claimant has it cleaned up, or None; the claim holds
            as long as either is there.
        reason: why it is as it is.
        request: what somebody asked for: ``"cleanup"`` or nothing.
        ended: when it was closed, or None.
        kind: the registered name of its manager, see `resnb.ledger.recipes.kinds`; mostly empty.
    """

    id: LeaseId
    name: str
    state: str
    owner: Owner
    notebook: str
    session: str
    environment: Environment
    recipe: bytes = b""
    handle: bytes | None = None
    around: tuple[str, ...] = ()
    dies_with_kernel: bool = False
    can_find: bool = False
    unfindable: str = ""
    unprotected: str = ""
    notice: str = ""
    key: str = ""
    cleanup_timeout: float = 60.0
    find_quiet: float = 10.0
    created: float = 0.0
    ttl: float | None = None
    idle_timeout: float | None = None
    used: float = 0.0
    keep: float | None = None
    keep_until: float | None = None
    tries: int = 0
    next_try: float = 0.0
    claimant: Owner | None = None
    cleaner: Owner | None = None
    reason: str = ""
    request: str = ""
    ended: float | None = None
    kind: str = ""


__all__ = ["Environment", "Record"]
