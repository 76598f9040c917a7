"""What the server knows of the ledger: the leases as of the last look, read again only if need be.

A look that finds nothing new costs the times of two files; each close look asks SQLite, which knows
for certain (times are coarse, and network file systems remember old ones for a while). All calls
come from one thread, since one connection is kept for that question.
"""

import time
from collections.abc import Callable, Iterable
from pathlib import Path

from resnb.ledger.admin.listing import ListedLease
from resnb.ledger.admin.queries import LedgerQueries
from resnb.ledger.owner import Owner, status, this_process
from resnb.ledger.store.store import Store
from resnb.server import lease_json
from resnb.server.kernels import Kernels
from resnb.server.requests import Wanted

LOOK_EVERY = 0.5
"""How often it looks whether the ledger has changed while somebody waits for that, in seconds."""
SETTLED = 0.1
"""A file that was written no longer ago may be written again at the same time, in seconds."""
LOOK_CLOSELY = 4
"""Each so many looks is a close one, which looks for kernels, too."""

Times = tuple[float, int, int]


class Watch:
    """Looks at a ledger.

    Args:
        home: the ledger's folder.
        kernels: gives the ids of the server's kernels, by the pids of their processes.
    """

    def __init__(self, home: Path, kernels: Kernels = dict) -> None:
        self._ids = kernels
        self._marks = Store(home, kept=True)
        self._questions = LedgerQueries(home)
        self._files = (home / "leases.db", home / "leases.db-wal")
        self._times: tuple[Times, ...] = ()
        self._mark = (-1, -1)
        self._kernels: dict[Owner, str] = {}
        self._stale_at = float("inf")
        self._leases: tuple[lease_json.Lease, ...] = ()
        self._latest = lease_json.NONE

    def look(self, *, closely: bool = True) -> lease_json.Leases:
        """The leases that are not closed.

        Args:
            closely: ask SQLite, and look whether their kernels are still there, which nobody may
                have written down.

        Raises:
            LedgerError: the ledger cannot be read or trusted.
        """
        is_stale = time.time() >= self._stale_at
        times = tuple(map(_times, self._files))
        if times == self._times and not closely and not is_stale:
            return self._latest
        mark = self._marks.mark()  # before the records: what is written meanwhile shows next time
        if mark != self._mark or is_stale or (closely and self._has_ended()):
            self._read(self._questions.leases())
        self._times = times if _are_settled(times) else ()
        self._mark = mark
        return self._latest

    def find(self, wanted: Wanted) -> lease_json.Leases:
        """The leases that are wanted.

        Raises:
            LedgerError: the ledger cannot be read or trusted.
        """
        if wanted.closed:
            found = self._told(self._questions.leases(closed=True))
            return lease_json.leases(one for one in found if wanted.takes(one))
        latest = self.look()
        if not wanted.values:
            return latest
        return lease_json.leases(one for one in self._leases if wanted.takes(one))

    def news(
        self, known: lease_json.Leases | None, stopped: Callable[[float], bool]
    ) -> lease_json.Leases | None:
        """Wait until the leases that are not closed are others than those that are `known`.

        Args:
            known: what the caller knows; None to look at once.
            stopped: passes some seconds; gives whether nobody waits any more.

        Returns:
            The leases; None if nobody waits any more.

        Raises:
            LedgerError: the ledger cannot be read or trusted.
        """
        if known is None:
            return self.look()
        looks = 0
        while not stopped(LOOK_EVERY):
            looks += 1
            found = self.look(closely=looks % LOOK_CLOSELY == 0)
            if found != known:
                return found
        self.let_go()
        return None

    def let_go(self) -> None:
        """Close the connection that is kept; the next look opens another."""
        self._marks.let_go()

    def _read(self, found: list[ListedLease]) -> None:
        self._kernels = {one.record.owner: one.kernel for one in found}
        kept = (one.record.keep_until or 0.0 for one in found if one.is_kept)
        self._stale_at = min(kept, default=float("inf"))
        self._leases = self._told(found)
        self._latest = lease_json.leases(self._leases)

    def _told(self, found: list[ListedLease]) -> tuple[lease_json.Lease, ...]:
        kernels = self._ids()
        return tuple(lease_json.lease(one, kernels) for one in found)

    def _has_ended(self) -> bool:
        """Whether a kernel is not what it was."""
        me = this_process()
        return any(status(owner, me) != kernel for owner, kernel in self._kernels.items())


def _times(path: Path) -> Times:
    try:
        found = path.stat()
    except OSError:
        return 0.0, 0, 0
    return found.st_mtime, found.st_size, found.st_ino


def _are_settled(times: Iterable[Times]) -> bool:
    now = time.time()
    return all(modified + SETTLED < now for modified, _, _ in times)


__all__ = ["Watch"]
