"""Which ledger is used: the one place that chooses.

``RESNB_LEDGER=postgresql://...`` names a shared one; ``RESNB_LEDGER_FALLBACK=local`` lets leases
be kept in the folder while it cannot be reached.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path

from resnb.errors import LedgerError
from resnb.ledger.liveness import Liveness
from resnb.ledger.store.database import Database
from resnb.ledger.store.home import LEDGER_VARIABLE
from resnb.ledger.store.store import LOST_AFTER, Store

FALLBACK_VARIABLE = "RESNB_LEDGER_FALLBACK"
_SCHEMES = ("postgresql://", "postgres://")


def chosen() -> dict[str, str]:
    """The variables that name this process's ledger, with their values."""
    return {name: os.environ.get(name, "") for name in (LEDGER_VARIABLE, FALLBACK_VARIABLE)}


def open_store(
    home: Path, *, kept: bool = False, say: Callable[[str], object] | None = None
) -> Store:
    """The ledger that the environment names; nothing is connected yet.

    Args:
        home: the ledger's folder, in which logs and locks are in any case.
        kept: hold a connection to the folder's file open between calls, which must all come from
            one thread; one to a server is kept in any case, until it is idle for a while.
        say: called with one line when a shared ledger is away and the folder is used in its place;
            it is written to standard error by default.

    Raises:
        LedgerError: a variable has a value that means nothing.
    """
    fallback = os.environ.get(FALLBACK_VARIABLE, "")
    if fallback not in ("", "local"):
        message = f"{FALLBACK_VARIABLE}={fallback!r} means nothing: set it to local, or not at all"
        raise LedgerError(message)
    shared = shared_database()
    if shared is None:
        return Store(home, kept=kept)
    if not fallback:
        return Store(home, shared)
    from resnb.ledger.store.fallback import FallbackStore

    return FallbackStore(home, shared, say or _to_standard_error, kept=kept)


def shared_database() -> Database | None:
    """The database of the shared ledger, which is not connected yet; None if there is none.

    Raises:
        LedgerError: the variable has a value that means nothing.
    """
    url = os.environ.get(LEDGER_VARIABLE, "")
    if not url:
        return None
    if not url.startswith(_SCHEMES):
        message = f"{LEDGER_VARIABLE} names no such server: give postgresql://user@host/database"
        raise LedgerError(message)  # without the value, which may hold a password
    from resnb.ledger.store.postgresql import PostgresServer

    return PostgresServer(url, kept=True, lost_after=LOST_AFTER)


def liveness_of(store: Store) -> Liveness:
    """Tells which owners of a ledger's leases are alive."""
    return Liveness(store.home, renewing=store.renewing if store.is_renewed else None)


def _to_standard_error(line: str) -> None:
    sys.stderr.write(f"{line}\n")
