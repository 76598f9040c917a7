"""A kernel's adoptions: what it has taken over, and which scope gets it.

Light on purpose: the ledger is looked into only where a scope has ``keep``, or by command.
"""

from contextlib import suppress
from typing import TYPE_CHECKING

from resnb.errors import LedgerError
from resnb.ledger import states
from resnb.ledger.kernel.entry_protocol import Limits
from resnb.ledger.kernel.lease import Lease
from resnb.ledger.kernel.request import Wanted
from resnb.ledger.kernel.thread import LeaseThread

if TYPE_CHECKING:
    from resnb.ledger.kernel.keeper import Keeper
    from resnb.ledger.record import Record


class Adoptions:
    """Takes leases over from kernels that have ended.

    Args:
        keeper: this kernel's leases.
    """

    def __init__(self, keeper: "Keeper") -> None:
        self._keeper = keeper
        self._waiting: list[Lease] = []

    def for_scope(self, wanted: Wanted) -> Lease | None:
        """The open lease that was adopted for such a scope, or kept by an earlier kernel."""
        for lease in tuple(self._waiting):
            if lease.name == wanted.name:
                self._waiting.remove(lease)
                if lease.state == states.OPEN:
                    return lease
        book = self._keeper.book if wanted.key else None
        if book is None:
            return None
        from resnb.ledger.kernel.adoption import kept_for

        adopted = (self._adopted(record, wanted) for record in kept_for(book, wanted.key))
        return next((lease for lease in adopted if lease is not None), None)

    def by_name(self, name: str) -> Lease:
        """Take over the lease called `name`, for the next scope of that name.

        Raises:
            LedgerError: there is none, or it cannot be adopted here.
        """
        from resnb.ledger.kernel.adoption import manager_of, named

        book = self._keeper.book
        assert book is not None, "this keeper has no ledger"
        record = named(book, name)
        thread = LeaseThread()
        try:
            limits = Limits(*(getattr(record, one) for one in Limits._fields))
            lease = self._adopted(record, Wanted(name, manager_of(record), thread, limits=limits))
        finally:
            thread.close()
        if lease is None:
            message = f"resource {name!r} could not be adopted: it was taken or did not attach"
            raise LedgerError(message)
        self._waiting.append(lease)
        return lease

    def _adopted(self, record: "Record", wanted: Wanted) -> Lease | None:
        """The lease of `record`; None if somebody else was faster, or it did not attach."""
        from resnb.ledger.kernel.adoption import resume

        keeper = self._keeper
        keeper.watch_ends()
        entry = None if keeper.book is None else keeper.book.adopted(record, wanted.limits)
        if entry is None:
            return None
        lease = Lease(keeper, wanted._replace(name=record.name), record.id)
        lease.entry = entry
        keeper.enter(lease)
        if keeper.book is not None and keeper.book.link.is_lost:
            with suppress(LedgerError):  # the next lease tries again
                keeper.book.link.ensure()
        try:
            resume(lease, record, wanted.call)
        except Exception:  # noqa: BLE001 - the user's attach; the lease keeps the reason
            return None
        return lease


__all__ = ["Adoptions"]
