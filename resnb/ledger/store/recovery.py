"""A damaged store: set it aside, and read what can be read. Nothing is ever deleted.

The caller must have the ledger's file to itself: see `resnb.ledger.store.home.in_use`.
"""

import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from resnb.ledger.record import LeaseRecord
from resnb.ledger.store.columns import FIELDS, from_row


def is_damaged(path: Path) -> bool:
    """Whether `path` is a damaged store, or no store at all."""
    try:
        with closing(sqlite3.connect(path)) as db:
            return bool(db.execute("pragma integrity_check(1)").fetchone()[0] != "ok")
    except sqlite3.OperationalError:
        return False
    except sqlite3.DatabaseError:
        return True


def moved_aside(path: Path) -> list[LeaseRecord]:
    """Move the store at `path` out of the way; gives the records that can be read."""
    number = 1
    while (target := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    for suffix in ("-wal", "-shm", ""):  # they belong to the file, which goes last
        companion = path.with_name(path.name + suffix)
        if companion.exists():
            companion.rename(target.with_name(target.name + suffix))
    return _salvaged(target)


def _salvaged(path: Path) -> list[LeaseRecord]:
    """The records before the damage, read from the front and from the back."""
    found: dict[str, LeaseRecord] = {}
    for order in ("", "desc"):
        query = f"select {', '.join(FIELDS)} from leases not indexed order by rowid {order}"  # noqa: S608
        with suppress(sqlite3.Error), closing(sqlite3.connect(path)) as db:
            for row in db.execute(query):
                record = from_row(row)
                if record is not None:
                    found.setdefault(record.id, record)
    return list(found.values())
