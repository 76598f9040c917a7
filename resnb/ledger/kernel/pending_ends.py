"""The ends of leases that are not written yet, since the ledger could not be."""

import time
from collections.abc import Callable

from resnb.errors import LedgerError
from resnb.ids import LeaseId
from resnb.ledger.owner import Owner
from resnb.ledger.store.store import Store


class PendingEnds:
    """Writes that leases have ended; what cannot be written now is kept, and written later."""

    def __init__(
        self, store: Store, owner: Callable[[], Owner], is_dead: Callable[[Owner], bool]
    ) -> None:
        self._store = store
        self._owner = owner
        self._is_dead = is_dead
        self._pending: dict[LeaseId, str] = {}

    def close(self, lease: LeaseId, reason: str) -> None:
        """Write that `lease` has ended: now, or as soon as that is possible."""
        try:
            self.write()
            self._close(lease, reason)
        except BaseException as error:
            self._pending[lease] = reason
            if not isinstance(error, LedgerError):
                raise

    def write(self) -> None:
        """Write what is pending.

        Raises:
            LedgerError: it still cannot be written.
        """
        for lease, reason in self._pending.copy().items():
            self._close(lease, reason)
            self._pending.pop(lease, None)

    def _close(self, lease: LeaseId, reason: str) -> None:
        """Close `lease`, unless this process has lost it and another one is cleaning it up."""
        owner = self._owner()
        if not self._store.close(lease, time.time(), reason, owner) and self._store.claim(
            lease, owner, self._is_dead
        ):
            self._store.close(lease, time.time(), reason, owner)
