"""The sweeper: a detached process that cleans up what dead kernels have left. Started by file path.

It is a reaper without a kernel of its own. First it cleans up what is due. If something has to
be ended later (what is kept, what failed and is tried again), it stays for that, unless another
one does already. Standard library only.
"""

import fcntl
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

sys.path.append(str(Path(__file__).parents[3]))  # last: nothing there may shadow the library

from resnb.errors import LedgerError
from resnb.ledger import states
from resnb.ledger.clock import now
from resnb.ledger.liveness import remove_unused
from resnb.ledger.owner import DEAD
from resnb.ledger.reaper.decisions import decide
from resnb.ledger.reaper.detached import detach
from resnb.ledger.reaper.reaper import Reaper
from resnb.ledger.record import LeaseRecord
from resnb.ledger.store.choice import liveness_of, open_store

LOOK_AGAIN = 10.0
"""Seconds between two looks at a lock of another machine."""
_PATIENCE = 1000
"""How often in turn to look at a ledger that cannot be read, each time for half a minute."""


def sweep(home: Path) -> None:
    """Clean up what is due, and stay for the rest unless another process does."""
    store = open_store(home, kept=True)
    liveness = liveness_of(store)

    def orphans(records: list[LeaseRecord]) -> list[LeaseRecord]:
        statuses = liveness.statuses_of(records)
        return [one for one, status in zip(records, statuses, strict=True) if status == DEAD]

    def due(records: list[LeaseRecord]) -> list[LeaseRecord]:
        return [record for record in orphans(records) if not _is_for_later(record, now())]

    def is_idle() -> bool:
        records = orphans(store.alive())
        idle = decide(records, liveness=liveness.status, now=now()).idle
        return idle and not liveness.has_doubts

    Reaper(store, chosen=due).run()
    patience = _PATIENCE
    while patience:
        try:  # asked again without the lock, so that no work falls in between
            if is_idle():
                break
            patience = _PATIENCE
        except LedgerError:  # the reaper below looks again for a while
            patience -= 1
        with _lock(home) as is_mine:
            if not is_mine:
                return
            Reaper(store, chosen=orphans).run()
            if liveness.has_doubts:
                threading.Event().wait(LOOK_AGAIN)
    with suppress(LedgerError):
        remove_unused(home, store.alive(), time.time())


def _is_for_later(record: LeaseRecord, at: float) -> bool:
    if record.state == states.KEPT and not record.request:
        return (record.keep_until or 0.0) > at
    return record.next_try > at


@contextmanager
def _lock(home: Path) -> Iterator[bool]:
    """Be the one sweeper that stays, if there is none; at the latest its end releases the lock."""
    descriptor = os.open(home / "sweeper.lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        yield False
    else:
        yield True
    finally:
        os.close(descriptor)


def main(home: str) -> None:
    """Detach, and sweep the ledger in the folder `home`."""
    detach(home)
    sweep(Path(home))


if __name__ == "__main__":
    main(sys.argv[1])
