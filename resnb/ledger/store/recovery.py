"""A store that is damaged: what can be read of it. Nothing is ever deleted.

For who has the ledger's file to themselves: see `resnb.ledger.store.home.in_use`.
"""

import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from resnb.ledger.record import Record
from resnb.ledger.store.columns import FIELDS, readable


def is_damaged(path: Path) -> bool:
    """Whether `path` is a damaged store, or none at all."""
    try:
        with closing(sqlite3.connect(path)) as db:
            return bool(db.execute("pragma integrity_check(1)").fetchone()[0] != "ok")
    except sqlite3.OperationalError:
        return False
    except sqlite3.DatabaseError:
        return True


def moved_aside(path: Path) -> list[Record]:
    """Move the store at `path` out of the way; gives what can be read of it."""
    number = 1
    while (target := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    for suffix in ("-wal", "-shm", ""):  # they belong to the file, which goes last
        companion = path.with_name(path.name + suffix)
        if companion.exists():
            companion.rename(target.with_name(target.name + suffix))
    return _salvaged(target)


def _salvaged(path: Path) -> list[Record]:
    """What can be read up to the damage, from the front and from the back."""
    found: dict[str, Record] = {}
    for order in ("", "desc"):
        query = f"select {', '.join(FIELDS)} from leases not indexed order by rowid {order}"  # noqa: S608
        with suppress(sqlite3.Error), closing(sqlite3.connect(path)) as db:
            for row in db.execute(query):
                record = readable(row)
                if record is not None:
                    found.setdefault(record.id, record)
    return list(found.values())


__all__ = ["is_damaged", "moved_aside"]
