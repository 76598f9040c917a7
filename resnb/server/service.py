"""The ledger as the server's event loop asks it: on threads of its own, with a deadline.

Lists, the waiting for changes and commands have threads of their own, so that a ledger that
somebody has locked holds up no list, and none of them the server.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from resnb.errors import LedgerError, OptionError
from resnb.ids import LeaseId
from resnb.ledger import states
from resnb.ledger.admin.commands import LedgerCommands
from resnb.ledger.admin.listing import ListedLease, listed, plain
from resnb.ledger.owner import this_process
from resnb.server import lease_json
from resnb.server.kernels import Kernels
from resnb.server.requests import Refused, Wanted, brief
from resnb.server.watch import Watch

T = TypeVar("T")
DEADLINE = 15.0
"""SQLite waits up to 10 s for another process, so this is more."""


class Desk:
    """Answers questions and carries out commands.

    Args:
        home: the ledger's folder.
        sweeper: starts a sweeper for it.
        deadline: for an answer of the ledger, in seconds.
        kernels: gives the ids of the server's kernels, by the pids of their processes.
    """

    def __init__(
        self,
        home: Path,
        sweeper: Callable[[Path], None],
        deadline: float = DEADLINE,
        kernels: Kernels = dict,
    ) -> None:
        self._deadline = deadline
        self._kernels = kernels
        self._home = home
        self._sweeper = sweeper
        self._listed, self._streamed = Watch(home, kernels), Watch(home, kernels)
        self._reads = ThreadPoolExecutor(1, "resnb-server-reads")
        self._waits = ThreadPoolExecutor(1, "resnb-server-waits")
        self._commands = ThreadPoolExecutor(2, "resnb-server-commands")

    # ---- questions

    async def news(self, known: lease_json.Leases | None) -> lease_json.Leases:
        """Wait until what is not closed has changed; one caller at a time.

        Args:
            known: what the caller knows; None to be told at once.

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

    async def find(self, wanted: Wanted) -> str:
        """The list of what is wanted.

        Raises:
            Refused: the ledger does not answer.
        """
        return await _answer(
            self._reads,
            lambda: lease_json.message(self._listed.find(wanted), time.time()),
            self._deadline,
        )

    # ---- commands

    async def clean_up(self, lease: LeaseId) -> str:
        """Ask that a lease be cleaned up; gives the list of those that are still there.

        Raises:
            Refused: there is none, that cannot be done, or the ledger does not answer.
        """

        def ask(commands: LedgerCommands, one: ListedLease) -> list[ListedLease]:
            return commands.clean_up([one], timeout=0)

        return await self._command(lease, ask)

    async def keep(self, lease: LeaseId, seconds: float) -> str:
        """Let a lease survive its kernel; gives the list of it.

        Raises:
            Refused: there is none, that cannot be done, or the ledger does not answer.
        """
        return await self._command(lease, lambda commands, _: [commands.keep(lease, seconds)])

    async def adopt(self, lease: LeaseId, seconds: float) -> str:
        """Take a lease over; gives the list of it.

        Raises:
            Refused: there is none, that cannot be done, or the ledger does not answer.
        """
        return await self._command(lease, lambda commands, _: [commands.adopt(lease, seconds)])

    async def work(self, work: Callable[[], None]) -> None:
        """Do something that takes a while on the commands' threads.

        Raises:
            Refused: it did not end in time.
        """
        await _answer(self._commands, work, self._deadline)

    async def close(self) -> None:
        """End the threads as soon as they have done what they are at."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._reads, self._listed.let_go)
        await loop.run_in_executor(self._waits, self._streamed.let_go)
        for one in (self._reads, self._waits, self._commands):
            one.shutdown(wait=False, cancel_futures=True)

    async def _command(
        self, lease: LeaseId, act: Callable[[LedgerCommands, ListedLease], Iterable[ListedLease]]
    ) -> str:
        def carry_out() -> str:
            commands = LedgerCommands(self._home, self._sweeper)
            kernels = self._kernels()
            asked_for = act(commands, _found(commands, lease))
            now = [_alive(commands, one.record.id) for one in asked_for]
            left = [lease_json.lease(one, kernels) for one in now if one is not None]
            return lease_json.message(lease_json.leases(left), time.time())

        return await _answer(self._commands, carry_out, self._deadline)


def _found(commands: LedgerCommands, lease: LeaseId) -> ListedLease:
    """The lease that has this very id.

    Raises:
        Refused: there is none.
    """
    one = _alive(commands, lease)
    if one is None:
        raise Refused(404, f"no lease with the id {brief(lease)} is alive")
    return one


def _alive(commands: LedgerCommands, lease: LeaseId) -> ListedLease | None:
    record = commands.store.get(lease)
    if record is None or record.state == states.CLOSED:
        return None
    return listed(record, this_process())


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


__all__ = ["DEADLINE", "Desk"]
