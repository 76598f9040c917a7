"""The leases as the server last read them; they are read again only when they have changed.

A look that finds nothing new costs two calls of ``stat``; each close look also asks SQLite, which
knows for certain (file times are coarse, and network file systems cache them for a while). All
calls come from one thread, since one connection is kept open for that.
"""

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from resnb.ledger.admin.listing import ListedLease
from resnb.ledger.admin.queries import LedgerQueries
from resnb.ledger.clock import now
from resnb.ledger.store.choice import open_store
from resnb.server import lease_json, wire
from resnb.server.kernels import Known
from resnb.server.requests import LeaseFilter

if TYPE_CHECKING:
    from resnb.ledger.owner import Owner

LOOK_EVERY = 0.5
"""The interval between two looks while somebody waits for a change, in seconds."""
SETTLED = 0.1
"""Seconds during which a file may be written again without getting another time."""
LOOK_CLOSELY = 4
"""One look in so many is a close one, which checks kernels as well."""

Times = tuple[float, int, int]


class LedgerWatch:
    """Watches a ledger.

    Args:
        home: the ledger's folder.
        known: returns what the server knows of kernels and notebooks.
    """

    def __init__(self, home: Path, known: Callable[[], Known] = Known) -> None:
        self._known = known
        self._marks = open_store(home, kept=True)
        self._queries = LedgerQueries(home)
        self._files = (home / "leases.db", home / "leases.db-wal")
        self._times: tuple[Times, ...] = ()
        self._mark = (-1, -1)
        self._kernels: dict[Owner, str] = {}
        self._stale_at = float("inf")
        self._leases: tuple[wire.Lease, ...] = ()
        self._latest = lease_json.NONE

    def look(self, *, closely: bool = True) -> lease_json.Leases:
        """The leases that are not closed.

        Args:
            closely: ask SQLite, and check whether their kernels are still alive, since nobody may
                have recorded their end.

        Raises:
            LedgerError: the ledger cannot be read or trusted.
        """
        is_stale = now() >= self._stale_at
        times = tuple(map(_times, self._files))
        if times == self._times and not closely and not is_stale:
            return self._latest
        mark = self._marks.mark()  # before the records: what is written meanwhile is seen next time
        if mark != self._mark or is_stale or (closely and self._has_ended()):
            self._read(self._queries.leases())
        self._times = times if _are_settled(times) else ()
        self._mark = mark
        return self._latest

    def find(self, wanted: LeaseFilter) -> lease_json.Leases:
        """The leases that a filter lets through.

        Raises:
            LedgerError: the ledger cannot be read or trusted.
        """
        wanted = wanted.by_short_path(self._known().root)
        if wanted.closed:
            found = self._as_json(self._queries.leases(closed=True))
            return lease_json.leases(one for one in found if wanted.takes(one))
        latest = self.look()
        if not wanted.values:
            return latest
        return lease_json.leases(one for one in self._leases if wanted.takes(one))

    def news(
        self, known: lease_json.Leases | None, stopped: Callable[[float], bool]
    ) -> lease_json.Leases | None:
        """Wait until the leases that are not closed differ from those that are `known`.

        Args:
            known: the leases that the caller knows; None to look at once.
            stopped: waits for some seconds; returns whether nobody waits any more.

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
        self._leases = self._as_json(found)
        self._latest = lease_json.leases(self._leases)

    def _as_json(self, found: list[ListedLease]) -> tuple[wire.Lease, ...]:
        known = self._known()
        return tuple(lease_json.lease(one, known) for one in found)

    def _has_ended(self) -> bool:
        """Whether the liveness of a kernel has changed."""
        status = self._queries.liveness.status
        return any(status(owner) != kernel for owner, kernel in self._kernels.items())


def _times(path: Path) -> Times:
    try:
        found = path.stat()
    except OSError:
        return 0.0, 0, 0
    return found.st_mtime, found.st_size, found.st_ino


def _are_settled(times: Iterable[Times]) -> bool:
    wall = time.time()
    return all(modified + SETTLED < wall for modified, _, _ in times)
