"""The ledger in a file: SQLite, one short connection for each step, durable when it returns.

Connections do not outlive a call, so none crosses a thread or a fork (a process with one thread
may keep one open). The schema's version is checked on every opening: a newer file is refused, a
damaged one is set aside and its readable records are carried over.
"""

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

from resnb.errors import LedgerError
from resnb.ledger.clock import AGREED, CLOCK, Clock, begun_anew
from resnb.ledger.store.columns import DEFINITIONS
from resnb.ledger.store.home import in_use, is_on_network, refuse_foreign, why_unwritable
from resnb.ledger.store.recovery import is_damaged, moved_aside
from resnb.ledger.store.statements import INDICES, Dialect, insert

VERSION = 3
BUSY_TIMEOUT = 10.0
"""How long a step waits for others, in seconds."""
KEPT_TIMEOUT = 2.0
"""The same where a connection is kept, by processes that have to answer others meanwhile."""
_DIALECT = Dialect()
_TABLES = (
    f"create table if not exists leases ({DEFINITIONS}) strict",
    # what to add to a boot's clock, and how far the ledger is then ahead of the wall clock
    """create table if not exists clocks (
        boot text primary key, base real not null, ahead real not null
    ) strict""",
)
_PASSING = ("SQLITE_BUSY", "SQLITE_FULL")
"""Errors after which a connection is as good as before; on a full disk, no other can be opened."""
_NEWER, _OLDER = "a newer format, ", "an older format, "
_SEEN = "select max(max(created), max(used), max(coalesce(ended, 0))) from leases"


class SqliteFile:
    """The ledger's file.

    Args:
        home: the ledger's folder.
        kept: hold one connection open between calls, which must all come from one thread. As
            long as one is open, closing another one does not trigger a checkpoint.
        is_locked: the caller has the ledger to itself.
        clock: this process's clock.

    Attributes:
        ahead: how far the ledger's clock is ahead of this process's, in whole seconds.
    """

    dialect = _DIALECT

    def __init__(
        self, home: Path, *, kept: bool = False, is_locked: bool = False, clock: Clock = CLOCK
    ) -> None:
        self.ahead = 0.0
        self._clock = clock
        self.path = home / "leases.db"
        self._home = home
        self._journal = "delete" if is_on_network(home) else "wal"
        self._keeps = kept
        self._is_locked = is_locked
        self._kept: sqlite3.Connection | None = None
        self._openings = 0
        self._patience = 0.0
        self._file = (0, 0)
        self._turn = threading.Lock()  # SQLite makes a waiting connection sleep, longer each time

    @property
    def place(self) -> str:
        """Where it is."""
        return str(self._home)

    def exists(self) -> bool:
        """Whether there is anything to read.

        Raises:
            LedgerError: nobody can tell now.
        """
        try:
            self.path.stat()
        except FileNotFoundError:
            return False
        except OSError as error:  # a file in place of the folder, too
            raise LedgerError(_explained(self.path, str(error.strerror))) from None
        return True

    def mark(self) -> tuple[int, int]:
        """A mark that is another one as soon as anybody else has written; costs next to nothing.

        It takes a connection that is kept: SQLite counts for each connection by itself.
        """
        if not self.exists():
            self.let_go()
            return 0, 0
        with self.reading() as db:
            return self._openings, int(db.execute("pragma data_version").fetchone()[0])

    def end_of(self, steps: list[tuple[str, dict[str, Any]]]) -> dict[str, Any]:
        """How a process that may lack resnb carries out `steps`."""
        steps = [("pragma secure_delete = on", {}), *steps]
        return {"path": str(self.path), "timeout": BUSY_TIMEOUT, "steps": steps}

    @contextmanager
    def transaction(
        self, *, durable: bool = True, within: float | None = None
    ) -> Iterator[sqlite3.Connection]:
        """Within the block, one transaction; all of them are durable."""
        assert durable
        with self._in_turn(BUSY_TIMEOUT if within is None else within), self.reading(within) as db:
            db.execute("begin immediate")
            try:
                yield db
                db.execute("commit")
            except BaseException:
                if db.in_transaction:
                    db.execute("rollback")
                raise

    @contextmanager
    def _in_turn(self, patience: float) -> Iterator[None]:
        if not self._turn.acquire(timeout=patience):
            raise LedgerError(_explained(self.path, "database is locked"))
        try:
            yield
        finally:
            self._turn.release()

    @contextmanager
    def reading(self, within: float | None = None) -> Iterator[sqlite3.Connection]:
        """Within the block, a connection; see `transaction`."""
        usual = KEPT_TIMEOUT if self._keeps else BUSY_TIMEOUT
        patience = usual if within is None else within
        doubt: tuple[tuple[int, int], str] | None = None
        is_sound = False
        try:
            with nullcontext() if self._is_locked else in_use(self._home, within=patience):
                seen = _identity(self.path)
                try:
                    if self._keeps:
                        yield self._kept_open(patience)
                    else:
                        with closing(self._opened(patience)) as db:
                            yield db
                except sqlite3.OperationalError as error:
                    is_sound = getattr(error, "sqlite_errorname", "") in _PASSING
                    if "unsupported" not in str(error):
                        raise LedgerError(_explained(self.path, str(error))) from None
                    doubt = seen, str(error)
                except sqlite3.DatabaseError as error:
                    if type(error) is not sqlite3.DatabaseError:  # its subclasses are no damage
                        raise
                    doubt = seen, str(error)
                except OSError as error:
                    raise LedgerError(_explained(self.path, str(error.strerror))) from None
        except LedgerError:
            if not is_sound:
                self.let_go()
            raise
        if doubt is not None:
            self.let_go()
            raise self._judged(*doubt)

    def _judged(self, seen: tuple[int, int], fault: str) -> LedgerError:
        """What to say of a file that cannot be used; one that is damaged is set aside."""
        if self._was_set_aside(seen):
            fault = f"the ledger {self.path} was damaged ({fault}) and set aside: try again"
            return LedgerError(fault)
        return LedgerError(_explained(self.path, fault))

    def _was_set_aside(self, seen: tuple[int, int]) -> bool:
        """Move the file aside if it is damaged, and carry its readable records over into a new one.

        Args:
            seen: which file cannot be used; by now another one may be in its place.

        Returns:
            Whether that was done, now or by somebody else.
        """
        with in_use(self._home, alone=True):
            if _identity(self.path) != seen:
                return True
            if not is_damaged(self.path):
                return False
            records = moved_aside(self.path)
            with SqliteFile(self._home, is_locked=True).transaction() as db:
                insert(db, self.dialect, records, self.ahead, new=False)
            return True

    def erase(self) -> bool:
        """Move what the journal holds into the file, and empty the journal.

        Pages that are of no use any more have been overwritten in both.
        """
        if self._journal != "wal":
            return True
        with self.reading(0.0) as db:
            return not db.execute("pragma wal_checkpoint(truncate)").fetchone()[0]

    def let_go(self) -> None:
        """Close the connection that is kept, if any; the next call opens another."""
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    def _kept_open(self, patience: float) -> sqlite3.Connection:
        if self._kept is not None and _identity(self.path) != self._file:  # it was replaced
            self.let_go()
        if self._kept is None:
            self._kept = self._opened(patience)
            self._openings += 1
            self._file = _identity(self.path)
        elif patience != self._patience:
            self._kept.execute(f"pragma busy_timeout = {int(1000 * patience)}")
        self._patience = patience
        return self._kept

    def _opened(self, patience: float = BUSY_TIMEOUT) -> sqlite3.Connection:
        if not self.path.exists():
            os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
        refuse_foreign(self.path)
        db = sqlite3.connect(self.path, timeout=patience, isolation_level=None)
        try:
            version = db.execute("pragma user_version").fetchone()[0]
            if version not in (0, VERSION):
                message = f"{_NEWER if version > VERSION else _OLDER}{version}"
                raise sqlite3.DatabaseError(message)  # noqa: TRY301 - the caller closes it
            db.execute("pragma synchronous = full")
            db.execute("pragma secure_delete = on")
            if version < VERSION:
                _set_journal(db, self._journal)
                db.execute("begin immediate")
                for statement in (*_TABLES, *INDICES):
                    db.execute(statement)
                db.execute(f"pragma user_version = {VERSION}")
                db.execute("commit")
            self.ahead = _ahead(db, self._clock)
        except BaseException:
            db.close()
            raise
        return db


def _ahead(db: sqlite3.Connection, clock: Clock) -> float:
    """How far the ledger's clock, which goes on from boot to boot, is ahead of `clock`."""
    if not clock.boot:
        return 0.0
    of_boot = "select base, ahead from clocks where boot = ?"
    row = db.execute(of_boot, (clock.boot,)).fetchone()
    if row is None:
        last = db.execute("select ahead from clocks order by rowid desc limit 1").fetchone()
        (seen,) = db.execute(_SEEN).fetchone()
        steady = clock.steady()
        wall = clock.wall_base() + steady
        begun = begun_anew(wall, seen or 0.0, last[0] if last else 0.0)
        row = begun - steady, begun - wall
        with suppress(sqlite3.OperationalError):  # on a full disk it is found again, much the same
            db.execute("insert or ignore into clocks values (?, ?, ?)", (clock.boot, *row))
            row = db.execute(of_boot, (clock.boot,)).fetchone()
    of_wall = row[0] - clock.wall_base()
    if abs(of_wall - row[1]) > AGREED:
        with suppress(sqlite3.OperationalError):  # somebody else puts that down
            db.execute("update clocks set ahead = ? where boot = ?", (of_wall, clock.boot))
    ahead = row[0] - clock.base  # without a look at any clock: time may pass between two looks
    return float(round(ahead)) if abs(ahead) > AGREED else 0.0


def _set_journal(db: sqlite3.Connection, mode: str) -> None:
    """Choose the journal, and wait for another process that does so, as SQLite itself does not."""
    deadline, never = time.monotonic() + BUSY_TIMEOUT, threading.Event()
    while True:
        try:
            db.execute(f"pragma journal_mode = {mode}")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() >= deadline:
                raise
            never.wait(0.01)
        else:
            return


def _identity(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError:
        return 0, 0
    return found.st_dev, found.st_ino


def _explained(path: Path, text: str) -> str:
    if text.startswith((_NEWER, _OLDER)):
        age, _, number = text.partition(" format, ")
        remedy = "update this resnb" if text < _OLDER else "end what it lists, and move it away"
        return f"the ledger {path} was written by {age} resnb (format {number}): {remedy}"
    if "disk I/O" in text or "unable to open" in text:
        fault = f"its disk fails ({text}): see the system's log"
        text = why_unwritable(path.parent, fault if "disk I/O" in text else text)
    if "full" in text or "No space" in text or "quota" in text.lower():
        return f"the disk is full, so the ledger {path} cannot be written"
    if any(one in text.lower() for one in ("readonly", "read-only", "unable to open", "denied")):
        return f"the ledger {path} cannot be written ({text}): make it writable, or set RESNB_HOME"
    if "no such column" in text or "has no column" in text:
        return (
            f"the ledger {path} has the columns of another version of resnb ({text}): let that "
            "one clean up what it lists, then move the file away"
        )
    return f"the ledger {path} cannot be used: {text}"
