"""At ``%load_ext resnb``: one line that names the leases that nobody looks after.

The ledger is read beside the cell, which waits for that a moment at most; if it takes longer, the
line comes at the end of a later cell. There is no line if nothing is left, or nobody reads it: what
a headless notebook prints does not depend on what others have left.
"""

import sys
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any

from resnb.errors import ResnbError
from resnb.ledger.store.home import ledger_home, may_hold_leases
from resnb.notebook.front_end import is_read
from resnb.notebook.hooks import on, told

WAIT = 0.1
"""Seconds that the cell waits for the ledger."""
_WHAT = "looking for what earlier kernels have left"
_MOST = 5
_SAID = "_resnb_left_behind"


def say_what_is_left(shell: Any) -> Callable[[], None]:
    """Say it once in this shell.

    Returns:
        A function that takes it back, if it was not said yet.
    """
    said = shell.__dict__.setdefault(_SAID, {"line": ""})
    if not is_read(shell) or not may_hold_leases(ledger_home()):
        return lambda: None
    found: SimpleQueue[str] = SimpleQueue()

    def look() -> None:
        line = ""
        with told(_WHAT):
            line = what_is_left()
        found.put(line)

    threading.Thread(target=look, name="resnb-left-behind", daemon=True).start()

    def say(seconds: float = 0.0) -> bool:
        try:
            line = found.get(timeout=seconds) if seconds else found.get_nowait()
        except Empty:
            return False
        if line and line != said["line"]:
            said["line"] = line
            print(line, file=sys.stderr)  # noqa: T201
        return True

    if say(WAIT):
        return lambda: None

    def ended(_: Any) -> None:
        if say():
            forget()

    forget = on(shell, "post_run_cell", _WHAT, ended)
    return forget


def what_is_left() -> str:
    """The line; empty if nothing is left, or if nobody can tell."""
    from resnb.ledger.admin.queries import LedgerQueries

    try:
        queries = LedgerQueries()
        left = [one for one in queries.leases() if one.remedy]
    except (ResnbError, OSError):  # the first lease says what is wrong
        return ""
    left = [one for one in left if not queries.liveness.is_in_doubt(one.record.owner)]
    names = [f"{one.name} ({one.state})" for one in left]
    more = f" and {len(names) - _MOST} more" if len(names) > _MOST else ""
    return (
        f"resnb: nobody looks after {', '.join(names[:_MOST])}{more}: see resnb ls" if names else ""
    )
