"""A shared ledger, and the folder's own file for the leases that begin while it is away.

A lease is kept in one of the two at a time. What a kernel has put into the folder moves over when
the server is back, at its next renewal; what ended kernels have left there is cleaned up there.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from resnb.errors import LedgerUnreachable
from resnb.ids import LeaseId
from resnb.ledger.owner import Owner
from resnb.ledger.record import LeaseRecord
from resnb.ledger.store.database import Database
from resnb.ledger.store.lookups import alive_in, closed_in, damaged_in, lease_in
from resnb.ledger.store.sqlite_file import SqliteFile
from resnb.ledger.store.statements import Connection, DamagedRow, insert, select
from resnb.ledger.store.store import Store


class FallbackStore(Store):
    """The leases of both places.

    Args:
        home: the ledger's folder.
        shared: the database.
        say: called with one line when the database is found to be away.
        kept: hold connections to the folder's file open, see `SqliteFile`.
    """

    def __init__(
        self, home: Path, shared: Database, say: Callable[[str], object], *, kept: bool = False
    ) -> None:
        super().__init__(home, shared)
        self._local: Database = SqliteFile(home, kept=kept)
        self._say = say
        self._is_away = False
        self._seen: list[LeaseRecord] = []

    def add(self, record: LeaseRecord, *, alone: bool = False) -> bool:
        """Write the intent, into the folder if the database is away, in which nobody is asked.

        Raises:
            LedgerError: it is not durable in either, so nothing may be created.
        """
        try:
            self._move_over(record.owner)
            return super().add(record, alone=alone)
        except LedgerUnreachable as error:
            with self._local.transaction() as db:
                insert(db, self._local.dialect, (record,), self._local.ahead, new=True)
            self._away(error)
            return True

    def renew(self, owner: Owner) -> bool:
        """Let `owner` hold its leases, and move those over that it has put into the folder.

        Raises:
            LedgerUnreachable: the database is still away.
        """
        renewed = super().renew(owner)
        self._move_over(owner)
        return renewed

    def _move_over(self, owner: Owner) -> None:
        if not alive_in(self._local, owner):
            return
        with self._database.reading():
            self._is_away = False  # and so nobody waits for it while the folder's is locked
        with self._local.transaction() as here:
            where = "where state != 'closed' and owner = :owner"
            for one in select(here, where, {"owner": owner.to_text()}, self._local.ahead):
                lease = {"id": one.id}
                with self._database.transaction() as there:
                    there.execute(  # an intent whose answer was lost
                        "delete from leases where id = :id and state != 'closed'", lease
                    )
                    insert(there, self._database.dialect, (one,), self._database.ahead, new=False)
                here.execute("delete from leases where id = :id", lease)

    def alive(self, owner: Owner | None = None, *, whole: bool = True) -> list[LeaseRecord]:
        """The leases that are not closed: first those in the folder, which nothing holds up.

        While the database is away, its leases are those that were seen last.
        """
        local = alive_in(self._local, owner, whole=whole)
        try:
            self._seen = super().alive(owner, whole=whole)
            self._is_away = False
        except LedgerUnreachable as error:
            self._away(error)
        ids = {record.id for record in local}
        return local + [one for one in self._seen if one.id not in ids]

    def damaged(self) -> list[DamagedRow]:
        """The leases in either place that are not closed and whose records cannot be read."""
        found = damaged_in(self._local)
        try:
            return found + super().damaged()
        except LedgerUnreachable as error:
            self._away(error)
            return found

    def history(self, limit: int = 1000) -> list[LeaseRecord]:
        """The leases that were closed in either place, the latest first."""
        found = closed_in(self._local, limit)
        try:
            found += super().history(limit)
        except LedgerUnreachable as error:
            self._away(error)
        return sorted(found, key=lambda one: -(one.ended or 0.0))[:limit]

    def mark(self) -> tuple[int, int]:
        """A mark that is another one as soon as anybody else has written into either place."""
        return hash(self._local.mark()), hash(self._database.mark())

    def erase(self) -> bool:
        """Let the folder's file hold no bytes of closed leases any more."""
        return self._local.erase()

    def let_go(self) -> None:
        """Close the connections that are kept, if any."""
        self._local.let_go()
        self._database.let_go()

    def with_key(self, key: str) -> list[LeaseRecord]:
        """The leases of the same scope and arguments; none while the database is away."""
        try:
            return super().with_key(key)
        except LedgerUnreachable as error:
            self._away(error)
            return []

    def _database_of(self, lease: LeaseId) -> Database:
        is_here = lease_in(self._local, lease) is not None
        return self._local if is_here else self._database

    @contextmanager
    def _at(
        self, lease: LeaseId, within: float | None = None
    ) -> Iterator[tuple[Connection, Database]]:
        if self._local.exists():
            with self._local.transaction(within=within) as db:
                query = "select id from leases where id = :id"
                if db.execute(query, {"id": lease}).fetchone() is not None:
                    yield db, self._local
                    return
        with super()._at(lease, within) as found:
            yield found

    def _away(self, error: LedgerUnreachable) -> None:
        if not self._is_away:
            self._is_away = True
            self._say(f"{error.args[0]}; until it is back, new leases are kept in {self.path}")
