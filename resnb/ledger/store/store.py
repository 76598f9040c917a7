"""The ledger's store: SQLite, one short connection for each step, durable when it returns.

Connections do not outlive a call, so none crosses a thread or a fork (a process with one thread
may keep one open). Each step is one transaction; a claim succeeds for exactly one process. The
schema's version is checked on every opening: a newer store is refused, a damaged one is set aside
and its readable records are carried over. Standard library only.
"""

import json
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from resnb.errors import LedgerError
from resnb.ids import LeaseId
from resnb.ledger import states
from resnb.ledger.owner import Owner, from_text
from resnb.ledger.record import Environment, LeaseRecord
from resnb.ledger.store.columns import DEFINITIONS, FIELDS, from_row, to_column, to_row
from resnb.ledger.store.home import in_use, is_on_network, refuse_foreign
from resnb.ledger.store.recovery import is_damaged, moved_aside

VERSION = 1
BUSY_TIMEOUT = 10.0
KEPT_HISTORY = 30 * 86400.0
"""How long closed leases are kept, in seconds."""

_TABLE = f"create table if not exists leases ({DEFINITIONS}) strict"
_INDICES = (
    "create index if not exists alive on leases (owner) where state != 'closed'",
    "create index if not exists ended on leases (ended) where state = 'closed'",
)
"""SQLite uses them where a query repeats their condition word by word."""
_INSERT = f"insert into leases ({', '.join(FIELDS)}) values ({', '.join('?' * len(FIELDS))})"  # noqa: S608
_CLOSE = (
    "update leases set state = 'closed', ended = ?, reason = ?, recipe = x'', handle = null, "
    "environment = ?, claimant = null, cleaner = null, request = '' where id = ?"
)
_NO_ENVIRONMENT = Environment("", "", (), "", ())


class Store:
    """The leases of one user.

    Args:
        home: the ledger's folder.
        kept: hold one connection open between calls, which must all come from one thread. As
            long as one is open, closing another one does not trigger a checkpoint.
        is_locked: the caller has the ledger to itself.
    """

    def __init__(self, home: Path, *, kept: bool = False, is_locked: bool = False) -> None:
        self.home = home
        self.path = home / "leases.db"
        self._journal = "delete" if is_on_network(home) else "wal"
        self._keeps = kept
        self._is_locked = is_locked
        self._kept: sqlite3.Connection | None = None
        self._openings = 0
        self._file = (0, 0)
        self._turn = threading.Lock()  # SQLite makes a waiting connection sleep, longer each time

    # ---- steps

    def add(self, record: LeaseRecord) -> None:
        """Write the intent.

        Raises:
            LedgerError: it is not durable, so nothing may be created.
        """
        with self._transaction() as db:
            db.execute(_INSERT, to_row(record))

    def restore(self, records: Iterable[LeaseRecord]) -> None:
        """Write records that a damaged ledger has lost; present ones stay as they are."""
        rows = [to_row(record) for record in records]
        if not rows:
            return
        with self._transaction() as db:
            db.executemany(_INSERT.replace("insert", "insert or ignore", 1), rows)

    def change(self, lease: LeaseId, **values: Any) -> bool:
        """Write new values of a lease, unless it is closed, which is final.

        Returns:
            Whether they were written; not if the lease is closed or gone.
        """
        return self._update("", "state != 'closed'", values, id=lease)

    def claim(self, lease: LeaseId, claimant: Owner, stale: Callable[[Owner], bool]) -> bool:
        """Let `claimant` be the one process that cleans the lease up.

        `stale` gives whether an earlier claimant is gone.

        Returns:
            Whether it got the claim; not if the lease is closed, or another process has it.
        """
        with self._transaction() as db:
            row = db.execute(
                "select state, claimant, cleaner from leases where id = ?", (lease,)
            ).fetchone()
            if row is None or row[0] == states.CLOSED:
                return False
            others = [from_text(one) for one in row[1:] if one is not None]
            if row[0] == states.CLOSING and others:
                if others == [claimant]:
                    return True
                if not all(one == claimant or stale(one) for one in others):
                    return False
            db.execute(
                "update leases set state = ?, claimant = ?, cleaner = null, tries = tries + 1 "
                "where id = ?",
                (states.CLOSING, claimant.to_text(), lease),
            )
            return True

    def open(self, lease: LeaseId, owner: Owner, **values: Any) -> bool:
        """Set-up has returned; a lease that `owner` is about to clean up stays *closing*.

        Returns:
            Whether that was written; not if another process has taken the lease.
        """
        state = "state = case state when 'opening' then 'open' else state end"
        condition = "(state = 'opening' or claimant = :me)"
        return self._update(state, condition, values, id=lease, me=owner.to_text())

    def close(self, lease: LeaseId, now: float, reason: str = "") -> None:
        """The clean-up has completed; recipe, handle and environment are erased."""
        with self._transaction() as db:
            db.execute(_CLOSE, _closing_values(lease, now, reason))
            db.execute(
                "delete from leases where state = 'closed' and ended < ?", (now - KEPT_HISTORY,)
            )

    def end_of(self, lease: LeaseId, reason: str) -> dict[str, Any]:
        """The statements by which a clean-up's process, which may lack resnb, closes the lease."""
        values = _closing_values(lease, time.time(), reason)
        steps = [("pragma secure_delete = on", ()), (f"{_CLOSE} and state = 'closing'", values)]
        return {"path": str(self.path), "timeout": BUSY_TIMEOUT, "steps": steps}

    def adopt(self, lease: LeaseId, owner: Owner, before: Owner, **values: Any) -> bool:
        """Make `owner` the owner of a lease that `before` has left, as far as the caller knows.

        Returns:
            Whether it is now; not if somebody else was faster, or cleans the lease up.
        """
        condition = "owner = :before and state not in ('closed', 'closing')"
        names = {"new": owner.to_text(), "before": before.to_text()}
        return self._update("owner = :new", condition, values, id=lease, **names)

    def _update(self, change: str, condition: str, values: dict[str, Any], **names: str) -> bool:
        row = {name: to_column(value) for name, value in values.items()}
        changes = ", ".join(filter(None, [change, *(f"{name} = :{name}" for name in row)]))
        statement = f"update leases set {changes} where id = :id and {condition}"  # noqa: S608
        with self._transaction() as db:
            return db.execute(statement, {**row, **names}).rowcount == 1

    # ---- queries

    def get(self, lease: LeaseId) -> LeaseRecord | None:
        """One lease."""
        found = self._select("where id = ?", (lease,))
        return found[0] if found else None

    def alive(self, owner: Owner | None = None) -> list[LeaseRecord]:
        """The leases that are not closed, of one owner or of all, oldest first."""
        where, values = "where state != 'closed'", [] if owner is None else [owner.to_text()]
        return self._select(f"{where}{' and owner = ?' * len(values)} order by created", values)

    def history(self, limit: int = 1000) -> list[LeaseRecord]:
        """The leases that were closed, the latest first."""
        return self._select("where state = 'closed' order by ended desc limit ?", (limit,))

    def kept_for(self, key: str) -> list[LeaseRecord]:
        """The leases that survive their kernel, and that one with `key` may adopt."""
        return self._select(
            "where state != 'closed' and state = 'kept' and key = ? order by created", (key,)
        )

    def mark(self) -> tuple[int, int]:
        """A value that changes as soon as anybody else has written; costs next to nothing.

        The store must keep its connection: SQLite counts for each connection separately.
        """
        if not self.path.exists():
            self.let_go()
            return 0, 0
        with self._connection() as db:
            return self._openings, int(db.execute("pragma data_version").fetchone()[0])

    def _select(self, where: str, values: Sequence[Any]) -> list[LeaseRecord]:
        if not self.path.exists():
            return []
        with self._connection() as db:
            rows = db.execute(f"select {', '.join(FIELDS)} from leases {where}", values)  # noqa: S608
            return [record for row in rows if (record := from_row(row)) is not None]

    # ---- connections

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._turn, self._connection() as db:
            db.execute("begin immediate")
            try:
                yield db
                db.execute("commit")
            except BaseException:
                if db.in_transaction:
                    db.execute("rollback")
                raise

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        damage: tuple[tuple[int, int], str] | None = None
        try:
            with nullcontext() if self._is_locked else in_use(self.home):
                seen = _identity(self.path)
                try:
                    if self._keeps:
                        yield self._kept_open()
                    else:
                        with closing(self._opened()) as db:
                            yield db
                except sqlite3.OperationalError as error:
                    raise LedgerError(_explained(self.path, str(error))) from None
                except sqlite3.DatabaseError as error:
                    if type(error) is not sqlite3.DatabaseError:  # its subclasses are no damage
                        raise
                    damage = seen, str(error)
                except OSError as error:
                    raise LedgerError(_explained(self.path, str(error.strerror))) from None
        except LedgerError:
            self.let_go()
            raise
        if damage is not None:
            self.let_go()
            self._set_aside(damage[0])
            message = f"the ledger {self.path} was damaged ({damage[1]}) and set aside: try again"
            raise LedgerError(message)

    def _set_aside(self, seen: tuple[int, int]) -> None:
        """Move the damaged file aside, and carry its readable records over into a new one.

        Args:
            seen: which file was damaged; by now another one may be in its place.
        """
        with in_use(self.home, alone=True):
            if _identity(self.path) == seen and is_damaged(self.path):
                Store(self.home, is_locked=True).restore(moved_aside(self.path))

    def let_go(self) -> None:
        """Close the kept connection, if there is one; the next call opens another."""
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    def _kept_open(self) -> sqlite3.Connection:
        if self._kept is not None and _identity(self.path) != self._file:  # it was replaced
            self.let_go()
        if self._kept is None:
            self._kept = self._opened()
            self._openings += 1
            self._file = _identity(self.path)
        return self._kept

    def _opened(self) -> sqlite3.Connection:
        if not self.path.exists():
            os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
        refuse_foreign(self.home)
        refuse_foreign(self.path)
        db = sqlite3.connect(self.path, timeout=BUSY_TIMEOUT, isolation_level=None)
        try:
            version = db.execute("pragma user_version").fetchone()[0]
            if version > VERSION:
                message = (
                    f"the ledger {self.path} was written by a newer resnb (format {version}): "
                    "update this resnb"
                )
                raise LedgerError(message)  # noqa: TRY301 - the connection is closed on the way
            db.execute("pragma synchronous = full")
            db.execute("pragma secure_delete = on")
            if version < VERSION:
                _set_journal(db, self._journal)
                db.execute("begin immediate")
                db.execute(_TABLE)
                for index in _INDICES:
                    db.execute(index)
                db.execute(f"pragma user_version = {VERSION}")
                db.execute("commit")
        except BaseException:
            db.close()
            raise
        return db


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
    if "full" in text or "No space" in text or "quota" in text.lower():
        return f"the disk is full, so the ledger {path} cannot be written"
    if any(one in text.lower() for one in ("readonly", "read-only", "unable to open", "denied")):
        return f"the ledger {path} cannot be written ({text}): make it writable, or set RESNB_HOME"
    return f"the ledger {path} cannot be used: {text}"


def _closing_values(lease: LeaseId, now: float, reason: str) -> tuple[Any, ...]:
    return now, reason, json.dumps(_NO_ENVIRONMENT), lease
