"""One lease's entry in the ledger: what is written at each of its steps."""

import time
from typing import TYPE_CHECKING, Any

from resnb.errors import LeaseLost, LedgerError
from resnb.ids import LeaseId
from resnb.ledger import states
from resnb.ledger.owner import DEAD, status
from resnb.ledger.recipes.recipe import Protection, handle_of, lives_in_kernel, pickled, recipe_of
from resnb.ledger.record import Record

if TYPE_CHECKING:
    from resnb.ledger.kernel.book import LeaseBook


class Entry:
    """What the ledger is told of one lease.

    Attributes:
        protection: the two marks, as far as they are known.
        handle: the pickled handle, until the lease is closed.
        notice: what else its user should know.
    """

    def __init__(self, book: "LeaseBook", record: Record) -> None:
        self.protection = Protection(record.unfindable, record.unprotected)
        self.handle = record.handle
        self.notice = record.notice
        self._book = book
        self._store = book.store
        self._record = record
        self._id = LeaseId(record.id)
        self._name = record.name
        self._finds = record.can_find

    def record(self, handle: Any) -> None:
        """Keep the handle of what is half made.

        Raises:
            LedgerError: it cannot be written or does not pickle.
        """
        found = pickled(handle)
        if found.data is None:
            message = f"lease.record of {self._name!r}: the handle does not pickle: {found.fault}"
            raise LedgerError(message)
        self._store.change(self._id, handle=found.data)
        self.handle = found.data

    def opened(self, manager: Any, resource: Any) -> None:
        """Set-up has returned: keep the handle, and the recipe with what set-up put on it.

        Raises:
            LedgerError: it cannot be written.
            LeaseLost: the reaper has given the lease up meanwhile.
        """
        if lives_in_kernel(manager, resource):
            self._write_open(dies_with_kernel=True, unfindable="", unprotected="")
            self.protection = Protection()
            return
        recipe = recipe_of(self._name, manager, is_open=True)
        handle = handle_of(manager, resource)
        fault = recipe.fault or handle.fault
        values: dict[str, Any] = {"unprotected": fault}
        if handle.data is not None:
            values["handle"] = handle.data
        if recipe.data is not None:
            values["recipe"] = recipe.data
        self._write_open(**values)
        self.handle = handle.data
        self.protection = Protection(self.protection.during_setup, fault)

    def _write_open(self, **values: Any) -> None:
        if self._store.open(self._id, self._book.owner, **values):
            self._book.link.look()  # whatever becomes of the ledger, the reaper knows of it now
            return
        if self._store.get(self._id) is not None:
            message = f"resource {self._name!r} was given up by the reaper while it was set up"
            raise LeaseLost(message)
        self._store.add(self._record._replace(state=states.OPEN, **values))  # the ledger is new

    def used(self, when: float) -> None:
        """The resource was in use at `when`, in seconds since the epoch."""
        self._store.change(self._id, used=when)

    def keeps(self, seconds: float | None) -> None:
        """The resource survives its kernel for so long."""
        self._store.change(self._id, keep=seconds)

    def kept(self) -> bool:
        """Leave the resource to a later kernel; false if nobody could find it then."""
        found = self._store.get(self._id)
        if found is None or found.keep is None or found.dies_with_kernel or found.unprotected:
            return False
        until = time.time() + found.keep
        is_kept = self._store.change(self._id, state=states.KEPT, keep_until=until)
        self._book.link.look()
        return is_kept

    def claim(self) -> bool:
        """Be the one who cleans the lease up; false if it is closed already.

        A ledger that cannot be written keeps nobody from cleaning up here.

        Raises:
            LeaseLost: somebody else is at it.
        """
        owner = self._book.owner
        try:
            if self._store.claim(self._id, owner, lambda other: status(other, owner) == DEAD):
                return True
            found = self._store.get(self._id)
        except LedgerError:
            return True
        if found is None:
            return True  # the ledger was removed, or is a new one
        if found.state == states.CLOSED:
            return False
        message = f"resource {self._name!r} is being cleaned up by the reaper"
        raise LeaseLost(message)

    def closed(self, *, half_made: bool = False) -> None:
        """The clean-up has completed, as far as can be seen now.

        Args:
            half_made: set-up did not return, so that something may still turn up; if it can be
                found, the reaper goes on looking for it.
        """
        self.handle = None
        if not half_made:
            self._book.close(self._id, "cleaned up")
        elif self._finds:
            self._hand_over(states.CLOSING, "its set-up did not return: looking for what it made")
        else:
            self._book.close(self._id, "its set-up did not return")

    def failed(self, reason: str) -> bool:
        """The clean-up failed here for good; gives whether the reaper goes on with it."""
        handed_over = self._hand_over(states.FAILED, reason)
        return handed_over and (self._finds or not self.protection.once_open)

    def _hand_over(self, state: str, reason: str) -> bool:
        try:
            self._store.change(
                self._id, state=state, reason=reason, claimant=None, tries=0, next_try=0.0
            )
        except LedgerError:
            return False  # the claim stands, and the reaper takes it over when this process ends
        self._book.link.look()
        return True


__all__ = ["Entry"]
