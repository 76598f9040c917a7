"""What a warden cares for among the leases that their owners have lost. Pure.

It never runs code that another account has written: of their leases it cleans up those of a kind,
from data that the kind has checked. A pickle it touches only if it is its own user's, and only if
it was told to. What is left is listed, each with the reason. Everything else is decided as for a
reaper.
"""

import os
import re
from collections.abc import Callable, Iterable
from itertools import zip_longest
from typing import Final, NamedTuple

from resnb.errors import LedgerError
from resnb.ledger.owner import Owner
from resnb.ledger.recipes.kinds import Kind
from resnb.ledger.record import Environment, LeaseRecord
from resnb.ledger.store.statements import Expired

LONGEST: Final = 300.0
"""The most time that a clean-up of another account's lease gets, in seconds."""
_ID: Final = re.compile("[0-9a-f]{32}")


class Listing(NamedTuple):
    """A lease that has lost its owner, and that the warden leaves alone."""

    record: LeaseRecord
    account: str
    reason: str


class Selection(NamedTuple):
    """The leases that the warden cares for, as it sees them, and those that it only lists."""

    records: tuple[LeaseRecord, ...]
    listed: tuple[Listing, ...]


def select(
    expired: Iterable[Expired],
    *,
    find: Callable[[str], Kind | None],
    here: Environment,
    runs_own: bool = False,
    exists: Callable[[str], bool] = os.path.exists,
) -> Selection:
    """Which leases to care for.

    No account holds up another one: neither by what its leases say of others, nor by their number,
    nor by how long its clean-ups take.

    Args:
        expired: the leases that have lost their owners.
        find: gives the kind of a name, None if it is not known here, or raises a LedgerError.
        here: the warden's own environment, in which kinds clean up.
        runs_own: whether recipes of the warden's own user may be run.
        exists: whether an interpreter is here.
    """
    accounts: dict[str, list[Expired]] = {}
    for one in expired:
        accounts.setdefault(one.account, []).append(one)
    listed: list[Listing] = []
    chosen: list[list[LeaseRecord]] = []
    for leases in accounts.values():
        mine = []
        ids = {one.record.id for one in leases}
        for one in leases:
            record = one.record
            if why := _why_not(one, find, exists, runs_own=runs_own):
                listed.append(Listing(record, one.account, why))
                continue
            around = tuple(lease for lease in record.around if lease in ids)
            record = record._replace(owner=_gone(record.owner), around=around, rehearsal="")
            if not (one.is_own and runs_own):
                record = record._replace(
                    environment=here,
                    cleanup_timeout=min(record.cleanup_timeout, LONGEST),
                    find_for=min(record.find_for, LONGEST),
                )
                if not record.kind or record.dies_with_kernel:  # no code, whatever becomes of it
                    record = record._replace(kind="", recipe=b"", handle=None, can_find=False)
            elif record.kind and not exists(record.environment.python):
                record = record._replace(environment=here)  # plain data needs no other
            mine.append(record)
        chosen.append(mine)
    turns = zip_longest(*chosen)
    return Selection(
        tuple(record for turn in turns for record in turn if record is not None), tuple(listed)
    )


def _why_not(  # noqa: PLR0911 - a table of cases
    one: Expired,
    find: Callable[[str], Kind | None],
    exists: Callable[[str], bool],
    *,
    runs_own: bool,
) -> str:
    """Why the warden leaves a lease alone; empty if it does not."""
    record = one.record
    if record.dies_with_kernel:
        return ""
    if not record.kind:
        if not one.is_own:
            return "its clean-up is code of another user, which a warden does not run"
        if not runs_own:
            return "its clean-up is code: run a warden with --own"
        return "" if exists(record.environment.python) else "its environment is not here"
    if record.handle is None and not record.can_find:
        return "its set-up did not return, and nothing tells what it made"
    if not _ID.fullmatch(record.id):  # names of things are made of it
        return "its id cannot be trusted: it is no lease's"
    try:
        kind = find(record.kind)
        if kind is None:
            return f"no package that is installed here has the kind {record.kind!r}"
        if kind.runs_commands and not (one.is_own and runs_own):
            return "its clean-up runs commands of its user, which only a warden of theirs runs"
        kind.read(record.recipe, record.handle)
    except LedgerError as error:
        return str(error)
    return ""


def _gone(owner: Owner) -> Owner:
    """A process that is not there, whoever else `owner` may be by now."""
    return owner._replace(pid=-1, lock=None)
