"""``resnb run -- COMMAND``: an entry point that ends after the clean-ups, not before them.

A container is killed with its first process, and the reapers of its kernels with it. As that first
process (or above the command, on a machine that has another one) this runs the command as its
child, passes signals on, reaps what is orphaned, and then waits until nothing is left of what the
command's kernels opened, or its time is up. It does all of that on one thread, which blocks the
signals and takes them one by one.
"""

import ctypes
import os
import signal
import sys
import time
import uuid
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, NamedTuple

from resnb.errors import LedgerError, LedgerUnreachable
from resnb.ledger.admin.commands import HEAD_START, SWEEP_AGAIN, LedgerCommands, start_sweeper
from resnb.ledger.admin.listing import ListedLease
from resnb.ledger.kernel.environment import SESSION_VARIABLE
from resnb.ledger.owner import ALIVE, DEAD

LOOK_EVERY: Final = 0.1
"""Seconds between two looks at the ledger, once the command has ended."""
_PASSED_ON = frozenset(
    {
        signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT,
        signal.SIGUSR1, signal.SIGUSR2, signal.SIGWINCH,
    }
)  # fmt: skip
_IMPATIENT = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT})
_BLOCKED = _PASSED_ON | {signal.SIGCHLD}
_FROM_TERMINAL: Final = 0x80
"""``SI_KERNEL``: a terminal sends its signals to the whole group, the command included."""
_PR_SET_CHILD_SUBREAPER: Final = 36


class CommandEnd(NamedTuple):
    """How a command and its clean-ups ended.

    Attributes:
        code: the command's exit code; 128 and the signal's number where a signal ended it.
        left: what is left of what its kernels opened.
        error: why nobody could tell what is left; empty if it could be told.
    """

    code: int
    left: list[ListedLease]
    error: str = ""


class EntryPoint:
    """Runs one command, and what is to be cleaned up after it.

    Args:
        timeout: seconds for the clean-ups once the command has ended; None for no limit.
        commands: the ledger's commands.
    """

    def __init__(self, timeout: float | None, commands: LedgerCommands) -> None:
        self._timeout = timeout
        self._commands = commands
        self._session = os.environ.get(SESSION_VARIABLE) or uuid.uuid4().hex
        self._was_told = False

    def run(self, command: Sequence[str]) -> CommandEnd:
        """Run `command` to its end, and wait.

        Raises:
            OSError: it cannot be started.
        """
        adopt_orphans()
        signal.pthread_sigmask(signal.SIG_BLOCK, _BLOCKED)
        try:
            child = os.posix_spawnp(
                command[0],
                list(command),
                {**os.environ, SESSION_VARIABLE: self._session},
                setsigmask=(),
            )
            code = self._ended(child)
            try:
                left, error = self._cleaned_up()
            except LedgerError as failure:
                return CommandEnd(code, [], str(failure))
            return CommandEnd(code, left, error)
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _BLOCKED)

    def _ended(self, child: int) -> int:
        """Pass signals on until `child` has ended; gives its exit code."""
        while True:
            status = reaped(child)
            if status is not None:
                return status
            info = signal.sigwaitinfo(_BLOCKED)
            self._was_told |= info.si_signo in _IMPATIENT
            if info.si_signo in _PASSED_ON and info.si_code != _FROM_TERMINAL:
                with suppress(ProcessLookupError):
                    os.kill(child, info.si_signo)

    def _cleaned_up(self) -> tuple[list[ListedLease], str]:
        """Wait for the clean-ups, and end kernels that have outlived the command.

        The second signal that would end a process ends the wait: the first may be that of whoever
        stops the container, while this waits already. A shared ledger that is away is awaited, too,
        since the reapers go on without it.

        Returns:
            What is left; and why that cannot be told, if it cannot.
        """
        began = time.monotonic()
        sweep_at, told = began + HEAD_START, set[int]()
        while True:
            now = time.monotonic()
            left, error = self._left()
            is_over = self._timeout is not None and now - began >= self._timeout
            if is_over or not (left or error):
                return left, error
            if now >= sweep_at:
                for pid in {one.record.owner.pid for one in left if one.kernel == ALIVE} - told:
                    with suppress(OSError):
                        os.kill(pid, signal.SIGTERM)
                    told.add(pid)
                if any(one.kernel == DEAD for one in left):
                    start_sweeper(self._commands.home)
                sweep_at = now + SWEEP_AGAIN
            reaped()
            info = signal.sigtimedwait(_BLOCKED, LOOK_EVERY)
            if info is not None and info.si_signo in _IMPATIENT:
                if self._was_told:
                    return left, error
                self._was_told = True

    def _left(self) -> tuple[list[ListedLease], str]:
        try:
            return [one for one in self._commands.leases() if self._is_meant(one)], ""
        except LedgerUnreachable as error:
            return [], str(error)

    def _is_meant(self, one: ListedLease) -> bool:
        is_over = one.is_kept or one.is_given_up or one.is_looking
        return one.record.session == self._session and not is_over


def adopt_orphans() -> None:
    """Become the parent of what descendants orphan, as the first process is; Linux only."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def reaped(child: int = 0) -> int | None:
    """Reap all children that have ended; the exit code of `child` if it is among them."""
    code = None
    with suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            if ended[0] == child:
                code = os.waitstatus_to_exitcode(ended[1])
    return code if code is None or code >= 0 else 128 - code


__all__ = ["CommandEnd", "EntryPoint"]
