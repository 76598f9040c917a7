"""The clean-ups that a reaper has begun: their processes, their orders, their results."""

import selectors
import subprocess

from resnb.errors import LedgerError
from resnb.ids import LeaseId
from resnb.ledger.owner import Owner
from resnb.ledger.reaper.cleanup_process import CleanupProcess
from resnb.ledger.reaper.decisions import end_reason
from resnb.ledger.reaper.lease_logs import LeaseLogs
from resnb.ledger.record import LeaseRecord
from resnb.ledger.store.store import Store


class Cleanups:
    """Begins clean-ups and collects their results.

    Args:
        store: the ledger.
        me: the reaper, who has the claims.
        selector: wakes the reaper.
        logs: the logs of leases.

    Attributes:
        running: the processes, by the id of their lease.
        results: what ended how, in this order: record, result and reason.
    """

    def __init__(
        self, store: Store, me: Owner, selector: selectors.BaseSelector, logs: LeaseLogs
    ) -> None:
        self.running: dict[str, CleanupProcess] = {}
        self.results: list[tuple[LeaseRecord, str, str]] = []
        self._store = store
        self._me = me
        self._selector = selector
        self._logs = logs

    def begin(self, record: LeaseRecord) -> None:
        """Start the process that cleans a lease up; it waits for its order."""
        log = self._logs.opened(record.id)
        try:
            process = CleanupProcess(
                self._store.home, record, log or subprocess.DEVNULL, self._selector
            )
        except (OSError, ValueError) as error:  # the latter of variables that no process can have
            why = getattr(error, "strerror", None) or error
            reason = f"its interpreter {record.environment.python} cannot be started ({why})"
            self.results.append((record, "wrong environment", reason))
            return
        finally:
            if log is not None:
                log.close()
        self.running[record.id] = process

    def give_orders(self) -> None:
        """Let those begin that are ready.

        From then on the claim holds as long as the clean-up's process lives, even without this one.

        Raises:
            LedgerError: that cannot be written; the clean-up does not begin.
        """
        for lease, process in list(self.running.items()):
            if not process.awaits_order:
                continue
            try:
                cleaner = process.process_of(self._me)
                has_claim = self._store.change(LeaseId(lease), self._me, cleaner=cleaner)
            except LedgerError:
                del self.running[lease]
                process.end()
                raise
            if not has_claim:
                del self.running[lease]
                process.end()
                continue
            process.give_order(self._store.end_of(LeaseId(lease), end_reason(process.record)))

    def collect(self) -> None:
        """Collect the results of those that have ended."""
        for lease, process in list(self.running.items()):
            result = process.result()
            if result is not None:
                del self.running[lease]
                self.results.append((process.record, *result))

    def ask_within(self) -> list[float]:
        """In how many seconds at the latest each of them has to be looked at again."""
        return [one.ask_within() for one in self.running.values()]
