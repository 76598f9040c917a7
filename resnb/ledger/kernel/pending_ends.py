"""The ends of leases that are not written yet, since the ledger could not be."""

from collections.abc import Callable
from typing import Final

from resnb.errors import LedgerError
from resnb.ids import LeaseId
from resnb.ledger.clock import now
from resnb.ledger.kernel.reaper_client import ReaperClient
from resnb.ledger.owner import Owner
from resnb.ledger.store.store import Store

SOON: Final = 0.5
"""How long a clean-up waits for a ledger that others hold, in seconds; then it goes on without."""


class PendingEnds:
    """Writes that leases have ended; what cannot be written now is kept, and written later.

    Args:
        store: the ledger.
        reaper: writes it, too, in case this process has ended by then.
        owner: gives this process, as the ledger has it.
        is_dead: whether a process is certain to have ended.
    """

    def __init__(
        self,
        store: Store,
        reaper: ReaperClient,
        owner: Callable[[], Owner],
        is_dead: Callable[[Owner], bool],
    ) -> None:
        self._store = store
        self._reaper = reaper
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
            self._reaper.write_end(lease)

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
        if self._store.close(lease, now(), reason, owner, within=SOON):
            return
        if self._store.claim(lease, owner, self._is_dead, within=SOON):
            self._store.close(lease, now(), reason, owner, within=SOON)
