"""The clean-ups that a reaper has begun: their processes, their orders, their results."""

import errno
import selectors
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from resnb.errors import LedgerError
from resnb.ids import LeaseId
from resnb.ledger.owner import Lock, Owner
from resnb.ledger.reaper.cleanup_process import CleanupProcess
from resnb.ledger.reaper.decisions import AT_ONCE, end_reason
from resnb.ledger.reaper.lease_logs import LeaseLogs
from resnb.ledger.reaper.ledger_memory import LedgerMemory
from resnb.ledger.record import LeaseRecord
from resnb.ledger.store.store import Store

ROOM = 100 << 20
"""How much free memory one more clean-up takes to begin, in bytes."""
_PASSING = (errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE)
"""Why no process at all can be started for a while."""


def at_once(meminfo: str | None = None) -> int:
    """How many clean-ups may run side by side, by the memory that is free; at least one.

    Args:
        meminfo: the text of ``/proc/meminfo``; read from that file if None.
    """
    if meminfo is None:
        try:
            meminfo = Path("/proc/meminfo").read_text(encoding="ascii")
        except OSError:
            return AT_ONCE
    _, found, rest = meminfo.partition("MemAvailable:")
    return max(1, min(AT_ONCE, int(rest.split()[0]) * 1024 // ROOM)) if found else AT_ONCE


def with_an_interpreter(record: LeaseRecord) -> LeaseRecord:
    """`record` with this process's interpreter, if its own is gone and plain data needs no other.

    Such as after the environment of a container was built anew, or moved.
    """
    if not record.kind or Path(record.environment.python).exists():
        return record
    here = record.environment._replace(python=sys.executable, prefix=sys.prefix, path=())
    return record._replace(environment=here)


class Cleanups:
    """Begins clean-ups and collects their results.

    Args:
        store: the ledger.
        memory: the same, as the reaper uses it.
        me: the reaper, who has the claims.
        selector: wakes the reaper.
        logs: the logs of leases.

    Attributes:
        running: the processes, by the id of their lease.
        results: what ended how, in this order: record, result and reason.
        locks: those of all processes that were begun.
    """

    def __init__(
        self,
        store: Store,
        memory: LedgerMemory,
        me: Owner,
        selector: selectors.BaseSelector,
        logs: LeaseLogs,
    ) -> None:
        self.running: dict[str, CleanupProcess] = {}
        self.results: list[tuple[LeaseRecord, str, str]] = []
        self.locks: set[Lock] = set()
        self._store = store
        self._memory = memory
        self._me = me
        self._selector = selector
        self._logs = logs

    def begin(self, record: LeaseRecord) -> None:
        """Start the process that cleans a lease up; it waits for its order."""
        record = with_an_interpreter(record)
        log = self._logs.opened(record.id)
        try:
            process = CleanupProcess(
                self._store.home, record, log or subprocess.DEVNULL, self._selector
            )
        except (OSError, ValueError) as error:  # the latter of variables that no process can have
            why = getattr(error, "strerror", None) or error
            reason = f"its interpreter {record.environment.python} cannot be started ({why})"
            is_passing = getattr(error, "errno", None) in _PASSING
            self.results.append((record, "failed" if is_passing else "wrong environment", reason))
            return
        finally:
            if log is not None:
                log.close()
        self.running[record.id] = process
        if process.lock is not None:
            self.locks.add(process.lock)

    def give_orders(self) -> None:
        """Let those begin that are ready, unless somebody else has got the lease meanwhile.

        From then on the claim holds as long as the clean-up's process lives, even without this one.

        Raises:
            LedgerError: that cannot be written; the clean-up does not begin.
        """
        for lease, process in list(self.running.items()):
            if not process.awaits_order:
                continue
            is_mine = False
            try:
                cleaner = process.process_of(self._me)
                is_mine = self._memory.change(LeaseId(lease), cleaner=cleaner)
            finally:
                if not is_mine:
                    del self.running[lease]
                    process.end()
            if is_mine:
                process.give_order(self._end_of(process.record))

    def collect(self) -> None:
        """Collect the results of those that have ended, and bound what they all write."""
        for lease, process in list(self.running.items()):
            result = process.result()
            self._logs.bound(lease)
            if result is not None:
                del self.running[lease]
                self.results.append((process.record, *result))

    def _end_of(self, record: LeaseRecord) -> dict[str, Any] | None:
        """How its process writes that it has cleaned up; not where it has to be looked again."""
        if record.handle is None:
            return None
        with suppress(LedgerError):
            return self._store.end_of(LeaseId(record.id), end_reason(record))
        return None

    def ask_within(self) -> list[float]:
        """In how many seconds at the latest each of them has to be looked at again."""
        return [one.ask_within() for one in self.running.values()]
