"""How the kernel answers its reaper's messages.

A resource that somebody asked to clean up, or that is past a limit, is claimed at once, so that
the reaper knows that this kernel is not hanging; then its users have to give it up.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from resnb.errors import ResnbError
from resnb.ledger import states
from resnb.ledger.clock import now
from resnb.ledger.kernel.closing_order import close_on_its_thread
from resnb.ledger.kernel.lease import Lease, LeaseHost
from resnb.ledger.reaper.decisions import IDLE, LOST

if TYPE_CHECKING:
    from resnb.ledger.kernel.book import LeaseBook
    from resnb.ledger.kernel.reaper_client import ReaperMessage

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0
"""How soon the kernel tries again to start a reaper, in seconds."""


class LeaseUser(Protocol):
    """Somebody who uses leases: a run."""

    def uses(self, lease: Lease) -> bool:
        """Whether `lease` is in use."""

    def give_up(self, lease: Lease, reason: str) -> bool:
        """End what uses `lease` and close it; false if it is not in use."""


class Activity:
    """When this kernel last ran a cell, by which idle limits are judged.

    Cells run inside each other (`%%capture`), and side by side in a kernel with subshells.

    Attributes:
        last: when a cell has last ended, by `resnb.ledger.clock`.
        own: by the id of its lease, the activity that alone counts as use of a resource.
    """

    def __init__(self) -> None:
        self.own: dict[str, Activity] = {}
        self.last = 0.0
        self._cells: list[object] = []

    @property
    def is_busy(self) -> bool:
        """Whether a cell is running."""
        return bool(self._cells)

    def begin(self, cell: object = None) -> None:
        """`cell` begins."""
        self._cells.append(cell)

    def end(self, cell: object = None) -> None:
        """`cell` has ended, if it had begun."""
        with suppress(ValueError):
            self._cells.remove(cell)
        self.last = now()


class MessageHandler:
    """Acts on the reaper's messages, on the client's thread.

    Args:
        host: the kernel that holds the leases.
        book: gives its book.
        users: who uses leases.
        activity: the kernel's.
    """

    def __init__(
        self,
        host: LeaseHost,
        book: "Callable[[], LeaseBook]",
        users: Sequence[LeaseUser],
        activity: Activity,
    ) -> None:
        self._host = host
        self._book = book
        self._users = users
        self._activity = activity

    def __call__(self, message: "ReaperMessage") -> None:
        """Act on one message."""
        if message.kind == "gone":
            self._replace_reaper()
            return
        if message.kind == "lock":
            self._book().presence.lock_again()
            self._book().reaper.say_locked()
            return
        lease = next((one for one in self._host.alive() if one.id == message.lease), None)
        if lease is None:
            if message.state == states.CLOSED:
                self._host.ended_elsewhere(message.lease)
            return
        if message.kind == "state":
            self._follow(lease, message.state, message.reason)
        elif message.kind == "rehearsed":
            with suppress(ResnbError):  # it stays *checking*
                lease.follow_rehearsal()
        elif message.kind == "close":
            self._close(lease, message.state, message.reason)

    def _replace_reaper(self) -> None:
        """Start another reaper as long as there is something for it to watch."""
        book, pause = self._book(), _FIRST_PAUSE
        while self._host.alive():
            try:
                book.reaper.ensure()
            except ResnbError:  # the next lease tries again, too, and says what is wrong
                self._host.pause(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
                continue
            with suppress(ResnbError):  # this shows when the lease is used or closed
                self._catch_up(book)
            return

    def _catch_up(self, book: "LeaseBook") -> None:
        """Follow what the dead reaper has done and could not report."""
        for lease in self._host.alive():
            found = book.store.get(lease.id)
            if found is None:
                continue
            lease.follow_rehearsal()
            is_taken = found.state == states.CLOSING and found.claimant != book.owner
            has_failed = found.state == states.FAILED and lease.is_with_reaper
            if (is_taken or has_failed or found.state == states.CLOSED) and (
                found.state != lease.state
            ):
                self._follow(lease, found.state, found.reason)

    def _follow(self, lease: Lease, state: str, reason: str) -> None:
        if lease.state == states.CLOSING and not lease.is_with_reaper:
            if state == states.CLOSING:  # the claim of this kernel, which cleans up, has lapsed
                lease.reason = reason
                lease.fence()
            return
        lease.follow(state, reason)
        if lease.is_lost:
            self._given_up(lease, reason)

    def _close(self, lease: Lease, kind: str, reason: str) -> None:
        if kind == IDLE and (ago := self._unused_for(lease)) is not None:
            self._book().reaper.write_use(lease.id, ago)
            return
        if kind == LOST:
            lease.is_lost = True
        with suppress(ResnbError):  # closing says what is wrong
            lease.entry.claim()
        lease.retired = True
        lease.reason = reason
        if not self._given_up(lease, reason):
            close_on_its_thread(lease, lambda _: None)

    def _unused_for(self, lease: Lease) -> float | None:
        """How long ago `lease` was last in use, in seconds, if that is within its idle limit."""
        if any(user.uses(lease) for user in tuple(self._users)):
            return 0.0
        activity = self._activity.own.get(lease.id, self._activity)
        if activity.is_busy:
            return 0.0
        ago = max(0.0, now() - max(lease.last_used, activity.last))
        limit = lease.limits.idle_timeout
        return ago if limit is not None and ago < limit else None

    def _given_up(self, lease: Lease, reason: str) -> bool:
        given_up = [user.give_up(lease, reason) for user in tuple(self._users)]
        return any(given_up)
