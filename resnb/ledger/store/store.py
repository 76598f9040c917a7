"""The ledger's store: the steps of a lease, each one transaction that is durable when it returns.

The steps are the same wherever the leases are kept: in the folder's own SQLite file, or in a
database that many machines share. A claim succeeds for exactly one process. Where owners renew
their leases, one that has not for a while has lost them, and its own later writes are refused.
Standard library only.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

from resnb.ids import LeaseId
from resnb.ledger import states
from resnb.ledger.clock import now as time_now
from resnb.ledger.owner import Owner, from_text
from resnb.ledger.record import Environment, LeaseRecord
from resnb.ledger.store.columns import from_row, owners_in, to_columns
from resnb.ledger.store.database import Database
from resnb.ledger.store.lookups import alike_in, alive_in, closed_in, damaged_in, lease_in
from resnb.ledger.store.sqlite_file import SqliteFile
from resnb.ledger.store.statements import (
    Connection,
    DamagedRow,
    Expired,
    has_others,
    insert,
    select,
)

KEPT_HISTORY = 30 * 86400.0
"""How long closed leases are kept, in seconds."""
LOST_AFTER = 60.0
"""After how long an owner that does not renew has lost its leases, in seconds."""
CLAIM_MARGIN = 5.0
"""How long a kernel's claim lasts beyond the time limit of its clean-up, in seconds."""
_BY_ID = "where id = :id"
_NO_ENVIRONMENT = Environment("", "", (), "", ())


class Store:
    """The leases of one user.

    Args:
        home: the ledger's folder.
        database: where the leases are kept; the folder's own file by default.
        kept: of the folder's own file, see `SqliteFile`.
    """

    def __init__(self, home: Path, database: Database | None = None, *, kept: bool = False) -> None:
        self.home = home
        self.path = home / "leases.db"
        self._database = database or SqliteFile(home, kept=kept)

    def _database_of(self, lease: LeaseId) -> Database:  # noqa: ARG002 - there may be several
        """Where `lease` is kept, as far as that is known here."""
        return self._database

    @contextmanager
    def _at(
        self,
        lease: LeaseId,  # noqa: ARG002 - there may be several places
        within: float | None = None,
    ) -> Iterator[tuple[Connection, Database]]:
        """Within the block, a transaction where `lease` is kept."""
        with self._database.transaction(within=within) as db:
            yield db, self._database

    # ---- steps

    def add(self, record: LeaseRecord, *, alone: bool = False) -> bool:
        """Write the intent; gives whether that was done.

        Args:
            record: the lease.
            alone: not if somebody else holds one of the same scope and arguments.

        Raises:
            LedgerError: it is not durable, so nothing may be created.
        """
        database = self._database
        with database.transaction() as db:
            if alone and has_others(db, database.dialect, record):
                return False
            insert(db, database.dialect, (record,), database.ahead, new=True)
            return True

    def restore(self, records: Iterable[LeaseRecord]) -> None:
        """Write records that a damaged ledger has lost; present ones stay as they are."""
        records, database = list(records), self._database
        if records:
            with database.transaction() as db:
                insert(db, database.dialect, records, database.ahead, new=False)

    def change(
        self,
        lease: LeaseId,
        by: Owner | None = None,
        /,
        within: float | None = None,
        open_of: Owner | None = None,
        **values: Any,
    ) -> bool:
        """Write new values of a lease, unless it is closed, which is final.

        Args:
            lease: the lease.
            by: the owner or claimant who writes, and is refused if it is neither any more; None
                for somebody else.
            within: see `Database.transaction`.
            open_of: only if it is still open, of this owner, and nobody has asked for its end.
            **values: the new values.

        Returns:
            Whether they were written; not if the lease is closed, gone or lost.
        """
        condition, names = "state != 'closed'", {"open_of": open_of.to_text() if open_of else ""}
        if open_of is not None:
            condition = "state = 'open' and request = '' and owner = :open_of"
        return self._update(lease, "", condition, values, by=by, names=names, within=within)

    def claim(
        self,
        lease: LeaseId,
        claimant: Owner,
        stale: Callable[[Owner], bool],
        *,
        margin: float = CLAIM_MARGIN,
        within: float | None = None,
        still: Callable[[LeaseRecord], bool] | None = None,
        owner: Owner | None = None,
    ) -> bool:
        """Let `claimant` be the one process that cleans the lease up; again renews its claim.

        Args:
            lease: the lease.
            claimant: the process.
            stale: whether an earlier claimant is gone, or its claim has lapsed.
            margin: how long the claim lasts beyond the time limit of a clean-up, in seconds.
            within: see `Database.transaction`.
            still: whether the lease, as it is now, is one that `claimant` wants to clean up.
            owner: whose lease it has to be; None for anybody's.

        Returns:
            Whether it got the claim; not if the lease is closed, or another process has it.
        """
        me = claimant.to_text()
        until = "claim_until = :now + cleanup_timeout"
        with self._at(lease, within) as (db, database):
            dialect = database.dialect
            now = time_now() + database.ahead + margin
            row = db.execute(
                f"select state, {dialect.void}, owner, claimant, cleaner from leases "  # noqa: S608
                f"{_BY_ID}{dialect.for_update}",
                {"id": lease},
            ).fetchone()
            if row is None or row[0] == states.CLOSED:
                return False
            if owner is not None and owners_in(row[2:3]) != [owner]:
                return False
            fresh = select(db, _BY_ID, {"id": lease}, database.ahead, whole=False) if still else []
            if still and not all(map(still, fresh)):
                return False
            others = owners_in(row[3:])
            if row[0] == states.CLOSING and others and not row[1]:
                if others == [claimant]:
                    db.execute(
                        f"update leases set {until} where id = :id",  # noqa: S608
                        {"now": now, "id": lease},
                    )
                    return True
                if not all(one == claimant or stale(one) for one in others):
                    return False
            if dialect.enter:
                db.execute(dialect.enter, {"owner": me})
            db.execute(
                "update leases set state = :state, claimant = :by, cleaner = null, "  # noqa: S608
                f"tries = tries + 1, {until}{dialect.claimed} where id = :id",
                {"state": states.CLOSING, "by": me, "now": now, "id": lease},
            )
            return True

    def open(self, lease: LeaseId, owner: Owner, **values: Any) -> bool:
        """Set-up has returned; a lease that `owner` is about to clean up stays *closing*.

        Returns:
            Whether that was written, now or before; not if another process has taken the lease.
        """
        state = "state = case state when 'opening' then 'open' else state end"
        condition = "(state in ('opening', 'open') or claimant = :by)"
        return self._update(lease, state, condition, values, by=owner)

    def close(
        self,
        lease: LeaseId,
        now: float,
        reason: str = "",
        by: Owner | None = None,
        within: float | None = None,
    ) -> bool:
        """The clean-up has completed; recipe, handle and environment are erased.

        Args:
            lease: the lease.
            now: seconds since the epoch.
            reason: why it is closed.
            by: see `change`.
            within: see `Database.transaction`.

        Returns:
            Whether that was written; not if it is gone or lost.
        """
        with self._at(lease, within) as (db, database):
            done = db.execute(
                database.dialect.close + _by(database, by),
                {**_closing_values(lease, now + database.ahead, reason), **_writer(by)},
            )
            for prune in database.dialect.prunes:
                db.execute(prune, {"before": now + database.ahead - KEPT_HISTORY})
            return done.rowcount == 1

    def erase(self) -> bool:
        """Let no file hold the bytes of closed leases any more; false if others still read them."""
        return self._database.erase()

    def end_of(self, lease: LeaseId, reason: str) -> dict[str, Any]:
        """The statements by which a clean-up's process, which may lack resnb, closes the lease."""
        database = self._database_of(lease)
        values = _closing_values(lease, time_now() + database.ahead, reason)
        return database.end_of([(f"{database.dialect.close} and state = 'closing'", values)])

    def rehearsed(self, lease: LeaseId, recipe: bytes, **values: Any) -> bool:
        """Write what the rehearsal of an open lease's recipe has shown.

        Returns:
            Whether that was written; not if the lease has another recipe by now, or is not open.
        """
        condition = "state = 'open' and rehearsal = 'due' and recipe = :seen"
        values = {"rehearsal": "done", **values}
        return self._update(lease, "", condition, values, names={"seen": recipe})

    def adopt(self, lease: LeaseId, owner: Owner, before: Owner, **values: Any) -> bool:
        """Make `owner` the owner of a lease that `before` has left, as far as the caller knows.

        Returns:
            Whether it is now; not if somebody else was faster, or cleans the lease up.
        """
        condition = "owner = :before and state not in ('closed', 'closing')"
        names = {"owner": owner.to_text(), "before": before.to_text()}
        return self._update(lease, "owner = :owner", condition, values, names=names)

    def _update(
        self,
        lease: LeaseId,
        change: str,
        condition: str,
        values: dict[str, Any],
        *,
        by: Owner | None = None,
        names: Mapping[str, Any] = MappingProxyType({}),
        within: float | None = None,
    ) -> bool:
        with self._at(lease, within) as (db, database):
            if "owner" in names:
                change += database.dialect.adopted
                if database.dialect.enter:
                    db.execute(database.dialect.enter, {"owner": names["owner"]})
            row = to_columns(values, database.ahead)
            changes = ", ".join(filter(None, [change, *(f"{name} = :{name}" for name in row)]))
            statement = f"update leases set {changes} where id = :id and {condition}"  # noqa: S608
            done = db.execute(
                statement + _by(database, by), {**row, **names, "id": lease, **_writer(by)}
            )
            return done.rowcount == 1

    # ---- renewal

    @property
    def place(self) -> str:
        """Where the leases are kept, as people read it, without a password."""
        return self._database.place

    @property
    def is_renewed(self) -> bool:
        """Whether owners have to renew, since nobody sees all of them."""
        return bool(self._database.dialect.renew)

    def renew(self, owner: Owner) -> bool:
        """Let `owner` hold its leases for another `LOST_AFTER` seconds.

        Where leases need no renewal, since everybody sees who is alive, this does nothing.

        Returns:
            Whether it has them; not if this came too late. What it adds later it holds again.
        """
        statement = self._database.dialect.renew
        if not statement:
            return True
        with self._database.transaction(durable=False) as db:
            return db.execute(statement, {"owner": owner.to_text()}).rowcount == 1

    def renewing(self) -> frozenset[Owner]:
        """This user's owners that renew in time, where they have to."""
        statement = self._database.dialect.renewing
        with self._database.reading() as db:
            found = db.execute(statement).fetchall()
        return frozenset(from_text(owner) for (owner,) in found)

    def expired(self, after: float | None = None) -> list[Expired]:
        """The leases that are not closed, and lost to their owners; oldest first.

        Args:
            after: how long these owners have not renewed, in seconds, by the database's clock;
                until they have lost their leases by default.
        """
        dialect = self._database.dialect
        values = {"after": dialect.lost_after if after is None else after}
        return self._with_accounts(dialect.expired, values)

    def fleet(self) -> list[Expired]:
        """The leases, lost or not, of every user whose leases this one may see; oldest first."""
        return self._with_accounts(self._database.dialect.fleet, {})

    def _with_accounts(self, statement: str, values: dict[str, Any]) -> list[Expired]:
        if not statement:
            return []
        with self._database.reading() as db:
            rows = db.execute(statement, values).fetchall()
        found = ((from_row(row[:-3], self._database.ahead), *row[-3:]) for row in rows)
        return [Expired(*one) for one in found if one[0] is not None]

    # ---- queries

    def get(self, lease: LeaseId) -> LeaseRecord | None:
        """One lease."""
        return lease_in(self._database_of(lease), lease)

    def alive(self, owner: Owner | None = None, *, whole: bool = True) -> list[LeaseRecord]:
        """The leases that are not closed, of one owner or of all, oldest first.

        Without `whole`, large recipes and handles are `IN_LEDGER`, which is all that is read.
        """
        return alive_in(self._database, owner, whole=whole)

    def damaged(self) -> list[DamagedRow]:
        """The leases that are not closed and whose records cannot be read."""
        return damaged_in(self._database)

    def history(self, limit: int = 1000) -> list[LeaseRecord]:
        """The leases that were closed, the latest first."""
        return closed_in(self._database, limit)

    def with_key(self, key: str) -> list[LeaseRecord]:
        """The leases that are not closed, of the same scope and arguments; oldest first."""
        return alike_in(self._database, key)

    def mark(self) -> tuple[int, int]:
        """A value that changes as soon as anybody else has written; see `Database.mark`."""
        return self._database.mark()

    def let_go(self) -> None:
        """Close the kept connection, if there is one; the next call opens another."""
        self._database.let_go()


def _by(database: Database, writer: Owner | None) -> str:
    return "" if writer is None else f" and {database.dialect.holds}"


def _writer(writer: Owner | None) -> dict[str, str]:
    return {} if writer is None else {"by": writer.to_text()}


def _closing_values(lease: LeaseId, now: float, reason: str) -> dict[str, Any]:
    nothing = json.dumps(_NO_ENVIRONMENT)
    return {"ended": now, "reason": reason, "environment": nothing, "id": lease}
