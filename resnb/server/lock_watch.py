"""Notices within seconds that a kernel or a reaper has ended, without reading the ledger.

Each look tries the locks in the ledger's folder; a process that ends, however that happens, lets go
of its own. Where locks say nothing, the processes of the server's own kernels do. What has ended is
due after a grace, in which its own reaper begins to clean up.
"""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, TypeAlias

from resnb.ledger.clock import now
from resnb.ledger.liveness import folder_of, is_locked
from resnb.ledger.owner import start_time
from resnb.server.kernels import Kernels

GRACE: Final = 2.0
"""Seconds that a kernel's own reaper has to begin."""
REMEMBERED: Final = 1000
"""Number of ended kernels whose time is remembered."""
_SWEPT: Final = float("-inf")

Subject: TypeAlias = tuple[str, int] | int
"""A lock, by its file's name and number; or a process, by its id."""


class LockWatch:
    """Watches the locks of one ledger, and the server's kernels.

    Args:
        home: the ledger's folder.
        kernels: returns the ids of the server's kernels, by the pids of their processes.
        clock: seconds of a clock that only goes forward.
        wall: seconds since the epoch, as in the ledger.

    Attributes:
        ended_kernels: when the latest of the server's kernels ended, by their pids, in seconds
            since the epoch.
    """

    def __init__(
        self,
        home: Path,
        kernels: Kernels = dict,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = now,
    ) -> None:
        self.ended_kernels: dict[int, float] = {}
        self._folder = folder_of(home)
        self._kernels = kernels
        self._clock = clock
        self._wall = wall
        self._ended: dict[Subject, float | None] = {}  # since when; None while it has not
        self._files: frozenset[tuple[str, int]] = frozenset()
        self._changed = 0
        self._is_new = False

    def is_due(self) -> bool:
        """Whether something has ended, and its reaper has had its time."""
        clock = self._clock()
        present: set[Subject] = {*self._listed(), *self._kernels()}
        known, self._ended = self._ended, {}
        for one, since in known.items():
            if since == _SWEPT:
                if one in present:
                    self._ended[one] = since
                continue
            has_ended = _has_ended(self._folder, one)
            if has_ended and since is None and isinstance(one, int):
                self._note_end(one)
            if has_ended is not None:
                self._ended[one] = (clock if since is None else since) if has_ended else None
        # tried from the next look on: the process of a new file may be about to lock it
        self._ended |= dict.fromkeys(present - known.keys())
        return any(self._due(clock))

    def _note_end(self, pid: int) -> None:
        """Remember when a kernel ended, as far as a look every few seconds can tell."""
        others = [one for one in self.ended_kernels.items() if one[0] != pid]
        self.ended_kernels = dict([*others[1 - REMEMBERED :], (pid, self._wall())])

    def swept(self) -> None:
        """A sweep has seen what was due at the last look."""
        self._ended |= dict.fromkeys(self._due(self._clock()), _SWEPT)

    def _due(self, clock: float) -> Iterator[Subject]:
        for one, since in self._ended.items():
            if since is not None and since != _SWEPT and clock - since >= GRACE:
                yield one

    def _listed(self) -> frozenset[tuple[str, int]]:
        """The lock files; they are listed again only at the two looks after a change.

        At two, since the folder's time is too coarse to tell a change right after a look.
        """
        try:
            changed = self._folder.stat().st_mtime_ns
            if changed != self._changed or self._is_new:
                with os.scandir(self._folder) as files:
                    self._files = frozenset((one.name, one.stat().st_ino) for one in files)
            self._is_new, self._changed = changed != self._changed, changed
        except OSError:  # there is no ledger yet, or nobody can tell now
            self._changed = 0
        return self._files


def _has_ended(folder: Path, one: Subject) -> bool | None:
    """Whether it has ended; None if it is of no interest any more."""
    if isinstance(one, int):
        return start_time(one) is None
    name, inode = one
    try:
        locked = is_locked(folder / name, inode)
    except OSError:  # nobody can tell now
        return False
    return None if locked is None else not locked
