"""At a kernel's start: clean up what a reboot, or the end of a whole container, has left.

This happens a moment later, in a process of its own, so that nothing waits for it.
"""

import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from resnb.errors import ResnbError
from resnb.ledger.owner import UNKNOWN
from resnb.ledger.states import FAILED
from resnb.ledger.store.home import ledger_home, may_hold_leases

if TYPE_CHECKING:
    from resnb.ledger.admin.listing import ListedLease

SOON = 1.0
"""How long the kernel has for its first cells before that, in seconds."""


def sweep_soon() -> None:
    """Start a sweeper in a moment, if dead kernels have left something."""
    if not may_hold_leases(ledger_home()):
        return
    timer = threading.Timer(SOON, sweep)
    timer.name, timer.daemon = "resnb-sweep", True
    timer.start()


def sweep() -> bool:
    """Start a sweeper now, if there is something for it to do; false if nobody could tell."""
    from resnb.ledger.admin.commands import LedgerCommands, start_sweeper

    with suppress(ResnbError, OSError):  # the first lease says what is wrong with the ledger
        commands = LedgerCommands()
        left = [one for one in commands.leases() if _is_for_a_sweeper(one)]
        for one in left:
            if one.record.state == FAILED:  # whoever comes next tries at once
                commands.store.change(one.record.id, next_try=0.0)
        if left:
            start_sweeper(commands.home)
        return True
    return False


def _is_for_a_sweeper(one: "ListedLease") -> bool:
    """Whether it was left behind, or may turn out to be at a second look at its owner's lock."""
    is_in_doubt = one.kernel == UNKNOWN and one.record.owner.lock is not None
    return is_in_doubt or (one.is_orphan and not one.is_given_up)
