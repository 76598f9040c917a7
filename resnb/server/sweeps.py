"""Sweeps: when the server starts, when a kernel or reaper has ended, and when a command needs one.

A sweep is a separate process that outlives the server. However many commands ask for one, at most
one a second is started: it sees what all of them have asked for.
"""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from logging import getLogger
from pathlib import Path

from resnb.errors import ResnbError
from resnb.ledger.admin.commands import start_sweeper
from resnb.ledger.admin.startup_sweep import sweep
from resnb.server.lock_watch import LockWatch
from resnb.server.requests import Refused

LOOK_EVERY = 2.0
"""Seconds between two looks at what has ended."""
LEAST_PAUSE = 1.0
"""The least time between two sweepers that commands ask for, in seconds."""

_LOG = getLogger("resnb")
Work = Callable[[], None]
Do = Callable[[Work], Awaitable[None]]


class Sweeper:
    """Starts sweepers for commands.

    Args:
        later: does something after so many seconds; may be called from any thread.
        start: starts one for a ledger's folder.
        clock: seconds.
    """

    def __init__(
        self,
        later: Callable[[float, Work], object],
        start: Callable[[Path], None] = start_sweeper,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._later = later
        self._start = start
        self._clock = clock
        self._lock = threading.Lock()
        self._last = float("-inf")
        self._is_owed = False

    def __call__(self, home: Path) -> None:
        """Start one now, or as soon as one may be started.

        Raises:
            LedgerError: it cannot be started.
        """
        with self._lock:
            if self._is_owed:
                return
            now = self._clock()
            pause = self._last + LEAST_PAUSE - now
            if pause > 0:
                self._is_owed = True
                self._later(pause, lambda: self._start_late(home))
                return
            self._last = now
        self._start(home)

    def _start_late(self, home: Path) -> None:
        with self._lock:
            self._is_owed = False
            self._last = self._clock()
        with suppress(ResnbError):  # nobody waits for it any more; a later sweep will do
            self._start(home)


class Sweeps:
    """Sweeps when something has ended, and at intervals, until it is stopped.

    Args:
        do: does something slow off the event loop.
        watch: knows what has ended.
        every: seconds between two sweeps at most.
        look_every: seconds between two looks at what has ended.
        sweep: starts a sweeper if there is something to clean up; false if nobody could tell.
    """

    def __init__(
        self,
        do: Do,
        watch: LockWatch,
        every: float,
        *,
        look_every: float = LOOK_EVERY,
        sweep: Callable[[], bool] = sweep,
    ) -> None:
        self._do = do
        self._watch = watch
        self._every = every
        self._look_every = look_every
        self._sweep = sweep
        self._last = float("-inf")
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin; on the event loop."""
        self._task = asyncio.ensure_future(self._run())

    async def stop(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        said = ""
        while True:
            try:
                await self._do(self._look)
            except Refused:
                pass
            except Exception as error:  # noqa: BLE001 - whatever goes wrong, the next look is due
                if said != repr(error):
                    said = repr(error)
                    _LOG.warning("resnb looks for what kernels have left", exc_info=True)
            await asyncio.sleep(self._look_every)

    def _look(self) -> None:
        """Sweep if that is due. If nobody could tell what there is, the next look tries again."""
        now = time.monotonic()
        is_due = self._watch.is_due()
        if (is_due or now - self._last >= self._every) and self._sweep():
            self._last = now
            self._watch.swept()
