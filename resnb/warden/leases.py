"""The leases that a warden cares for, in the form of a ledger that a reaper can work with."""

import pwd
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, Final

from resnb.ids import LeaseId
from resnb.ledger import states
from resnb.ledger.kernel.environment import environment_for
from resnb.ledger.liveness import Liveness
from resnb.ledger.owner import DEAD, Owner
from resnb.ledger.reaper.decisions import is_still_due
from resnb.ledger.recipes import kinds
from resnb.ledger.record import LeaseRecord
from resnb.ledger.store.database import Database
from resnb.ledger.store.statements import Expired
from resnb.ledger.store.store import Store
from resnb.warden.decisions import Listing, select

SOON: Final = 20.0
"""After how long without renewal the owners of a server that has stopped are gone, in seconds."""
SERVER: Final = "JUPYTERHUB_SERVICE_PREFIX"
"""The variable, recorded with each lease, that names the server of a hub."""


class OrphanedLeases(Store):
    """A ledger in which only those leases are alive that have lost their owners.

    Each step that changes one is said in a line.

    Args:
        home: the folder for logs and locks; of a folder's ledger, that folder.
        database: where the leases are kept.
        say: called with each line.
        runs_own: whether recipes of the warden's own user may be run.

    Attributes:
        listed: those that the warden leaves alone, as of the last look.
        servers: the servers of the hub that run, and since when that is known, if there is a hub.
    """

    def __init__(
        self,
        home: Path,
        database: Database,
        say: Callable[[str], object],
        *,
        runs_own: bool = False,
    ) -> None:
        super().__init__(home, database)
        self.listed: tuple[Listing, ...] = ()
        self.servers: tuple[Collection[str], float] | None = None
        self._say = say
        self._runs_own = runs_own
        self._here = environment_for(None)
        self._names: dict[str, str] = {}
        self._claimed: dict[str, str] = {}  # names, also once their clean-up has closed them
        self._read: dict[str, LeaseRecord] = {}
        self._looks = 0
        self._told: set[tuple[str, str]] = set()

    def alive(self, owner: Owner | None = None, **_: Any) -> list[LeaseRecord]:
        """The leases that the warden cares for."""
        assert owner is None, "a warden has no kernel"
        expired = self.expired() + self._stopped()
        self._read = {one.record.id: one.record for one in expired}
        self._names = {one.record.id: f"{one.account}'s {one.record.name}" for one in expired}
        found = select(expired, find=kinds.find, here=self._here, runs_own=self._runs_own)
        self.listed = found.listed
        self._told &= {(one.record.id, one.reason) for one in found.listed}
        for one in found.listed:
            if (one.record.id, one.reason) not in self._told:
                self._told.add((one.record.id, one.reason))
                self._tell(one.record.id, f"left alone: {one.reason}")
        return list(found.records)

    def expired(self, after: float | None = None) -> list[Expired]:
        """The leases that their owners have lost."""
        return super().expired(after) if self.is_renewed else orphans(self, self.home)

    def _stopped(self) -> list[Expired]:
        """Those of servers that have stopped, by what the hub says, and do not renew any more."""
        if self.servers is None or not self.is_renewed:
            return []
        running, since = self.servers
        lost = {one.record.id for one in self.expired()}
        return [
            one
            for one in self.expired(SOON)
            if (server := server_of(one.record))
            and server not in running
            and one.record.created < since
            and one.record.id not in lost
        ]

    def now(self) -> float:
        """The time by which leases are tried again, in seconds since the epoch."""
        return time.time()

    def mark(self) -> tuple[int, int]:
        """Another mark each time: leases lose their owners without anybody's writing."""
        self._looks += 1
        return self._looks, 0

    # ---- steps

    def restore(self, records: Any) -> None:
        """Nothing: what has gone from somebody else's ledger stays gone."""

    def claim(
        self, lease: LeaseId, claimant: Owner, stale: Callable[[Owner], bool], **options: Any
    ) -> bool:
        """See `Store.claim`."""
        if (read := self._read.get(lease)) is not None:  # what it cares for differs from the row
            options["still"] = lambda fresh: is_still_due(read, fresh, time.time())
        is_mine = super().claim(lease, claimant, stale, **options)
        if is_mine:
            self._claimed[lease] = self._names.get(lease, "")
            self._tell(lease, "claimed")
        return is_mine

    def change(
        self,
        lease: LeaseId,
        by: Owner | None = None,
        /,
        within: float | None = None,
        open_of: Owner | None = None,
        **values: Any,
    ) -> bool:
        """See `Store.change`."""
        done = super().change(lease, by, within, open_of, **values)
        if done and values.get("state") in (states.FAILED, states.KEPT):
            self._tell(lease, f"{values['state']}: {values.get('reason', '')}".removesuffix(": "))
        return done

    def close(
        self,
        lease: LeaseId,
        now: float,
        reason: str = "",
        by: Owner | None = None,
        within: float | None = None,
    ) -> bool:
        """See `Store.close`."""
        done = super().close(lease, now, reason, by, within)
        self._tell(lease, f"closed: {reason}")
        self._claimed.pop(lease, None)
        return done

    def _tell(self, lease: str, what: str) -> None:
        name = self._names.get(lease) or self._claimed.get(lease, "")
        self._say(f"{lease[:8]} {name}: {what}")


def orphans(store: Store, home: Path) -> list[Expired]:
    """The leases of a folder's ledger whose owners have ended."""
    if not store.path.exists():
        return []
    account = pwd.getpwuid(home.stat().st_uid).pw_name
    liveness = Liveness(home)
    return [
        Expired(record, account, is_claimed=False, is_own=True)
        for record in Store.alive(store)
        if liveness.status_of(record) == DEAD
    ]


def server_of(record: LeaseRecord) -> str:
    """The server of a hub that a lease was opened in; empty if it was none."""
    return dict(record.environment.variables).get(SERVER, "")
