"""At a kernel's start: clean up what a reboot, or the end of a whole container, has left.

This happens a moment later, in a process of its own, so that nothing waits for it.
"""

import threading
from contextlib import suppress

from resnb.errors import ResnbError
from resnb.ledger.store.home import ledger_home

SOON = 1.0
"""How long the kernel has for its first cells before that, in seconds."""


def sweep_soon() -> None:
    """Start a sweeper in a moment, if dead kernels have left something."""
    if not (ledger_home() / "leases.db").exists():
        return
    timer = threading.Timer(SOON, sweep)
    timer.name, timer.daemon = "resnb-sweep", True
    timer.start()


def sweep() -> None:
    """Start a sweeper now, if there is something for it to do."""
    from resnb.ledger.admin.commands import LedgerCommands, start_sweeper

    with suppress(ResnbError, OSError):  # the first lease says what is wrong with the ledger
        commands = LedgerCommands()
        if any(one.is_orphan and not one.is_given_up for one in commands.leases()):
            start_sweeper(commands.home)
