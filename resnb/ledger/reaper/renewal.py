"""Renewal, in a ledger that many machines share: who does not renew in time has lost its leases.

The reaper renews for its kernel, which may hold the interpreter lock for minutes, and for itself.
What the kernel has lost all the same (the machine was suspended, say) it is asked to clean up, if
nobody else has begun to.
"""

import time
from typing import Final

from resnb.ledger.owner import Owner
from resnb.ledger.reaper.decisions import LOST
from resnb.ledger.store.store import Store

RENEW_EVERY: Final = 10.0
"""How often to renew, in seconds; see `resnb.ledger.store.store.LOST_AFTER`."""


class Renewal:
    """Renews in time.

    Args:
        store: the ledger.
        kernel: the kernel; None if there is none to renew for.
        me: the reaper.
    """

    def __init__(self, store: Store, kernel: Owner | None, me: Owner) -> None:
        self._store = store
        self._kernel = kernel
        self._me = me
        self._next = time.monotonic() + RENEW_EVERY  # whoever adds or claims has just renewed

    def keep_up(self, *, kernel: bool, claims: bool) -> bool:
        """Renew what is due.

        Args:
            kernel: whether the kernel is alive, and holds leases.
            claims: whether the reaper has claims.

        Returns:
            Whether the kernel has lost leases, which it is asked to clean up.

        Raises:
            LedgerError: the ledger cannot be written; the next call tries again.
        """
        if not self._store.is_renewed or time.monotonic() < self._next:
            return False
        is_lost = False
        if claims:
            self._store.renew(self._me)
        if kernel and self._kernel is not None and not self._store.renew(self._kernel):
            for one in self._store.expired():
                if one.is_own and one.record.owner == self._kernel:
                    is_lost |= self._store.change(one.record.id, request=LOST)
        self._next = time.monotonic() + RENEW_EVERY
        return is_lost
