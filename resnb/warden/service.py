"""The warden's loop: looks for what has lost its owner, and lets a reaper clean that up.

SIGTERM and SIGINT end it at its next look. Clean-ups that have begun go on in processes of their
own, and write their ends themselves.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Final

from resnb.errors import LedgerError
from resnb.ledger import states
from resnb.ledger.reaper.reaper import Reaper
from resnb.ledger.record import LeaseRecord
from resnb.ledger.store.home import made_private
from resnb.ledger.store.sqlite_file import SqliteFile
from resnb.warden.leases import OrphanedLeases

LOOK_EVERY: Final = 10.0
"""How often to look, in seconds."""
_BELOW: Final = ("leases.db", "*/leases.db", "*/.local/state/resnb/leases.db")


class Stopped(Exception):  # noqa: N818 - no error
    """The warden was told to end."""


class Bell:
    """Wakes a warden, from any thread or signal handler, to look at once or to end."""

    def __init__(self) -> None:
        self.stops = False
        self._rung = threading.Event()
        self._wake: socket.socket | None = None

    def ring(self) -> None:
        """Have the warden look at once."""
        self._rung.set()
        if self._wake is not None:
            with suppress(OSError):
                self._wake.send(b".")

    def stop(self) -> None:
        """Have the warden end."""
        self.stops = True
        self.ring()

    def wait(self, seconds: float) -> None:
        """Wait until it is rung, or for `seconds`.

        Raises:
            Stopped: the warden has to end.
        """
        self._rung.wait(seconds)
        self._rung.clear()
        self.check()

    def check(self) -> None:
        """Go on, or not.

        Raises:
            Stopped: the warden has to end.
        """
        if self.stops:
            raise Stopped

    @contextmanager
    def channel(self) -> Iterator[socket.socket]:
        """Within the block, a socket that becomes readable when it is rung."""
        mine, its = socket.socketpair()
        with mine:
            mine.setblocking(False)  # noqa: FBT003 - the name of the argument
            self._wake = mine
            try:
                yield its
            finally:
                self._wake = None
                its.close()


@contextmanager
def ended_by_signals(bell: Bell) -> Iterator[None]:
    """Within the block, SIGTERM and SIGINT stop the warden."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        bell.stop()

    before = {one: signal.signal(one, stop) for one in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def watch(leases: OrphanedLeases, bell: Bell, *, once: bool) -> None:
    """Clean up what a ledger has lost, until the warden is stopped.

    Args:
        leases: the ledger.
        bell: wakes or stops the warden.
        once: end when nothing is left that can be cleaned up now; what has failed waits for the
            next time.

    Raises:
        LedgerError: the ledger cannot be used, and this is done once.
    """
    made_private(leases.home)

    def chosen(records: list[LeaseRecord]) -> list[LeaseRecord]:
        bell.check()
        now = leases.now()
        return [one for one in records if not once or not _is_for_later(one, now)]

    with suppress(Stopped):
        while True:
            if once:
                leases.alive()  # which says what is wrong with the ledger
            with bell.channel() as channel:
                Reaper(leases, None, channel, chosen).run()
            if once:
                return
            bell.wait(LOOK_EVERY)


def _is_for_later(record: LeaseRecord, now: float) -> bool:
    is_kept = record.state == states.KEPT and not record.request
    return record.next_try > now or (is_kept and (record.keep_until or 0.0) > now)


def homes_below(folder: Path) -> list[Path]:
    """The ledgers' folders below a folder of homes."""
    return sorted({path.parent for pattern in _BELOW for path in folder.glob(pattern)})


def watch_homes(
    folder: Path,
    bell: Bell,
    say: Callable[[str], object],
    *,
    once: bool,
    options: Sequence[str] = (),
    runs_own: bool = False,
) -> None:
    """Clean up what the ledgers in the homes below a folder have lost.

    The homes of other users are theirs: for each, a process with the rights of that user alone
    does it, which only root can start.

    Args:
        folder: the folder.
        bell: wakes or stops the warden.
        say: called with each line.
        once: whether to end when all homes were seen once.
        options: options for those processes.
        runs_own: whether recipes of the warden's own user may be run.
    """
    with suppress(Stopped):
        while True:
            for home in homes_below(folder):
                bell.check()
                try:
                    _see_home(home, bell, say, options, runs_own=runs_own)
                except (LedgerError, OSError, subprocess.SubprocessError) as error:
                    say(f"{home}: {error}")
            if once:
                return
            bell.wait(LOOK_EVERY)


def _see_home(
    home: Path,
    bell: Bell,
    say: Callable[[str], object],
    options: Sequence[str],
    *,
    runs_own: bool,
) -> None:
    found = home.lstat()
    if found.st_uid == os.geteuid():
        leases = OrphanedLeases(home, SqliteFile(home, kept=True), say, runs_own=runs_own)
        try:
            watch(leases, bell, once=True)
        finally:
            leases.let_go()
    elif os.geteuid() == 0:
        subprocess.run(  # noqa: S603 - this program
            [sys.executable, "-m", "resnb.warden", "--once", "--homes", str(home), *options],
            user=found.st_uid,
            group=found.st_gid,
            extra_groups=(),
            cwd="/",
            env={"PATH": os.environ.get("PATH", os.defpath), "HOME": str(home)},
            timeout=600,
            check=False,
        )
    else:
        say(f"{home}: it belongs to another user, so run the warden as that user, or as root")
