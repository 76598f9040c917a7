"""What goes wrong with the shared ledger, each as one line that says what to do."""

from typing import Any

from resnb.errors import LedgerError, LedgerUnreachable

_INSTALL = "the shared ledger takes psycopg: pip install 'resnb[fleet]'"
_REFUSALS = (
    ("password", "check user and password (PGPASSWORD, or ~/.pgpass)"),
    ("FATAL: role", "check the user's name"),
    ("FATAL: database", "check the database's name"),
    ("pg_hba", "ask its administrator to let this host in"),
    ("permission denied", "ask its administrator for the right to connect"),
)
_UNDEFINED = frozenset({"42P01", "3F000"})
_AWAY = frozenset({"57P01", "57P02", "57P03", "53300", "53400", "58000", "58030"})
"""Shut down, crashed, not ready yet, too many connections or files, its system fails."""


def no_driver() -> LedgerError:
    """Psycopg is missing."""
    return LedgerError(_INSTALL)


def no_url() -> LedgerError:
    """The URL of the server is none; it is not shown, for it may hold a password."""
    return LedgerError(
        "RESNB_LEDGER is no URL of a database: give postgresql://user@host/database, with %40 for "
        "@ and %2F for / in a password"
    )


def refused(place: str, error: Exception) -> LedgerError:
    """A connection could not be made.

    Args:
        place: the server and its database, without the password.
        error: why.
    """
    text = _line(error)
    advice = [what for sign, what in _REFUSALS if sign in text]
    if advice and not _is_away(text):
        return LedgerError(f"the shared ledger at {place} refused ({text}): {advice[0]}")
    return _unreachable(place, text)


def explained(place: str, error: Any, *, is_lost: bool) -> LedgerError:
    """A step failed.

    Args:
        place: as above.
        error: what the driver raised.
        is_lost: whether it says that the connection was lost, unless it has a state that says more.
    """
    state, text = error.sqlstate or "", _line(error)
    if state.startswith("08") or state in _AWAY or (is_lost and not state):
        return _unreachable(place, text)
    if state == "42501":
        return LedgerError(
            f"the shared ledger at {place} refused ({text}): let its administrator run "
            "`resnb warden --once` once, which makes the tables, and look after your rights"
        )
    if state == "25006":
        return LedgerError(f"the shared ledger at {place} is a copy that cannot be written")
    if state == "42703":
        return LedgerError(
            f"the shared ledger at {place} has the columns of another version of resnb ({text})"
        )
    if state == "53100":
        return LedgerError(f"the disk of the shared ledger at {place} is full")
    return LedgerError(f"the shared ledger at {place} cannot be used: {text}")


def newer(place: str, version: int) -> LedgerError:
    """The tables are of a later resnb."""
    return LedgerError(
        f"the shared ledger at {place} was made by a newer resnb (format {version}): "
        "update this resnb"
    )


def is_missing(error: Any) -> bool:
    """Whether the tables are not there."""
    return error.sqlstate in _UNDEFINED


def _unreachable(place: str, text: str) -> LedgerUnreachable:
    return LedgerUnreachable(
        f"the shared ledger at {place} cannot be reached ({text}): start it, or set "
        "RESNB_LEDGER_FALLBACK=local"
    )


def _is_away(text: str) -> bool:
    return any(one in text for one in ("starting up", "shutting down", "too many", "recovery"))


def _line(error: Exception) -> str:
    """The first line of an error that says what is wrong."""
    line = " ".join((str(error).strip() or type(error).__name__).splitlines()[0].split())
    for noise in ("connection failed: ", "connection to server "):
        line = line.removeprefix(noise)
    return line.rpartition(" failed: ")[2] if line.startswith(("at ", "on socket")) else line
