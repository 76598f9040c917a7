"""The SQL of the ledger, once for every kind of store; what differs between them is a `Dialect`.

Statements use named parameters (``:name``), and what both SQLite and PostgreSQL understand.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple, Protocol

from resnb.ledger.record import LeaseRecord
from resnb.ledger.store.columns import FIELDS, from_row, to_column, to_columns

INDICES: Final = (
    "create index if not exists alive on leases (owner) where state != 'closed'",
    "create index if not exists ended on leases (ended) where state = 'closed'",
)
"""They are used where a query repeats their condition word by word."""
WITH_KEY: Final = "state != 'closed' and key = :key"
"""The leases that somebody holds, of one scope and its arguments."""
IN_LEDGER: Final = b"\0in the ledger"
"""Stands for a large recipe or handle that was not read."""
LARGE: Final = 16 * 1024
"""How many bytes of one are read in any case."""
_SMALL_FIELDS: Final = tuple(
    f"case when length({name}) > {LARGE} then :in_ledger else {name} end"
    if name in ("recipe", "handle")
    else name
    for name in FIELDS
)
_CLOSE: Final = (
    "update leases set state = 'closed', ended = :ended, reason = :reason, recipe = {}, "
    "handle = null, environment = :environment, claimant = null, cleaner = null, request = '' "
    "where id = :id"
)


class DamagedRow(NamedTuple):
    """A lease whose record cannot be read, as far as it says who it is."""

    id: str
    name: str
    notebook: str


class Expired(NamedTuple):
    """A lease as the database sees it, such as one that its owner has lost.

    Attributes:
        record: the lease.
        account: the database's user whose lease it is.
        is_claimed: whether somebody who may still be there is cleaning it up.
        is_own: whether it is a lease of the database's user who asks.
    """

    record: LeaseRecord
    account: str
    is_claimed: bool
    is_own: bool


class Rows(Protocol):
    """The result of a statement."""

    @property
    def rowcount(self) -> int:
        """How many rows it has changed."""

    def fetchone(self) -> Any:
        """The next row, or None."""

    def fetchall(self) -> list[Any]:
        """The rows that are left."""


class Connection(Protocol):
    """What a step needs of a connection."""

    def execute(self, statement: str, values: Mapping[str, Any] = ..., /) -> Rows:
        """Run one statement."""


class Dialect(NamedTuple):
    """What a database's steps say differently, as pieces of SQL. The defaults are SQLite's.

    Attributes:
        nothing: an empty blob.
        for_update: behind the selection of a row that the same transaction goes on to change.
        enter: makes ``:owner`` one of the owners who renew their leases; empty if nobody does.
        renew: renews the leases of ``:owner``, which changes no row if it has lost them.
        added: columns that a new lease has beside its record's, with their values.
        holds: whether ``:by`` still has the lease, as its owner or by a claim.
        claimed: what changes beside a lease's claimant, who is ``:by``.
        adopted: what changes beside a lease's owner, who is ``:owner``.
        void: whether the claim on a lease has lapsed.
        mine: restricts a query to the leases of the database's user, who may see others'.
        renewing: the whole statement for that user's owners who have not lost their leases.
        lost_after: after how many seconds without renewal an owner has lost its leases.
        fleet: the whole statement for the leases of every user whose leases this one may see.
        expired: the whole statement for the leases that their owners have lost.
        prunes: statements that delete what is of no use any more; ``:before`` is a time.
    """

    nothing: str = "x''"
    for_update: str = ""
    enter: str = ""
    renew: str = ""
    added: Mapping[str, str] = MappingProxyType({})
    holds: str = "(claimant = :by or (claimant is null and owner = :by))"
    claimed: str = ""
    adopted: str = ""
    void: str = "0"
    mine: str = ""
    renewing: str = ""
    lost_after: float = 0.0
    fleet: str = ""
    expired: str = ""
    prunes: tuple[str, ...] = ("delete from leases where state = 'closed' and ended < :before",)

    @property
    def close(self) -> str:
        """The statement that closes a lease, to which conditions may be added."""
        return _CLOSE.format(self.nothing)


def insert(
    db: Connection, dialect: Dialect, records: Iterable[LeaseRecord], ahead: float, *, new: bool
) -> None:
    """Write records.

    Args:
        db: the connection, in a transaction.
        dialect: the database's.
        records: the leases.
        ahead: see `resnb.ledger.store.columns`.
        new: refuse a lease that is there already, instead of leaving it as it is.
    """
    names = ", ".join((*FIELDS, *dialect.added))
    values = ", ".join((*(f":{name}" for name in FIELDS), *dialect.added.values()))
    statement = f"insert into leases ({names}) values ({values})"  # noqa: S608
    if not new:
        statement += " on conflict (id) do nothing"
    for record in records:
        row = to_columns(record._asdict(), ahead)
        for one in (row["owner"], row["claimant"]):
            if one is not None and dialect.enter:
                db.execute(dialect.enter, {"owner": one})
        db.execute(statement, row)


def has_others(db: Connection, dialect: Dialect, record: LeaseRecord) -> bool:
    """Whether somebody else holds a lease of the scope and arguments of `record`."""
    if not record.key:
        return False
    found = db.execute(
        f"select id from leases where {WITH_KEY} and owner != :owner{dialect.mine} limit 1",  # noqa: S608
        {"key": to_column(record.key), "owner": to_column(record.owner)},
    )
    return found.fetchone() is not None


def select(
    db: Connection, where: str, values: Mapping[str, Any], ahead: float, *, whole: bool = True
) -> list[LeaseRecord]:
    """The records that a condition selects, but for those in which somebody has written nonsense.

    Args:
        db: the connection.
        where: the condition, and what may follow it.
        values: its parameters.
        ahead: see `resnb.ledger.store.columns`.
        whole: read recipes and handles of any size; else `IN_LEDGER` stands for large ones.
    """
    columns = ", ".join(FIELDS if whole else _SMALL_FIELDS)
    values = values if whole else {**values, "in_ledger": IN_LEDGER}
    rows = db.execute(f"select {columns} from leases {where}", values).fetchall()  # noqa: S608
    found = (from_row(row, ahead) for row in rows)
    return [record for record in found if record is not None]


def damaged(db: Connection, mine: str) -> list[DamagedRow]:
    """The leases that are not closed and that `select` leaves out, oldest first.

    Args:
        db: the connection.
        mine: see `Dialect`.
    """
    rows = db.execute(
        f"select {', '.join(FIELDS)} from leases where state != 'closed'{mine} "  # noqa: S608
        "order by created, id"
    ).fetchall()
    place = [FIELDS.index(name) for name in DamagedRow._fields]
    return [DamagedRow(*(str(row[at]) for at in place)) for row in rows if from_row(row) is None]
