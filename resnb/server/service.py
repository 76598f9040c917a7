"""The ledger, for the server's event loop: each call runs on a thread, with a deadline.

Lists, the wait for changes, commands, and sweeps have separate threads, so that a command that
waits for a locked ledger holds up neither lists nor the server.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from resnb.errors import LedgerError, OptionError
from resnb.ids import LeaseId
from resnb.ledger import states
from resnb.ledger.admin.commands import LedgerCommands
from resnb.ledger.admin.listing import ListedLease, listed, plain
from resnb.ledger.clock import now
from resnb.server import lease_json
from resnb.server.kernels import Known
from resnb.server.requests import LeaseFilter, Refused, quoted
from resnb.server.watch import LedgerWatch

T = TypeVar("T")
DEADLINE = 15.0
"""SQLite waits up to 10 s for another process, so this is more."""


class LedgerService:
    """Answers queries and carries out commands.

    Args:
        home: the ledger's folder.
        sweeper: starts a sweeper for it.
        deadline: for an answer of the ledger, in seconds.
        known: returns what the server knows of kernels and notebooks.
    """

    def __init__(
        self,
        home: Path,
        sweeper: Callable[[Path], None],
        deadline: float = DEADLINE,
        known: Callable[[], Known] = Known,
    ) -> None:
        self._deadline = deadline
        self._known = known
        self._home = home
        self._sweeper = sweeper
        self._listed, self._streamed = LedgerWatch(home, known), LedgerWatch(home, known)
        self._reads = ThreadPoolExecutor(1, "resnb-server-reads")
        self._waits = ThreadPoolExecutor(1, "resnb-server-waits")
        self._commands = ThreadPoolExecutor(2, "resnb-server-commands")
        self._looks = ThreadPoolExecutor(1, "resnb-server-looks")

    # ---- queries

    async def news(self, known: lease_json.Leases | None) -> lease_json.Leases:
        """Wait until the leases that are not closed have changed; one caller at a time.

        Args:
            known: the leases that the caller knows; None for the present ones at once.

        Raises:
            Refused: the ledger cannot be read.
        """
        stop = threading.Event()
        try:
            found = await _answer(
                self._waits, lambda: self._streamed.news(known, stop.wait), deadline=None
            )
        finally:
            stop.set()
        assert found is not None
        return found

    async def find(self, wanted: LeaseFilter) -> str:
        """The list of the leases that the filter lets through.

        Raises:
            Refused: the ledger does not answer.
        """
        return await _answer(
            self._reads,
            lambda: lease_json.message(self._listed.find(wanted), now()),
            self._deadline,
        )

    # ---- commands

    async def change(self, lease: LeaseId, action: str, seconds: float = 0.0) -> str:
        """Ask for a lease's clean-up, or keep or adopt it.

        Args:
            lease: the lease.
            action: ``cleanup``, ``keep`` or ``adopt``.
            seconds: for how long it is kept or adopted.

        Returns:
            The list of the leases that this is about, as far as they are still there.

        Raises:
            Refused: there is no such lease, it cannot be done, or the ledger does not answer.
        """

        def carry_out() -> str:
            commands = LedgerCommands(self._home, self._sweeper)
            known, one = self._known(), _found(commands, lease)
            if action == "cleanup":
                about = commands.clean_up([one], timeout=0)
            else:
                act = commands.keep if action == "keep" else commands.adopt
                about = [act(lease, seconds)]
            listed = [_alive(commands, one.record.id) for one in about]
            left = [lease_json.lease(one, known) for one in listed if one is not None]
            return lease_json.message(lease_json.leases(left), now())

        return await _answer(self._commands, carry_out, self._deadline)

    async def work(self, work: Callable[[], None]) -> None:
        """Do something slow on the commands' threads.

        Raises:
            Refused: it did not end in time.
        """
        await _answer(self._commands, work, self._deadline)

    async def look(self, work: Callable[[], None]) -> None:
        """Do something that may hang with the ledger's folder, where it holds up nothing else.

        Raises:
            Refused: it did not end in time.
        """
        await _answer(self._looks, work, self._deadline)

    async def close(self) -> None:
        """End the threads as soon as they have finished what they are doing."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._reads, self._listed.let_go)
        await loop.run_in_executor(self._waits, self._streamed.let_go)
        for one in (self._reads, self._waits, self._commands, self._looks):
            one.shutdown(wait=False, cancel_futures=True)


def _found(commands: LedgerCommands, lease: LeaseId) -> ListedLease:
    """The lease with exactly this id.

    Raises:
        Refused: there is none.
    """
    one = _alive(commands, lease)
    if one is None:
        raise Refused(404, f"no lease with the id {quoted(lease)} is alive")
    return one


def _alive(commands: LedgerCommands, lease: LeaseId) -> ListedLease | None:
    record = commands.store.get(lease)
    if record is None:
        return next((one for one in commands.damaged() if one.record.id == lease), None)
    if record.state == states.CLOSED:
        return None
    return listed(record, commands.liveness.status_of(record))


async def _answer(executor: Executor, work: Callable[[], T], deadline: float | None) -> T:
    loop = asyncio.get_running_loop()
    try:
        return await asyncio.wait_for(loop.run_in_executor(executor, work), deadline)
    except TimeoutError:
        within = "" if deadline is None else f" within {deadline:g} s"
        message = f"the ledger did not answer{within}: look at it, then try again"
        raise Refused(503, message) from None
    except LedgerError as error:
        raise Refused(503, plain(str(error))) from None
    except OptionError as error:
        raise Refused(409, plain(str(error))) from None
