"""The sweeper: a detached process that ends what dead kernels have left. Started by file path.

It is a reaper without a kernel of its own. First it cleans up what is due. If something has to
be ended later (what is kept, what failed and is tried again), it stays for that, unless another
one does already. Standard library only.
"""

import fcntl
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.append(str(Path(__file__).parents[3]))  # last: nothing there may shadow the library

from resnb.ledger import states
from resnb.ledger.owner import DEAD, Owner, status, this_process
from resnb.ledger.reaper.decisions import decide
from resnb.ledger.reaper.reaper import Reaper
from resnb.ledger.record import Record
from resnb.ledger.store.store import Store


class Orphans(Store):
    """The part of the ledger that dead kernels have left.

    Args:
        home: the ledger's folder.
        due_only: leave out what is to be ended later.
    """

    def __init__(self, home: Path, *, due_only: bool) -> None:
        super().__init__(home, kept=True)
        self._due_only = due_only
        self._me = this_process()

    def alive(self, owner: Owner | None = None) -> list[Record]:
        """The leases of dead kernels that are not closed, oldest first."""
        now = time.time()
        return [
            record
            for record in super().alive(owner)
            if status(record.owner, self._me) == DEAD
            and not (self._due_only and _is_for_later(record, now))
        ]

    def wait_for_something(self) -> bool:
        """Whether something is to be done, now or later."""
        records = self.alive()
        return not decide(records, liveness=self._status, now=time.time()).idle

    def _status(self, owner: Owner) -> str:
        return status(owner, self._me)


def _is_for_later(record: Record, now: float) -> bool:
    if record.state == states.KEPT and not record.request:
        return (record.keep_until or 0.0) > now
    return record.state == states.FAILED and record.next_try > now


def sweep(home: Path) -> None:
    """Clean up what is due, and stay for the rest unless another process does."""
    Reaper(Orphans(home, due_only=True), None, None, None).run()
    orphans = Orphans(home, due_only=False)
    while orphans.wait_for_something():  # asked again without the lock: no work falls in between
        with _lock(home) as held:
            if not held:
                return
            Reaper(orphans, None, None, None).run()


@contextmanager
def _lock(home: Path) -> Iterator[bool]:
    """Be the one sweeper that stays, if there is none; it ends with the process at the latest."""
    descriptor = os.open(home / "sweeper.lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        yield False
    else:
        yield True
    finally:
        os.close(descriptor)


def main(arguments: list[str]) -> None:
    """Detach, and sweep the ledger in the folder that the one argument names."""
    if os.fork():
        os._exit(0)  # whoever started us waits for this, and has no child to look after
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        # not SIG_IGN, which the processes that we start would inherit
        signal.signal(getattr(signal, name), lambda _number, _frame: None)
    os.chdir(arguments[0])
    os.umask(0o077)
    sweep(Path(arguments[0]))


if __name__ == "__main__":
    main(sys.argv[1:])
