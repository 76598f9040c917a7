"""What is alive in the fleet: the leases of every user whose leases one may see."""

from collections.abc import Iterable
from typing import Any, NamedTuple, Protocol

from resnb.durations import span
from resnb.ledger.admin.listing import ListedLease, plain
from resnb.ledger.owner import NOBODY
from resnb.ledger.record import LeaseRecord
from resnb.ledger.store.statements import Expired
from resnb.ledger.store.store import Store

HEAD = ("ID", "NAME", "ACCOUNT", "STATE", "KERNEL", "HOST", "AGE", "CLEAN-UP", "NOTE")
"""The columns of a list."""
_ID_LENGTH = 8
_HOST_LENGTH = 12


class LeftAlone(Protocol):
    """A lease that a warden leaves alone."""

    @property
    def record(self) -> LeaseRecord:
        """The lease."""

    @property
    def reason(self) -> str:
        """Why."""


class FleetLease(NamedTuple):
    """A lease as lists of a fleet show it."""

    record: LeaseRecord
    account: str
    kernel: str  # *alive* if it renews in time, else *lost*
    is_claimed: bool
    left_alone: str = ""  # why a warden leaves it alone, if it does

    def cells(self, now: float) -> tuple[str, ...]:
        """The cells of its row, fit for a terminal.

        Args:
            now: seconds since the epoch.
        """
        record = self.record
        shown = ListedLease(record, record.state, self.kernel)
        return tuple(
            plain(one)
            for one in (
                record.id[:_ID_LENGTH], shown.name, self.account, record.state, self.kernel,
                record.owner.machine[:_HOST_LENGTH], span(now - record.created),
                "claimed" if self.is_claimed else "", self.left_alone or shown.remark,
            )
        )  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """The stable form for other programs; times in seconds since the epoch."""
        record = self.record
        return {
            **ListedLease(record, record.state, self.kernel).to_json(),
            "account": self.account,
            "host": record.owner.machine,
            "pid": None if record.owner.pid == NOBODY else record.owner.pid,
            "kind": record.kind,
            "claimed": self.is_claimed,
            "left_alone": self.left_alone,
        }


def fleet(store: Store, left_alone: Iterable[LeftAlone] = ()) -> list[FleetLease]:
    """The leases that are not closed, of every user whose leases one may see; oldest first.

    Args:
        store: a shared ledger.
        left_alone: those that a warden leaves alone.

    Raises:
        LedgerError: the ledger cannot be read.
    """
    lost = {one.record.id for one in store.expired()}
    reasons = {one.record.id: one.reason for one in left_alone}
    return [_of(one, reasons, is_lost=one.record.id in lost) for one in store.fleet()]


def _of(one: Expired, reasons: dict[Any, str], *, is_lost: bool) -> FleetLease:
    record = one.record
    kernel = "lost" if is_lost else "alive"
    return FleetLease(record, one.account, kernel, one.is_claimed, reasons.get(record.id, ""))
