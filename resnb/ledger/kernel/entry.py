"""A lease's entry in the ledger: each step is durable when its method has returned."""

import threading
from collections.abc import Callable
from typing import Any

from resnb.errors import LeaseLost, LedgerError
from resnb.ids import LeaseId
from resnb.ledger import states
from resnb.ledger.clock import now
from resnb.ledger.kernel.environment import environment_for
from resnb.ledger.kernel.pending_ends import SOON, PendingEnds
from resnb.ledger.kernel.reaper_client import ReaperClient
from resnb.ledger.kernel.request import Limits
from resnb.ledger.owner import Owner
from resnb.ledger.reaper.decisions import LOOKING
from resnb.ledger.recipes.captured import References, mended
from resnb.ledger.recipes.handles import EndsWithKernel
from resnb.ledger.recipes.kinds import Kind, arguments_of, find
from resnb.ledger.recipes.paths import folder_now
from resnb.ledger.recipes.pickling import Pickled, pickled
from resnb.ledger.recipes.recipe import (
    Protection,
    ending_with_kernel,
    handle_of,
    lives_in_kernel,
    recipe_of,
)
from resnb.ledger.record import LeaseRecord
from resnb.ledger.store.store import Store
from resnb.ledger.unwritten import UnwrittenClaim


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
        *,
        is_rehearsed: bool = False,
    ) -> None:
        self.protection = _marks_of(record)
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
        self._kind = find(record.kind) if record.kind else None
        self._is_rehearsed = is_rehearsed
        self._recipe = Pickled(record.recipe or None, record.unprotected)
        self._has_handle = record.handle is not None  # that of the open resource
        self._written = self._recipe, self.handle
        self._references: References | None = None
        self._mended: type | None = None  # what a cell has made of the manager's class
        self._refused: type | None = None  # one that could not clean up
        self._left: dict[str, Any] = {}  # of what ends with the kernel
        self._is_settled = threading.Event()
        self._is_settled.set()

    def add(self, *, alone: bool = False) -> bool:
        """Write the intent, see `Store.add`: set-up may be called when this has returned true.

        Raises:
            LedgerError: it cannot be written; nothing was created.
        """
        try:
            self._ends.write()
            return self._store.add(self._record, alone=alone)
        except LedgerError as error:
            raise LedgerError(f"{error}; nothing was created") from None
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
        return (found := self.found()) is not None and self._is_mine(found)

    def found(self) -> LeaseRecord | None:
        """Its record in the ledger; None if it has none, or cannot be read."""
        try:
            return self._store.get(self._id)
        except LedgerError:
            return None

    def record(self, handle: Any) -> None:
        """Keep the handle of what is half made.

        Raises:
            LedgerError: it cannot be written or does not pickle.
            LeaseLost: another process has taken the lease.
        """
        name = self._record.name
        if self._kind is not None:
            found = Pickled(self._kind.handle_data(handle))
        else:
            found = pickled(handle)
        if found.data is None:
            raise LedgerError(
                f"lease.record of {name!r}: the handle does not pickle: {found.fault}"
            )
        if not self._change(handle=found.data) and self._store.get(self._id) is not None:
            raise LeaseLost(f"resource {name!r} was taken away while it was set up")
        self.handle = found.data

    def mark_open(self, manager: Any, resource: Any) -> None:
        """Set-up has returned: keep the handle, and the recipe with what set-up put on it.

        Raises:
            LedgerError: it cannot be written.
            LeaseLost: the reaper has given the lease up meanwhile.
        """
        found = environment_for(manager)  # set-up may have changed it
        environment = {} if found == self._record.environment else {"environment": found}
        lives = lives_in_kernel(manager, resource)
        ends = {"dies_with_kernel": True, "unfindable": "", "unprotected": ""} if lives else {}
        if self._kind is not None:
            values = self._recorded_as_kind(self._kind, manager, resource)
            if values is not None:
                self._left = values if lives else {}
                self._write_open(**ends, **environment, **values)
                self.protection = Protection() if lives else self.protection._replace(once_open="")
                return
        if lives:
            self._left = self._left_for_a_while(manager, resource)
            self._write_open(kind="", notice=self.notice, **ends, **environment, **self._left)
            self.protection = Protection()
            return
        values = self._recorded(manager, resource)
        self._write_open(kind="", notice=self.notice, **environment, **values)
        self._written = self._recipe, self.handle
        self._mark(values)

    def _recorded(self, manager: Any, resource: Any) -> dict[str, Any]:
        """What the ledger has to know of an open resource."""
        folders = (folder_now(), self._record.environment.folder)
        current = mended(manager)
        current = manager if type(current) is self._refused else current
        self._mended = None if current is manager else type(current)
        recipe = recipe_of(self._record.name, current, is_open=True, folders=folders)
        handle = Pickled(self.handle)
        if not self._has_handle:
            handle = handle_of(manager, resource, folders)
        self._has_handle = handle.data is not None
        self._recipe, self.handle = recipe, handle.data
        fault = recipe.fault or handle.fault
        blobs = {"handle": handle.data, "recipe": recipe.data}
        known = {name: data for name, data in blobs.items() if data is not None}
        is_due = self._is_rehearsed and not fault
        return {"unprotected": fault, "rehearsal": "due" if is_due else "", **known}

    def _left_for_a_while(self, manager: Any, resource: Any) -> dict[str, Any]:
        """What makes sure that the processes have ended which end with the kernel."""
        left = ending_with_kernel(manager, resource)
        recipe, handle = pickled(EndsWithKernel()).data, pickled(left).data
        if not left.processes or recipe is None or handle is None:
            return {}
        return {"recipe": recipe, "handle": handle}

    def _mark(self, values: dict[str, Any]) -> None:
        is_due = values["rehearsal"] == "due"
        during = self.protection.during_setup
        self.protection = Protection(during, values["unprotected"], is_due)
        if is_due:
            self._is_settled.clear()

    # ---- while it is open

    def look_again(self) -> bool:
        """A cell has ended: whether it may have changed what the recipe refers to.

        If so, `renew` has to be called.
        """
        if self._kind is not None and not self._left:
            return False  # nothing in a cell changes an installed package
        if self._references is not None and not self._references.have_changed():
            return False
        self._is_settled.clear()
        return True

    def renew(self, manager: Any, resource: Any) -> None:
        """Write the recipe again if it is another one by now, and have that rehearsed.

        Raises:
            LedgerError: it cannot be written.
        """
        try:
            if lives_in_kernel(manager, resource):
                if self._kind is None:  # a cluster may have grown
                    left = self._left_for_a_while(manager, resource)
                else:
                    left = self._recorded_as_kind(self._kind, manager, resource) or {}
                if left != self._left and left:
                    self._change(**left)
                    self._left = left
                return
            references = References(manager)  # first: a later change is seen next time
            self._references = None  # what cannot be written now is written after the next cell
            values = self._recorded(manager, resource)
            if (self._recipe, self.handle) != self._written and self._change(**values):
                self._written = self._recipe, self.handle
                self._mark(values)
                self._reaper.look()
            self._references = references
        finally:
            if not self.protection.checking:
                self._is_settled.set()

    def follow_rehearsal(self) -> bool:
        """The reaper has rehearsed the recipe: read what that has shown.

        Returns:
            Whether `renew` has to be called: the class was defined again, and could not clean up
            what the old one has made, so that its recipe is still the better one.

        Raises:
            LedgerError: the ledger cannot be read.
        """
        found = self._store.get(self._id)
        if found is not None and found.state == states.OPEN:
            if found.unprotected and self._mended is not None:
                self._refused = self._mended
                return True
            self.protection = _marks_of(found)
        if not self.protection.checking:
            self._is_settled.set()
        return False

    def wait_for_rehearsal(self, seconds: float) -> None:
        """Wait until the marks are what they will be, at most `seconds`."""
        self._is_settled.wait(seconds)

    def _recorded_as_kind(self, kind: Kind, manager: Any, resource: Any) -> dict[str, Any] | None:
        """The same as plain data; None if it is not what the kind takes."""
        try:
            recipe = arguments_of(kind, manager)
            own = getattr(manager, "handle", None)
            self.handle = kind.handle_data(resource if own is None else own(resource))
        except Exception as error:  # noqa: BLE001 - handle() is the manager's
            self._kind = None
            self.notice = f"{self.notice}; {error}".removeprefix("; ")
            return None
        return {"recipe": recipe, "handle": self.handle}

    def _write_open(self, **values: Any) -> None:
        if self._store.open(self._id, self._owner, **values):
            self._reaper.look()  # so that the reaper knows of it, whatever becomes of the ledger
            return
        if self._store.get(self._id) is not None:
            name = f"resource {self._record.name!r}"
            raise LeaseLost(f"{name} was given up by the reaper while it was set up")
        self._store.add(self._record._replace(state=states.OPEN, **values))  # the ledger is new

    def set_keep(self, seconds: float | None) -> None:
        """Let the resource survive its kernel for `seconds`; see `Keeper.keep`."""
        if not self._change(keep=seconds):
            raise LedgerError(f"resource {self._record.name!r} cannot be kept: it is not held here")

    def leave(self) -> bool:
        """Leave the resource to a later kernel; false if nobody could find it then."""
        found = self._store.get(self._id)
        if found is None or found.keep is None or found.dies_with_kernel or found.unprotected:
            return False
        values = {"state": states.KEPT, "keep_until": now() + found.keep, "open_of": self._owner}
        try:
            is_left = self._change(within=SOON, **values)
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
            me = self._owner
            if self._store.claim(self._id, me, self._is_dead, within=SOON, owner=me):
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
        what = "is being cleaned up by the reaper"
        if found is not None and not self._is_mine(found):
            what = "was taken over by another process"
        raise LeaseLost(f"resource {self._record.name!r} {what}")

    def mark_closed(self, *, half_made: bool = False) -> str:
        """The clean-up is complete, as far as can be seen now.

        Args:
            half_made: set-up did not return, so something may still turn up; if the manager can
                find it, the reaper goes on looking.

        Returns:
            What it stays listed as; see `Lease.left_as`.
        """
        self.handle = None
        self._release()
        if half_made and self._record.can_find:
            self._hand_over(states.CLOSING, LOOKING)
            return states.LOOKING
        if half_made and not self._record.dies_with_kernel:
            self._hand_over(states.FAILED, f"{states.UNTOLD} ({self._record.unfindable})")
            return states.UNKNOWN
        self._ends.close(self._id, "cleaned up")
        return ""

    def is_listed(self) -> bool:
        """Whether the ledger still has it as a lease that is not closed."""
        try:
            found = self._store.get(self._id)
        except LedgerError:
            return True
        return found is not None and found.state != states.CLOSED

    def mark_failed(self, reason: str) -> bool:
        """The clean-up failed here for good; gives whether the reaper takes over."""
        self._release()
        handed_over = self._hand_over(states.FAILED, reason)
        return handed_over and (self._record.can_find or not self.protection.once_open)

    def discard(self) -> None:
        """Set-up was never called, and never will be."""
        self._ends.close(self._id, "nothing was created")

    def _is_mine(self, found: LeaseRecord) -> bool:
        return found.owner == self._owner

    def _release(self) -> None:
        if self._unwritten is not None:
            self._unwritten.release()
            self._unwritten = None

    def _hand_over(self, state: str, reason: str) -> bool:
        try:
            values = {"state": state, "reason": reason, "claimant": None, "next_try": 0.0}
            self._change(within=SOON, tries=0, **values)
        except LedgerError:
            return False  # the claim stands, and the reaper takes it over when this process ends
        self._reaper.look()
        return True

    def _change(self, **values: Any) -> bool:
        """Write values, unless this process has lost the lease."""
        return self._store.change(self._id, self._owner, **values)


def _marks_of(record: LeaseRecord) -> Protection:
    return Protection(record.unfindable, record.unprotected, record.rehearsal == "due")
