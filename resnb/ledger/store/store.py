"""The ledger's store: the steps of a lease, each one transaction that is durable when it returns.

The steps are the same wherever the leases are kept: in the folder's own SQLite file, or in a
database that many machines share. A claim succeeds for exactly one process. Where owners renew
their leases, one that has not for a while has lost them, and its own later writes are refused.
Standard library only.
"""

import json
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from resnb.ids import LeaseId
from resnb.ledger import states
from resnb.ledger.owner import Owner, from_text
from resnb.ledger.record import Environment, Record
from resnb.ledger.store.columns import readable, to_columns
from resnb.ledger.store.database import Database
from resnb.ledger.store.sqlite_file import SqliteFile
from resnb.ledger.store.statements import assigned, insert, select

KEPT_HISTORY = 30 * 86400.0
"""How long closed leases are kept, in seconds."""
LOST_AFTER = 60.0
"""After how long an owner that does not renew has lost its leases, in seconds."""
_NO_ENVIRONMENT = Environment("", "", (), "", ())


class Expired(NamedTuple):
    """A lease that its owner has lost.

    Attributes:
        record: the lease.
        account: the database's user whose lease it is.
        is_claimed: whether somebody who may still be there is cleaning it up.
        is_own: whether it is a lease of the database's user who asks.
    """

    record: Record
    account: str
    is_claimed: bool
    is_own: bool


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
        """Where `lease` is kept."""
        return self._database

    # ---- steps

    def add(self, record: Record) -> None:
        """Write the intent.

        Raises:
            LedgerError: it is not durable, so nothing may be created.
        """
        database = self._database
        with database.transaction() as db:
            insert(db, database.dialect, (record,), database.ahead, new=True)

    def restore(self, records: Iterable[Record]) -> None:
        """Write records that a damaged ledger has lost; what is there already stays as it is."""
        records, database = list(records), self._database
        if records:
            with database.transaction() as db:
                insert(db, database.dialect, records, database.ahead, new=False)

    def change(self, lease: LeaseId, by: Owner | None = None, **values: Any) -> bool:
        """Write other values of a lease, unless it is closed, which is final.

        Args:
            lease: the lease.
            by: who writes as its owner or claimant, and is refused if it no longer is either;
                None for somebody else, who may.
            **values: the new values.

        Returns:
            Whether that was written; not if it is closed, gone or lost.
        """
        database = self._database_of(lease)
        with database.transaction() as db:
            row = to_columns(values, database.ahead)
            done = db.execute(
                f"update leases set {assigned(row)[2:]} where id = :id "  # noqa: S608
                f"and state != 'closed'{_by(database, by)}",
                {**row, "id": lease, **_writer(by)},
            )
            return done.rowcount == 1

    def claim(self, lease: LeaseId, claimant: Owner, stale: Callable[[Owner], bool]) -> bool:
        """Let `claimant` be the one process that cleans the lease up.

        Args:
            lease: the lease.
            claimant: who wants to.
            stale: whether an earlier claimant is gone.

        Returns:
            Whether it got the claim; not if the lease is closed, or somebody else is at it.
        """
        database = self._database_of(lease)
        dialect, me = database.dialect, claimant.to_text()
        with database.transaction() as db:
            row = db.execute(
                f"select state, {dialect.void}, claimant, cleaner from leases "  # noqa: S608
                f"where id = :id{dialect.for_update}",
                {"id": lease},
            ).fetchone()
            if row is None or row[0] == states.CLOSED:
                return False
            others = [from_text(one) for one in row[2:] if one is not None]
            if row[0] == states.CLOSING and others and not row[1]:
                if others == [claimant]:
                    return True
                if not all(one == claimant or stale(one) for one in others):
                    return False
            if dialect.enter:
                db.execute(dialect.enter, {"owner": me})
            db.execute(
                "update leases set state = :state, claimant = :by, cleaner = null, "  # noqa: S608
                f"tries = tries + 1{dialect.claimed} where id = :id",
                {"state": states.CLOSING, "by": me, "id": lease},
            )
            return True

    def open(self, lease: LeaseId, owner: Owner, **values: Any) -> bool:
        """Set-up has returned; a lease that `owner` is about to clean up stays that.

        Returns:
            Whether that was written, now or before; not if somebody else has taken the lease.
        """
        database = self._database_of(lease)
        with database.transaction() as db:
            row = to_columns(values, database.ahead)
            done = db.execute(
                "update leases set state = case state when 'opening' then 'open' else state end"  # noqa: S608
                f"{assigned(row)} where id = :id "
                f"and (state in ('opening', 'open') or claimant = :by){_by(database, owner)}",
                {**row, "id": lease, **_writer(owner)},
            )
            return done.rowcount == 1

    def close(self, lease: LeaseId, now: float, reason: str = "", by: Owner | None = None) -> bool:
        """The clean-up has completed; recipe, handle and environment are erased.

        Args:
            lease: the lease.
            now: seconds since the epoch.
            reason: why it is closed.
            by: see `change`.

        Returns:
            Whether that was written; not if it is gone or lost.
        """
        database = self._database_of(lease)
        with database.transaction() as db:
            done = db.execute(
                database.dialect.close + _by(database, by),
                {**_closing_values(lease, now + database.ahead, reason), **_writer(by)},
            )
            for prune in database.dialect.prunes:
                db.execute(prune, {"before": now + database.ahead - KEPT_HISTORY})
            return done.rowcount == 1

    def end_of(self, lease: LeaseId, reason: str) -> dict[str, Any]:
        """How a clean-up's own process closes the lease, in an interpreter that may lack resnb."""
        database = self._database_of(lease)
        values = _closing_values(lease, time.time() + database.ahead, reason)
        return database.end_of([(f"{database.dialect.close} and state = 'closing'", values)])

    def adopt(self, lease: LeaseId, owner: Owner, before: Owner, **values: Any) -> bool:
        """Let `owner` hold what `before` has left.

        Args:
            lease: the lease.
            owner: its new owner.
            before: whose it was, as far as the caller knows.
            **values: other values that change with it.

        Returns:
            Whether it does now; not if somebody else was faster, or cleans the lease up.
        """
        database = self._database_of(lease)
        dialect, me = database.dialect, owner.to_text()
        with database.transaction() as db:
            if dialect.enter:
                db.execute(dialect.enter, {"owner": me})
            row = to_columns(values, database.ahead)
            done = db.execute(
                f"update leases set owner = :owner{dialect.adopted}{assigned(row)} "  # noqa: S608
                "where id = :id and owner = :before and state not in ('closed', 'closing')",
                {**row, "id": lease, "owner": me, "before": before.to_text()},
            )
            return done.rowcount == 1

    # ---- renewal

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

    def expired(self, after: float = LOST_AFTER) -> list[Expired]:
        """The leases that are not closed, and lost to their owners; oldest first.

        Args:
            after: how long these owners have not renewed, in seconds, by the database's clock.
        """
        statement = self._database.dialect.expired
        if not statement:
            return []
        with self._database.reading() as db:
            rows = db.execute(statement, {"after": after}).fetchall()
        found = ((readable(row[:-3], self._database.ahead), *row[-3:]) for row in rows)
        return [Expired(*one) for one in found if one[0] is not None]

    # ---- questions

    def get(self, lease: LeaseId) -> Record | None:
        """One lease."""
        found = self._select(self._database_of(lease), "where id = :id", {"id": lease})
        return found[0] if found else None

    def alive(self, owner: Owner | None = None) -> list[Record]:
        """The leases that are not closed, of one owner or of all, oldest first."""
        return self._alive_in(self._database, owner)

    def history(self, limit: int = 1000) -> list[Record]:
        """The leases that were closed, the latest first."""
        where = "where state = 'closed' order by ended desc, id limit :limit"
        return self._select(self._database, where, {"limit": limit})

    def kept_for(self, key: str) -> list[Record]:
        """The leases that survive their kernel, and that one with `key` may adopt."""
        where = "where state != 'closed' and state = 'kept' and key = :key order by created, id"
        return self._select(self._database, where, to_columns({"key": key}))

    def mark(self) -> tuple[int, int]:
        """A mark that is another one as soon as anybody else has written; costs next to nothing.

        It takes a store whose connection is kept.
        """
        return self._database.mark()

    def let_go(self) -> None:
        """Close the connection that is kept, if any; the next call opens another."""
        self._database.let_go()

    def _alive_in(self, database: Database, owner: Owner | None = None) -> list[Record]:
        of_owner = " and owner = :owner" if owner is not None else ""
        return self._select(
            database,
            f"where state != 'closed'{of_owner} order by created, id",
            {"owner": owner.to_text()} if owner is not None else {},
        )

    def _select(self, database: Database, where: str, values: dict[str, Any]) -> list[Record]:
        if not database.exists():
            return []
        with database.reading() as db:
            return select(db, where, values, database.ahead)


def _by(database: Database, writer: Owner | None) -> str:
    return "" if writer is None else f" and {database.dialect.holds}"


def _writer(writer: Owner | None) -> dict[str, str]:
    return {} if writer is None else {"by": writer.to_text()}


def _closing_values(lease: LeaseId, now: float, reason: str) -> dict[str, Any]:
    nothing = json.dumps(_NO_ENVIRONMENT)
    return {"ended": now, "reason": reason, "environment": nothing, "id": lease}


__all__ = ["KEPT_HISTORY", "LOST_AFTER", "Expired", "Store"]
