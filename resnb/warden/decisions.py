"""What a warden does with leases that their owners have lost. Pure: leases in, actions out.

It never runs code that another account has written: of their leases it cleans up those of a kind,
from data that the kind has checked. A pickle it touches only if it is its own user's, and only if
it was told to. What is left is listed, each with the reason. In which order, and when again, is
decided as for a reaper.
"""

from collections.abc import Callable, Collection, Iterable
from itertools import zip_longest
from typing import Any, NamedTuple, TypeAlias

from resnb.errors import LedgerError
from resnb.ledger.owner import ALIVE, DEAD, Owner
from resnb.ledger.reaper import decisions
from resnb.ledger.reaper.decisions import AT_ONCE
from resnb.ledger.recipes.kinds import Kind
from resnb.ledger.record import LeaseRecord
from resnb.ledger.store.store import Expired


class CleanByKind(NamedTuple):
    """Clean a lease up from plain data, which has been checked.

    That is done in the warden's own environment, never in the one that the lease names.
    """

    record: LeaseRecord
    kind: Kind
    arguments: dict[str, Any]
    handle: Any


class CleanByRecipe(NamedTuple):
    """Clean a lease of the warden's own user up, by its pickled recipe."""

    record: LeaseRecord


class Close(NamedTuple):
    """There is nothing to clean up: close the lease."""

    record: LeaseRecord
    reason: str


class Keep(NamedTuple):
    """The lease survives its kernel until a time, in seconds since the epoch."""

    record: LeaseRecord
    until: float


Action: TypeAlias = CleanByKind | CleanByRecipe | Close | Keep


class Listing(NamedTuple):
    """A lease that has lost its owner, and that the warden leaves alone."""

    record: LeaseRecord
    account: str
    reason: str


class Decision(NamedTuple):
    """What to do now, what is only listed, and when to look again at the latest (if known)."""

    actions: tuple[Action, ...]
    listed: tuple[Listing, ...]
    look_again: float | None


def decide(
    expired: Iterable[Expired],
    *,
    find: Callable[[str], Kind | None],
    now: float,
    runs_own: bool = False,
    running: Collection[str] = (),
) -> Decision:
    """What to do with leases that their owners have lost.

    No account holds up another one: neither by what its leases say of others, nor by their number.

    Args:
        expired: the leases.
        find: gives the kind of a name, None if it is not known here, or raises a LedgerError.
        now: seconds since the epoch.
        runs_own: whether recipes of the warden's own user may be run.
        running: ids of the leases that this warden is cleaning up.
    """
    accounts: dict[str, list[Expired]] = {}
    for one in expired:
        accounts.setdefault(one.account, []).append(one)
    parts = [
        _decide(leases, find, now, runs_own=runs_own, running=running)
        for leases in accounts.values()
    ]
    turns = zip_longest(*(part.actions for part in parts))
    actions = [action for turn in turns for action in turn if action is not None]
    cleaning = [one for one in actions if isinstance(one, CleanByKind | CleanByRecipe)]
    later = {one.record.id for one in cleaning[max(0, AT_ONCE - len(running)) :]}
    return Decision(
        tuple(one for one in actions if one.record.id not in later),
        tuple(one for part in parts for one in part.listed),
        min((part.look_again for part in parts if part.look_again is not None), default=None),
    )


def _decide(
    leases: Iterable[Expired],
    find: Callable[[str], Kind | None],
    now: float,
    *,
    runs_own: bool,
    running: Collection[str],
) -> Decision:
    """The same for the leases of one account."""
    ways: dict[str, Action] = {}
    listed: list[Listing] = []
    known: dict[str, Expired] = {}
    claimants: set[Owner | None] = set()
    for one in leases:
        record = one.record
        if one.is_claimed:
            claimants |= {record.claimant, record.cleaner}
        elif not record.dies_with_kernel:
            way = _way(one, find, runs_own=runs_own)
            if isinstance(way, str):
                listed.append(Listing(record, one.account, way))
                continue
            ways[record.id] = way
        known[record.id] = one
    decision = decisions.decide(
        (one.record._replace(owner=_gone(one.record.owner)) for one in known.values()),
        liveness=lambda owner: ALIVE if owner in claimants else DEAD,
        now=now,
        running=known.keys() & set(running),
    )
    actions: list[Action] = []
    for action in decision.actions:
        record, account, *_ = known[action.record.id]
        match action:
            case decisions.Clean():
                actions.append(ways[record.id])
            case decisions.Close():
                actions.append(Close(record, action.reason))
            case decisions.Keep():
                actions.append(Keep(record, action.until))
            case decisions.Fail():
                listed.append(Listing(record, account, action.reason))
    return Decision(tuple(actions), tuple(listed), decision.look_again)


def _way(one: Expired, find: Callable[[str], Kind | None], *, runs_own: bool) -> Action | str:
    """How a lease is cleaned up, or why it is not."""
    record = one.record
    if not record.kind:
        if not one.is_own:
            return "its clean-up is code of another user, which a warden does not run"
        return (
            CleanByRecipe(record) if runs_own else "its clean-up is code: run a warden with --own"
        )
    try:
        kind = find(record.kind)
        if kind is None:
            return f"no package that is installed here has the kind {record.kind!r}"
        return CleanByKind(record, kind, *kind.read(record.recipe, record.handle))
    except LedgerError as error:
        return str(error)


def _gone(owner: Owner) -> Owner:
    """A process that is not there, whoever else `owner` may be by now."""
    return owner._replace(pid=-1)
