"""A server that stops waits for clean-ups, since its container may end with it.

When the first process of a container ends, all others are killed, reapers included. So a server
that is told to stop first asks its kernels to clean up, which gives them more time than the 2 s of
a kernel's own end, and waits until nothing is left, up to a limit. A second request to stop ends
the wait.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from logging import Logger

from resnb.ledger.admin.listing import ListedLease
from resnb.ledger.owner import ALIVE, Owner

LOOK_EVERY = 0.1
"""Seconds between two looks at the ledger."""

Kernels = Callable[[], Mapping[int, str]]
Look = Callable[[], Awaitable[list[ListedLease]]]
"""Gives the leases that are not closed; raises an exception if the ledger cannot be read."""
Ask = Callable[[list[ListedLease]], Awaitable[None]]
"""Asks that some leases be cleaned up; raises an exception if the ledger cannot be written."""


class Pending:
    """The leases that a stopping server has to wait for.

    These are the leases that its kernels hold, and what kernels that ended earlier left, as long as
    a clean-up is due or running. Leases that are to be kept are left out.

    Args:
        kernels: the pids of the server's kernels, which are still alive.
    """

    def __init__(self, kernels: Iterable[int]) -> None:
        self._kernels = frozenset(kernels)
        self._owners: frozenset[Owner] = frozenset()

    def of(self, leases: Iterable[ListedLease]) -> list[ListedLease]:
        """The pending ones among `leases`."""
        found = list(leases)
        owners = {one.record.owner for one in found if one.kernel == ALIVE}
        self._owners |= {owner for owner in owners if _session(owner.pid) in self._kernels}
        return [one for one in found if self._is_pending(one)]

    def _is_pending(self, one: ListedLease) -> bool:
        if (
            one.is_given_up
            or one.is_looking
            or (one.record.keep is not None and not one.record.request)
        ):
            return False
        return one.record.owner in self._owners or (one.is_orphan and not one.is_settled)


def _session(pid: int) -> int:
    """The session of a process, which starts with the kernel even if a program wraps it."""
    try:
        return os.getsid(pid)
    except OSError:
        return 0


class StopWait:
    """Waits for clean-ups when the server stops.

    Args:
        seconds: the limit, counted from the request to stop; 0 to not wait.
        look: gives the leases.
        ask: asks that leases be cleaned up.
        kernels: gives the ids of the server's kernels, by the pids of their processes.
        log: gets a line with what the server waits for, and one with what is left.
    """

    def __init__(self, seconds: float, look: Look, ask: Ask, kernels: Kernels, log: Logger) -> None:
        self._seconds = seconds
        self._look = look
        self._ask = ask
        self._kernels = kernels
        self._log = log
        self._hurry: asyncio.Event | None = None
        self._deadline = 0.0

    async def wait(self) -> None:
        """Wait; a second call ends this one and itself at once."""
        if self._hurry is not None:
            self._hurry.set()
        if self._hurry is not None or self._seconds <= 0:
            return
        self._hurry = asyncio.Event()
        self._deadline = _now() + self._seconds
        pending = Pending(self._kernels())
        left = await self._left(pending, [])
        if not left:
            return
        self._log.info("resnb waits up to %g s for clean-ups: %s", self._seconds, _names(left))
        while left:
            if _now() >= self._deadline or await self._is_hurried():
                self._log.warning(
                    "resnb leaves to whoever comes next (a kernel, a server, resnb sweep): %s",
                    _names(left),
                )
                return
            left = await self._left(pending, left)

    async def _left(self, pending: Pending, known: list[ListedLease]) -> list[ListedLease]:
        """What is pending, after asking for its clean-up; `known` if the ledger does not answer."""
        try:
            async with asyncio.timeout_at(max(self._deadline, _now() + LOOK_EVERY)):
                left = pending.of(await self._look())
                unasked = [one for one in left if one.kernel == ALIVE and not one.record.request]
                if unasked:
                    await self._ask(unasked)
                return left
        except Exception:  # noqa: BLE001 - the server has to stop, whatever goes wrong
            self._log.warning("resnb looks at the ledger", exc_info=True)
            return known

    async def _is_hurried(self) -> bool:
        assert self._hurry is not None
        with suppress(TimeoutError):
            await asyncio.wait_for(self._hurry.wait(), LOOK_EVERY)
        return self._hurry.is_set()


def _now() -> float:
    return asyncio.get_running_loop().time()


def _names(leases: Iterable[ListedLease]) -> str:
    return ", ".join(sorted({one.name for one in leases}))
