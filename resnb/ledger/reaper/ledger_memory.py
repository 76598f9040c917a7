"""The ledger as a reaper uses it, also while its place fails.

What cannot be read is as it was read last, so that a lease which a damaged or removed ledger has
lost is written again. What cannot be written is remembered, and written later: the reaper of a
kernel, which knows of leases that nobody else may be able to read of, cleans up nevertheless.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from resnb.errors import LedgerError, LedgerUnreachable
from resnb.ids import LeaseId
from resnb.ledger import states
from resnb.ledger.clock import now
from resnb.ledger.owner import Owner
from resnb.ledger.reaper.decisions import MARGIN, has_lapsed, is_still_due
from resnb.ledger.record import LeaseRecord
from resnb.ledger.store.statements import IN_LEDGER
from resnb.ledger.store.store import LOST_AFTER, Store
from resnb.ledger.unwritten import UnwrittenClaim

_AT_ONCE = 0.05
"""How long to wait for a ledger that has just failed, in seconds."""


class LedgerMemory:
    """The leases of one owner, or of all.

    Args:
        store: the ledger.
        owner: the kernel whose reaper this is; None if it is nobody's, which then neither cleans
            up without a written claim nor goes on by what it remembers.
        me: the process that claims.
        is_dead: whether a process is certain to have ended.
        on_change: called with a lease that another process has closed or taken, or cleans up.
        on_loss: called with a lease that the ledger had lost, and that was written again.

    Attributes:
        fault: why the ledger could not be used at the last look; empty if it could.
    """

    def __init__(
        self,
        store: Store,
        owner: Owner | None,
        me: Owner,
        is_dead: Callable[[Owner], bool],
        *,
        on_change: Callable[[LeaseRecord], object],
        on_loss: Callable[[LeaseRecord], object],
    ) -> None:
        self.fault = ""
        self._store = store
        self._owner = owner
        self._me = me
        self._is_dead = is_dead
        self._on_change = on_change
        self._on_loss = on_loss
        self._known: dict[str, LeaseRecord] = {}
        self._mark: tuple[int, int] | None = None
        self._read_at = time.monotonic()
        self._unwritten: dict[LeaseId, dict[str, Any]] = {}
        self._claims: dict[LeaseId, UnwrittenClaim] = {}
        self._late: set[Owner | None] = set()
        self._is_to_erase = False

    @property
    def is_empty(self) -> bool:
        """Whether nothing is known of any lease, and nothing is left to be written."""
        return not self._known and not self._unwritten

    @property
    def has_unwritten(self) -> bool:
        """Whether something is left to be written."""
        return bool(self._unwritten)

    def records(self) -> list[LeaseRecord]:
        """The leases that are not closed; large recipes and handles are `IN_LEDGER`.

        Raises:
            LedgerError: the ledger cannot be used, and this is nobody's reaper.
        """
        fault = ""
        for step in (self._write, self._read):
            try:
                step()
            except LedgerError as error:
                self._refuse_to_go_on(error)
                fault = fault or f"{error}"
        self.fault = fault
        if self._is_to_erase:
            with suppress(LedgerError):
                self._is_to_erase = not self._store.erase()
        return list(self._known.values())

    def whole(self, record: LeaseRecord) -> LeaseRecord:
        """The lease with its recipe and handle.

        Raises:
            LedgerError: they are in a ledger that cannot be read.
        """
        if IN_LEDGER not in (record.recipe, record.handle):
            return record
        found = self._store.get(LeaseId(record.id)) or record
        return record._replace(recipe=found.recipe, handle=found.handle)

    # ---- steps

    def claim(self, record: LeaseRecord) -> bool:
        """Become the one who cleans the lease up, as it was read last.

        Returns:
            Whether it is; not if somebody else is, or the lease has changed since.

        Raises:
            LedgerError: it cannot be written, and has to be.
        """
        lease = LeaseId(record.id)
        late = {record.claimant, record.cleaner} if has_lapsed(record, now()) else set()
        try:
            done = self._store.claim(
                lease,
                self._me,
                lambda one: one in late or self._is_dead(one),
                margin=MARGIN,
                within=self._within,
                still=lambda fresh: is_still_due(record, fresh, now()),
            )
        except LedgerError as error:
            self._refuse_to_go_on(error)
            claim = self._claims.get(lease) or UnwrittenClaim(record.id)
            if claim.is_mine:
                self._claims[lease] = claim
                self._late |= late
                values = {"state": states.CLOSING, "claimant": self._me, "cleaner": None}
                until = now() + record.cleanup_timeout + MARGIN
                self._later(lease, error, tries=record.tries + 1, claim_until=until, **values)
            return claim.is_mine
        self._mark = None
        return done

    def change(self, lease: LeaseId, *, claimed: bool = True, **values: Any) -> bool:
        """Write new values of a lease; false if it is closed or lost.

        Args:
            lease: the lease.
            claimed: whether this process must have it.
            **values: the new values.
        """
        by = self._me if claimed and lease not in self._claims else None
        try:
            done = self._store.change(lease, by, within=self._within, **values)
        except LedgerError as error:
            self._refuse_to_go_on(error)
            self._later(lease, error, **values)
            return True
        self._mark = None
        return done

    def keep(self, record: LeaseRecord, until: float) -> bool:
        """Let the lease survive its kernel, as it was read last; false if it has changed since.

        Another kernel may have adopted it, or another process have begun to clean it up.
        """
        lease, values = LeaseId(record.id), {"state": states.KEPT, "keep_until": until}
        try:
            done = self._store.change(lease, within=self._within, open_of=record.owner, **values)
        except LedgerError as error:
            self._refuse_to_go_on(error)
            self._later(lease, error, open_of=record.owner, **values)
            return True
        self._mark = None
        return done

    def read_again(self) -> None:
        """This process has written into the ledger by other ways."""
        self._mark = None

    def rehearsed(self, record: LeaseRecord, **values: Any) -> bool:
        """Write what the rehearsal of a lease's recipe has shown; see `Store.rehearsed`.

        Raises:
            LedgerError: it cannot be written.
        """
        done = self._store.rehearsed(LeaseId(record.id), record.recipe, **values)
        self._mark = None
        return done

    def close(self, lease: LeaseId, reason: str) -> None:
        """The lease's clean-up has completed, or there was none."""
        self._is_to_erase = True
        try:
            self._store.close(lease, now(), reason, within=self._within)
        except LedgerError as error:
            self._refuse_to_go_on(error)
            self._later(lease, error, ended=now(), reason=reason)
        self._known.pop(lease, None)
        self._mark = None

    def used_later(self, lease: LeaseId, when: float) -> None:
        """The kernel says that the lease was in use: this counts at once, and is written next."""
        known = self._known.get(lease)
        if known is not None and when > known.used:
            self._unwritten[lease] = self._unwritten.get(lease, {}) | {"used": when}
            self._known = self._with_unwritten(self._known)

    def close_later(self, lease: LeaseId, reason: str) -> None:
        """The kernel has cleaned the lease up, and could not write that."""
        self._unwritten[lease] = {"ended": now(), "reason": reason}
        self._known.pop(lease, None)

    # ---- inside

    @property
    def _within(self) -> float | None:
        return _AT_ONCE if self.fault else None

    def _refuse_to_go_on(self, error: LedgerError) -> None:
        """Raise `error` if nothing may be done without the ledger.

        By the time that a shared ledger has not been reached for long, another machine may have
        taken the leases.
        """
        is_lost = time.monotonic() - self._read_at > LOST_AFTER
        if self._owner is None or (isinstance(error, LedgerUnreachable) and is_lost):
            raise error

    def _later(self, lease: LeaseId, error: LedgerError, **values: Any) -> None:
        self.fault = f"{error}"
        self._unwritten[lease] = self._unwritten.get(lease, {}) | values
        self._known = self._with_unwritten(self._known)

    def _with_unwritten(self, records: dict[str, LeaseRecord]) -> dict[str, LeaseRecord]:
        found = dict(records)
        for lease, values in self._unwritten.items():
            if "ended" in values:
                found.pop(lease, None)
            elif lease in found:
                known = {name: one for name, one in values.items() if name != "open_of"}
                found[lease] = found[lease]._replace(**known)
        return found

    def _write(self) -> None:
        """Write what could not be written before."""
        for lease, values in list(self._unwritten.items()):
            if "ended" in values:
                self._store.close(lease, values["ended"], values["reason"], within=self._within)
                self._is_to_erase = True
            elif self._is_still_to_be_written(lease):
                self._store.change(lease, within=self._within, **values)
            del self._unwritten[lease]
            self._mark = None
            if lease in self._claims:
                self._claims.pop(lease).release()

    def _is_still_to_be_written(self, lease: LeaseId) -> bool:
        """Whether nobody else has taken the lease meanwhile."""
        found = self._store.get(lease)
        if found is None:
            return False
        other = found.claimant
        return other is None or other in {self._me, *self._late} or self._is_dead(other)

    def _read(self) -> None:
        mark = None
        with suppress(LedgerError):
            mark = self._store.mark()
        if mark is not None and mark == self._mark:
            return
        for _ in range(2):  # again, if the ledger had lost something
            alive = self._store.alive(self._owner, whole=False)
            found: dict[str, LeaseRecord] = {one.id: one for one in alive}
            if not self._restored(self._with_unwritten(found)):
                break
        for lease, record in found.items():
            before = self._known.get(lease)
            if before is not None and self._has_been_taken(before, record):
                self._on_change(record)
        self._known = self._with_unwritten(found)
        self._mark = mark
        self._read_at = time.monotonic()

    def _has_been_taken(self, before: LeaseRecord, record: LeaseRecord) -> bool:
        """Whether another process than the kernel and its reaper has begun to clean it up."""
        return (
            record.state == states.CLOSING
            and before.claimant != record.claimant
            and record.claimant not in (None, self._owner, self._me)
        )

    def _restored(self, present: dict[str, LeaseRecord]) -> bool:
        """Write again what the ledger has lost; tell of what another process has closed."""
        lost = []
        for lease in self._known.keys() - present.keys():
            found = self._store.get(LeaseId(lease))
            if found is None:
                lost.append(_without_marks(self._known[lease]))
                continue
            self._is_to_erase = True
            if found.state == states.CLOSED or found.owner != self._known[lease].owner:
                self._on_change(found)
        self._store.restore(lost)
        for record in lost:
            self._on_loss(record)
        return bool(lost)


def _without_marks(record: LeaseRecord) -> LeaseRecord:
    """A lease that the ledger has lost: with it what was too large to be remembered."""
    if IN_LEDGER not in (record.recipe, record.handle):
        return record
    return record._replace(recipe=b"", handle=None, unprotected="the ledger has lost its recipe")
