"""A damaged store: set it aside, and read what can be read. Nothing is ever deleted.

The caller must have the ledger's file to itself: see `resnb.ledger.store.home.in_use`.
"""

import sqlite3
from contextlib import closing, suppress
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

from resnb.ledger.record import LeaseRecord
from resnb.ledger.store.columns import FIELDS, from_row

if TYPE_CHECKING:
    from collections.abc import Callable

_HEADER = 100
"""How many bytes the header of a store has."""
_PLAUSIBLE = 1000
"""The number of a format is smaller, whichever resnb has written it."""


def is_damaged(path: Path) -> bool:
    """Whether `path` is a damaged store, or no store at all."""
    try:
        with closing(sqlite3.connect(path)) as db:
            if not 0 <= db.execute("pragma user_version").fetchone()[0] < _PLAUSIBLE:
                return True
            return bool(db.execute("pragma integrity_check(1)").fetchone()[0] != "ok")
    except sqlite3.OperationalError as error:
        return "unsupported" in str(error)  # its header names a format or encoding of no SQLite
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


def set_aside(home: Path) -> list[str]:
    """The names of the stores in `home` that were damaged, and moved out of the way."""
    found = (one.name for one in home.glob("*.damaged-*") if one.suffix[-1].isdigit())
    return sorted(found)


def _salvaged(path: Path) -> list[LeaseRecord]:
    """The records before the damage, read from the front and from the back."""
    found: dict[str, LeaseRecord] = {}
    ways: tuple[Callable[[Path], sqlite3.Connection], ...] = (sqlite3.connect, _with_a_sound_header)
    for opened, order in product(ways, ("", "desc")):
        query = f"select {', '.join(FIELDS)} from leases not indexed order by rowid {order}"  # noqa: S608
        with suppress(sqlite3.Error, OSError), closing(opened(path)) as db:
            for row in db.execute(query):
                record = from_row(row)
                if record is not None:
                    found.setdefault(record.id, record)
    return list(found.values())


def _with_a_sound_header(path: Path) -> sqlite3.Connection:
    """A copy in memory, with other first bytes: without those, nothing can be read."""
    db = sqlite3.connect(":memory:")
    db.execute("create table one (of_any)")
    header = bytearray(db.serialize()[:_HEADER])
    data = path.read_bytes()
    size = int.from_bytes(header[16:18], "big")
    header[28:32] = (len(data) // size).to_bytes(4, "big")
    header[92:96] = header[24:28]  # so that the number of pages counts
    db.deserialize(bytes(header) + data[_HEADER:])
    return db
