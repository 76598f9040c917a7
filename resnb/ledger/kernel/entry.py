"""A lease's entry in the ledger: each step is durable when its method has returned."""

from collections.abc import Callable
from typing import Any

from resnb.errors import LeaseLost, LedgerError
from resnb.ids import LeaseId
from resnb.ledger import states
from resnb.ledger.clock import now
from resnb.ledger.kernel.reaper_client import ReaperClient
from resnb.ledger.kernel.request import Limits
from resnb.ledger.owner import Owner
from resnb.ledger.reaper.decisions import LOOKING
from resnb.ledger.recipes.pickling import pickled
from resnb.ledger.recipes.recipe import Protection, handle_of, lives_in_kernel, recipe_of
from resnb.ledger.record import LeaseRecord
from resnb.ledger.store.store import Store
from resnb.ledger.unwritten import UnwrittenClaim

SOON = 0.5
"""How long a clean-up waits for a ledger that others hold, in seconds; then it goes on without."""


class PendingEnds:
    """Writes that leases have ended; what cannot be written now is kept, and written later.

    Args:
        store: the ledger.
        reaper: writes it, too, in case this process has ended by then.
    """

    def __init__(self, store: Store, reaper: ReaperClient) -> None:
        self._store = store
        self._reaper = reaper
        self._pending: dict[LeaseId, str] = {}

    def close(self, lease: LeaseId, reason: str, by: Owner) -> None:
        """Write that `lease` has ended: now, or as soon as that is possible."""
        try:
            self.write()
            self._store.close(lease, now(), reason, by, within=SOON)
        except BaseException as error:
            self._pending[lease] = reason
            if not isinstance(error, LedgerError):
                raise
            self._reaper.write_end(lease)

    def write(self) -> None:
        """Write what is pending.

        Raises:
            LedgerError: it still cannot be written.
        """
        for lease, reason in self._pending.copy().items():
            self._store.close(lease, now(), reason, within=SOON)
            self._pending.pop(lease, None)


class LeaseEntry:
    """The entry of a lease that this process owns, or is about to adopt.

    Its record is the lease as it is, or will be, in the store.

    Attributes:
        protection: the two marks, as far as they are known.
        handle: the pickled handle, while there is one to clean up by.
        notice: what else the user should know, such as names that look like secrets.
    """

    def __init__(
        self,
        record: LeaseRecord,
        store: Store,
        ends: PendingEnds,
        reaper: ReaperClient,
        is_dead: Callable[[Owner], bool],
    ) -> None:
        self.protection = Protection(record.unfindable, record.unprotected)
        self.handle = record.handle
        self.notice = record.notice
        self._record = record
        self._store = store
        self._ends = ends
        self._reaper = reaper
        self._owner = reaper.owner
        self._is_dead = is_dead
        self._id = LeaseId(record.id)
        self._unwritten: UnwrittenClaim | None = None

    def add(self) -> None:
        """Write the intent: set-up may be called when this has returned.

        Raises:
            LedgerError: it cannot be written; nothing was created.
        """
        try:
            self._ends.write()
            self._store.add(self._record)
        except LedgerError as error:
            message = f"{error}; nothing was created"
            raise LedgerError(message) from None
        except BaseException:
            self.discard()  # it may have been written
            raise

    def adopt(self, limits: Limits) -> bool:
        """Take the lease over from the ended kernel that it was read from.

        Returns:
            Whether it is this kernel's now; not if somebody else was faster.

        Raises:
            LedgerError: it cannot be written.
        """
        values = {
            "state": states.OPEN, "keep_until": None, "request": "", "used": now(),
            "tries": 0, "next_try": 0.0, "claimant": None, "cleaner": None, "reason": "",
            **limits._asdict(),
        }  # fmt: skip
        done = self._store.adopt(self._id, self._owner, self._record.owner, **values)
        if done:
            self._reaper.look()
        return done

    def is_owned(self) -> bool:
        """Whether the lease is this kernel's, as far as the ledger can be read."""
        try:
            found = self._store.get(self._id)
        except LedgerError:
            return False
        return found is not None and found.owner == self._owner

    def record(self, handle: Any) -> None:
        """Keep the handle of what is half made.

        Raises:
            LedgerError: it cannot be written or does not pickle.
            LeaseLost: another process has taken the lease.
        """
        found = pickled(handle)
        if found.data is None:
            name = self._record.name
            message = f"lease.record of {name!r}: the handle does not pickle: {found.fault}"
            raise LedgerError(message)
        if not self._store.change(self._id, self._owner, handle=found.data) and self._is_lost():
            raise LeaseLost(f"resource {self._record.name!r} was given up while it was set up")
        self.handle = found.data

    def mark_open(self, manager: Any, resource: Any) -> None:
        """Set-up has returned: keep the handle, and the recipe with what set-up put on it.

        Raises:
            LedgerError: it cannot be written.
            LeaseLost: the reaper has given the lease up meanwhile.
        """
        if lives_in_kernel(manager, resource):
            self._write_open(dies_with_kernel=True, unfindable="", unprotected="")
            self.protection = Protection()
            return
        recipe = recipe_of(self._record.name, manager, is_open=True)
        handle = handle_of(manager, resource)
        fault = recipe.fault or handle.fault
        blobs = {"handle": handle.data, "recipe": recipe.data}
        known = {name: data for name, data in blobs.items() if data is not None}
        self._write_open(unprotected=fault, **known)
        self.handle = handle.data
        self.protection = Protection(self.protection.during_setup, fault)

    def _write_open(self, **values: Any) -> None:
        if self._store.open(self._id, self._owner, **values):
            self._reaper.look()  # so that the reaper knows of it, whatever becomes of the ledger
            return
        if self._store.get(self._id) is not None:
            name = self._record.name
            message = f"resource {name!r} was given up by the reaper while it was set up"
            raise LeaseLost(message)
        self._store.add(self._record._replace(state=states.OPEN, **values))  # the ledger is new

    def mark_used(self, when: float) -> None:
        """The resource was in use at `when`, in seconds since the epoch."""
        self._store.change(self._id, self._owner, used=when)

    def set_keep(self, seconds: float | None) -> None:
        """Let the resource survive its kernel for `seconds`."""
        self._store.change(self._id, self._owner, keep=seconds)

    def leave(self) -> bool:
        """Leave the resource to a later kernel; false if nobody could find it then."""
        found = self._store.get(self._id)
        if found is None or found.keep is None or found.dies_with_kernel or found.unprotected:
            return False
        values = {"state": states.KEPT, "keep_until": now() + found.keep}
        try:
            is_left = self._store.change(self._id, self._owner, within=SOON, **values)
        except LedgerError:  # the reaper writes it when this process has ended
            is_left = True
        self._reaper.look()
        return is_left

    def claim(self) -> bool:
        """Become the one who cleans up; false if that is done already.

        A ledger that cannot be written does not keep this kernel from cleaning up, unless another
        process of this machine does so without a written claim.

        Raises:
            LeaseLost: another process is cleaning up.
        """
        try:
            if self._store.claim(self._id, self._owner, self._is_dead, within=SOON):
                return True
            found = self._store.get(self._id)
        except LedgerError:
            found = None
        if found is None:  # it cannot be written, was removed, or is a new one
            if self._unwritten is None:
                self._unwritten = UnwrittenClaim(self._id)
            if self._unwritten.is_mine:
                return True
            self._unwritten = None
        elif found.state == states.CLOSED:
            return False
        message = f"resource {self._record.name!r} is being cleaned up by the reaper"
        raise LeaseLost(message)

    def mark_closed(self, *, half_made: bool = False) -> None:
        """The clean-up is complete, as far as can be seen now.

        Args:
            half_made: set-up did not return, so something may still turn up; if the manager can
                find it, the reaper goes on looking.
        """
        self.handle = None
        self._release()
        if half_made and self._record.can_find:
            self._hand_over(states.CLOSING, LOOKING)
        else:
            reason = "its set-up did not return" if half_made else "cleaned up"
            self._ends.close(self._id, reason, self._owner)

    def mark_failed(self, reason: str) -> bool:
        """The clean-up failed here for good; gives whether the reaper takes over."""
        self._release()
        handed_over = self._hand_over(states.FAILED, reason)
        return handed_over and (self._record.can_find or not self.protection.once_open)

    def discard(self) -> None:
        """Set-up was never called, and never will be."""
        self._ends.close(self._id, "nothing was created", self._owner)

    def _is_lost(self) -> bool:
        return self._store.get(self._id) is not None

    def _release(self) -> None:
        if self._unwritten is not None:
            self._unwritten.release()
            self._unwritten = None

    def _hand_over(self, state: str, reason: str) -> bool:
        try:
            values = {"state": state, "reason": reason, "claimant": None, "next_try": 0.0}
            self._store.change(self._id, self._owner, within=SOON, tries=0, **values)
        except LedgerError:
            return False  # the claim stands, and the reaper takes it over when this process ends
        self._reaper.look()
        return True
