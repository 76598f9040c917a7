"""What one database holds: the leases that are read from it, each time by one query."""

from typing import Any, Final

from resnb.ids import LeaseId
from resnb.ledger.owner import Owner
from resnb.ledger.record import LeaseRecord
from resnb.ledger.store.columns import to_column
from resnb.ledger.store.database import Database
from resnb.ledger.store.statements import WITH_KEY, DamagedRow, damaged, select

_OLDEST: Final = "order by created, id"


def lease_in(database: Database, lease: LeaseId) -> LeaseRecord | None:
    """One lease."""
    return next(iter(_selected(database, "where id = :id", {"id": lease})), None)


def alive_in(
    database: Database, owner: Owner | None = None, *, whole: bool = True
) -> list[LeaseRecord]:
    """The leases that are not closed, of one owner or of all, oldest first; see `Store.alive`."""
    of_owner = " and owner = :owner" if owner is not None else ""
    where = f"where state != 'closed'{of_owner}{database.dialect.mine} {_OLDEST}"
    values = {"owner": owner.to_text()} if owner is not None else {}
    return _selected(database, where, values, whole=whole)


def alike_in(database: Database, key: str) -> list[LeaseRecord]:
    """The leases that are not closed, of one scope and its arguments, oldest first."""
    where = f"where {WITH_KEY}{database.dialect.mine} {_OLDEST}"
    return _selected(database, where, {"key": to_column(key)})


def closed_in(database: Database, limit: int) -> list[LeaseRecord]:
    """The leases that were closed, the latest first."""
    mine = database.dialect.mine
    where = f"where state = 'closed'{mine} order by ended desc, id limit :limit"
    return _selected(database, where, {"limit": limit})


def damaged_in(database: Database) -> list[DamagedRow]:
    """The leases that are not closed and whose records cannot be read."""
    if not database.exists():
        return []
    with database.reading() as db:
        return damaged(db, database.dialect.mine)


def _selected(
    database: Database, where: str, values: dict[str, Any], *, whole: bool = True
) -> list[LeaseRecord]:
    if not database.exists():
        return []
    with database.reading() as db:
        return select(db, where, values, database.ahead, whole=whole)
