"""What the kernel does when its reaper asks for something, or has done something.

A resource that somebody asked to clean up, or that is past a limit, is claimed at once, so that
the reaper knows that this kernel is not hanging; then who uses it is told to give it up.
"""

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from resnb.errors import ResnbError
from resnb.ledger import states
from resnb.ledger.kernel.closing_order import close_on_its_thread
from resnb.ledger.reaper.decisions import IDLE

if TYPE_CHECKING:
    from resnb.ledger.kernel.book import LeaseBook
    from resnb.ledger.kernel.keeper import Keeper
    from resnb.ledger.kernel.lease import Lease
    from resnb.ledger.kernel.reaper_client import Told

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0
"""How soon another reaper is started where none could be, in seconds."""


class LeaseUser(Protocol):
    """Somebody who uses leases: a run."""

    def uses(self, lease: "Lease") -> bool:
        """Whether `lease` is in use."""

    def give_up(self, lease: "Lease", reason: str) -> bool:
        """End what uses `lease` and close it; false if it is not in use."""


class Use:
    """When this kernel was last in use, by which idle limits are judged."""

    def __init__(self) -> None:
        self._is_on = False
        self._last = 0.0

    def begin(self) -> None:
        """A cell begins."""
        self._is_on = True

    def end(self) -> None:
        """It has ended."""
        self._is_on = False
        self._last = time.time()

    @property
    def is_on(self) -> bool:
        """Whether a cell is running."""
        return self._is_on

    def last(self) -> float:
        """When it was last on, in seconds since the epoch."""
        return time.time() if self._is_on else self._last


class Listener:
    """Hears what the reaper says, on a thread of the link's.

    Args:
        keeper: the kernel's leases.
    """

    def __init__(self, keeper: "Keeper") -> None:
        self._keeper = keeper

    def __call__(self, said: "Told") -> None:
        """Act upon it."""
        if said.word == "gone":
            self._replace_reaper()
            return
        lease = next((one for one in self._keeper.alive() if one.id == said.lease), None)
        if lease is None:
            return
        if said.word == "state":
            self._follow(lease, said.state, said.reason)
        elif said.word == "close":
            self._close(lease, said.state, said.reason)

    def _replace_reaper(self) -> None:
        """Start another reaper as long as there is something for it to watch."""
        book, pause = self._keeper.book, _FIRST_PAUSE
        while book is not None and self._keeper.alive():
            try:
                book.link.ensure()
            except ResnbError:  # the next lease tries again, too, and says what is wrong
                self._keeper.pause(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
                continue
            with suppress(ResnbError):  # it is seen when the lease is used or closed
                self._catch_up(book)
            return

    def _catch_up(self, book: "LeaseBook") -> None:
        """Follow what the dead reaper has done and could not tell."""
        for lease in self._keeper.alive():
            found = book.store.get(lease.id)
            if found is None:
                continue
            is_taken = found.state == states.CLOSING and found.claimant != book.owner
            has_failed = found.state == states.FAILED and lease.is_with_reaper
            if (is_taken or has_failed or found.state == states.CLOSED) and (
                found.state != lease.state
            ):
                self._follow(lease, found.state, found.reason)

    def _follow(self, lease: "Lease", state: str, reason: str) -> None:
        if lease.state == states.CLOSING and not lease.is_with_reaper:
            return  # this kernel is at it, so it knows
        lease.follow(state, reason)
        if lease.is_lost:
            self._given_up(lease, reason)

    def _close(self, lease: "Lease", kind: str, reason: str) -> None:
        if kind == IDLE and (used := self._used(lease)) is not None:
            with suppress(ResnbError):  # it is asked again
                lease.entry.used(used)
            return
        with suppress(ResnbError):  # closing says what is wrong
            lease.entry.claim()
        lease.retired = True
        lease.reason = reason
        if not self._given_up(lease, reason):
            close_on_its_thread(lease, lambda _: None)

    def _used(self, lease: "Lease") -> float | None:
        """When `lease` was last in use, if that is within its idle limit."""
        now = time.time()
        if any(user.uses(lease) for user in tuple(self._keeper.users)):
            return now
        last = max(lease.last_used, self._keeper.use.last())
        limit = lease.limits.idle_timeout
        return last if limit is not None and now - last < limit else None

    def _given_up(self, lease: "Lease", reason: str) -> bool:
        given_up = [user.give_up(lease, reason) for user in tuple(self._keeper.users)]
        return any(given_up)


__all__ = ["LeaseUser", "Listener", "Use"]
