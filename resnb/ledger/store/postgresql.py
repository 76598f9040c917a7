"""The ledger in a PostgreSQL database that many machines share.

Each step is one transaction without any state of a session, so that a pooler may stand between.
Its first message also asks for the format of the tables and for the server's time. What cannot be
begun on a connection that was kept, because the server has been restarted meanwhile, is begun
again on a new one; a transaction is never repeated by itself.
"""

import os
import re
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from functools import cache
from types import ModuleType
from typing import Any

from resnb.ledger.clock import AGREED, now
from resnb.ledger.store import postgres_errors as errors
from resnb.ledger.store.postgres_schema import MAKE, VERSION, dialect
from resnb.ledger.store.statements import Dialect, Rows

CONNECT_TIMEOUT = 5
"""How long a server may take to answer, in seconds, unless the URL says otherwise."""
STEP_TIMEOUT = 10.0
"""How long one statement may take or wait for a lock, in seconds."""
IDLE_FOR = 60.0
"""After how long without a step the server closes a connection that was kept, in seconds."""
_CLOSES_IDLE = 140_000
"""The first version of a server that does."""
_BEGIN = f"""
begin isolation level read committed;
set local search_path = resnb;
set local statement_timeout = '{STEP_TIMEOUT:g}s';
set local lock_timeout = '{STEP_TIMEOUT:g}s';
set local idle_in_transaction_session_timeout = '{STEP_TIMEOUT:g}s';
set local synchronous_commit = {{}};
"""
_LOOK: str = "select version, extract(epoch from clock_timestamp())::float8 from ledger"
_MARK = """
select (select coalesce(hashtext(max(ended)::text), 0) from leases where state = 'closed'),
coalesce(sum(hashtextextended(id || xmin::text, 0)), 0) from leases where state != 'closed'
"""


class PostgresServer:
    """A database on a PostgreSQL server.

    Args:
        url: ``postgresql://user@host:port/database``, or what else libpq takes.
        kept: hold one connection open between calls, instead of one for each step.
        lost_after: see `resnb.ledger.store.store.LOST_AFTER`.
        clock: this process's time, in seconds since the epoch.

    Attributes:
        ahead: how far the server's clock is ahead of this process's, in whole seconds.
    """

    def __init__(
        self,
        url: str,
        *,
        kept: bool = False,
        lost_after: float = 60.0,
        clock: Callable[[], float] = now,
    ) -> None:
        self.ahead = 0.0
        self.dialect: Dialect = dialect(lost_after)
        self._url = url
        self._keeps = kept
        self._clock = clock
        self._kept: Any = None
        self._pid = os.getpid()
        self._turn = threading.Lock()

    @property
    def place(self) -> str:
        """Where it is, without the password."""
        return self._place(_driver())

    def exists(self) -> bool:
        """Whether there is anything to read; that is seen when it is read."""
        return True

    def erase(self) -> bool:
        """Leave that to the server, which vacuums its tables."""
        return True

    def mark(self) -> tuple[int, int]:
        """A mark that is another one as soon as anybody has written into a lease of this user."""
        with self.reading() as db:
            ended, alive = db.execute(_MARK).fetchone()
        return int(ended), int(alive)

    def end_of(self, steps: list[tuple[str, dict[str, Any]]]) -> dict[str, Any]:
        """How a process that may lack resnb, but has psycopg, carries out `steps`."""
        translated = [(translate(statement), values) for statement, values in steps]
        whole = [(_BEGIN.format("on"), {}), *translated, ("commit", {})]
        return {"url": self._url, "steps": whole}

    @contextmanager
    def reading(self) -> Iterator["_Session"]:
        """Within the block, a connection to read with; all that it reads is of one transaction."""
        with self.transaction(durable=False) as db:
            yield db

    @contextmanager
    def transaction(
        self,
        *,
        durable: bool = True,
        within: float | None = None,  # noqa: ARG002 - a server has limits of its own
    ) -> Iterator["_Session"]:
        """Within the block, one transaction.

        Raises:
            LedgerUnreachable: the server cannot be reached, or was lost on the way; whether
                anything was written is not known in the latter case.
            LedgerError: it refused.
        """
        begin = _BEGIN.format("on" if durable else "off") + _LOOK
        driver = _driver()
        with self._turn if self._keeps else nullcontext():
            db = self._begun(driver, begin)
            try:
                yield _Session(db)
                db.execute("commit")
            except driver.Error as error:
                self._drop(db)
                raise self._explained(driver, error) from None
            except BaseException:
                self._drop(db)  # which rolls back
                raise
            if not self._keeps:
                db.close()

    def let_go(self) -> None:
        """Close the connection that is kept, if any; the next call opens another."""
        if self._kept is not None and self._pid == os.getpid():  # else it is a parent's
            self._kept.close()
        self._kept = None

    def __del__(self) -> None:
        """Nobody else closes the connection of a store that was dropped."""
        with suppress(Exception):
            self.let_go()

    def _begun(self, driver: ModuleType, begin: str) -> Any:
        """A connection on which a transaction has begun."""
        if self._pid != os.getpid():
            self._kept, self._pid = None, os.getpid()
        if self._kept is not None:
            try:
                self._begin(self._kept, begin)
            except driver.Error:  # the server was restarted; nothing was asked of it yet
                self.let_go()
            except BaseException:
                self.let_go()
                raise
            else:
                return self._kept
        db = self._connected(driver)
        try:
            self._begin_or_make(db, begin, driver)
        except driver.Error as error:
            self._drop(db)
            raise self._explained(driver, error) from None
        except BaseException:
            self._drop(db)
            raise
        if self._keeps:
            self._kept = db
        return db

    def _begin_or_make(self, db: Any, begin: str, driver: ModuleType) -> None:
        try:
            self._begin(db, begin)
        except driver.Error as error:
            if not errors.is_missing(error):
                raise
            self._make(db)
            self._begin(db, begin)

    def _begin(self, db: Any, begin: str) -> None:
        asked = self._clock()
        cursor = db.execute(begin)
        while cursor.nextset():
            pass
        row = cursor.fetchone()
        if row is not None and row[0] > VERSION:
            raise errors.newer(self._place(_driver()), row[0])
        # the server has looked at its clock between these two looks, which may be far apart
        least, most = row[1] - self._clock(), row[1] - asked
        if not least - AGREED <= self.ahead <= most + AGREED:
            self.ahead = float(round((least + most) / 2))

    def _make(self, db: Any) -> None:
        """Make the tables; whoever comes meanwhile waits."""
        db.execute("rollback")
        db.execute("begin; set local search_path = resnb")
        for statement in MAKE:
            db.execute(statement)
        db.execute("commit")

    def _connected(self, driver: ModuleType) -> Any:
        chosen = {
            "connect_timeout": CONNECT_TIMEOUT,
            "application_name": "resnb",
            "tcp_user_timeout": int(1000 * STEP_TIMEOUT),
            "keepalives_idle": int(STEP_TIMEOUT),
            **self._options(driver),
        }
        try:
            db = driver.connect(**chosen, autocommit=True, prepare_threshold=None)
            if self._keeps and db.info.server_version >= _CLOSES_IDLE:
                db.execute(f"set idle_session_timeout = '{IDLE_FOR:g}s'")
        except driver.Error as error:
            raise errors.refused(self._place(driver), error) from None
        return db

    def _drop(self, db: Any) -> None:
        """Close a connection, whatever state it is in."""
        if db is self._kept:
            self._kept = None
        with suppress(Exception):
            db.close()

    def _explained(self, driver: ModuleType, error: Exception) -> Exception:
        is_lost = isinstance(error, (driver.OperationalError, driver.InterfaceError))
        return errors.explained(self._place(driver), error, is_lost=is_lost)

    def _options(self, driver: ModuleType) -> dict[str, Any]:
        """The parts of the URL.

        Raises:
            LedgerError: it has none; where it is not understood, a part of it may be a password.
        """
        try:
            found: dict[str, Any] = driver.conninfo.conninfo_to_dict(self._url)
        except driver.Error:
            raise errors.no_url() from None
        if not re.fullmatch(r"[\d,]*", str(found.get("port") or "")):
            raise errors.no_url()
        return found

    def _place(self, driver: ModuleType) -> str:
        known = self._options(driver)
        host, port = known.get("host") or "localhost", known.get("port") or 5432
        return f"{host}:{port}/{known.get('dbname') or ''}".rstrip("/")


class _Session:
    """A connection that takes the ledger's statements."""

    def __init__(self, db: Any) -> None:
        self._db = db

    def execute(self, statement: str, values: Mapping[str, Any] | None = None, /) -> Rows:
        """Run one statement."""
        rows: Rows = self._db.execute(translate(statement), values or None)
        return rows


@cache
def translate(statement: str) -> str:
    """A statement with ``:name`` for its parameters, as psycopg takes it."""
    return re.sub(r"(?<!:):(\w+)", r"%(\1)s", statement)


def _driver() -> ModuleType:
    """Psycopg; a reaper, which starts without the installed packages, finds them now.

    Raises:
        LedgerError: it is not installed.
    """
    if sys.flags.no_site and "site" not in sys.modules:
        import site

        site.main()
    try:
        import psycopg
    except ImportError:
        raise errors.no_driver() from None
    return psycopg
