"""Who is alive: what still holds its lock. Standard library only.

Every process that owns leases or claims locks a file of its own in the ledger's folder. The
system releases the lock when the process ends, in whatever container and for whatever reason, so
every process that sees the folder gets the same answer, across pid namespaces and reboots. Locks
are POSIX record locks: a fork does not inherit them, a zombie holds none, and `exec` releases
them. They are lost when the process closes any descriptor of the file, so nobody opens their own.

Where a lock says nothing (its file is gone or was replaced, or the file system has no locks that
work between processes), pid and start time decide, within one boot and pid namespace.
"""

import errno
import fcntl
import os
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from resnb.ledger.owner import ALIVE, DEAD, UNKNOWN, Lock, Owner, status_by_ids, this_process

SECOND_LOOK: Final = 120.0
"""Seconds after which a lock of another machine must still be free: a network may lose one for
a moment."""
UNUSED_AFTER: Final = 3600.0
"""Seconds after which a file that nobody locks and no record names is removed."""
_HELD = (errno.EACCES, errno.EAGAIN)


class Presence:
    """This process's lock, held until the process ends.

    Args:
        home: the ledger's folder.

    Attributes:
        owner: this process, as others can look for it.

    Raises:
        OSError: the file cannot be made.
    """

    def __init__(self, home: Path) -> None:
        folder = folder_of(home)
        folder.mkdir(mode=0o700, exist_ok=True)
        name = uuid.uuid4().hex
        self._descriptor = os.open(folder / name, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        lock: Lock | None = Lock(name, os.fstat(self._descriptor).st_ino)
        try:
            fcntl.lockf(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:  # no locks here: others go by pid and start time
            lock = None
        self.owner = this_process()._replace(lock=lock)

    def release(self) -> None:
        """Let go of the lock; in a forked child, of the descriptor of its parent's lock."""
        with suppress(OSError):
            os.close(self._descriptor)


class Liveness:
    """Tells which owners of one ledger are alive.

    Args:
        home: the ledger's folder.
        is_shared: whether other machines may see the folder.
        me: this process, with its lock if it holds one.
        clock: seconds of a clock that only goes forward.
    """

    def __init__(
        self,
        home: Path,
        *,
        is_shared: bool,
        me: Owner | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.me = me or this_process()
        self._folder = folder_of(home)
        self._is_shared = is_shared
        self._clock = clock
        self._free_since: dict[Lock, float] = {}

    def __call__(self, owner: Owner) -> str:
        """Whether `owner` is ALIVE, DEAD, or UNKNOWN."""
        lock = owner.lock
        if lock is not None and lock == self.me.lock:
            return ALIVE
        try:
            is_held = None if lock is None else is_locked(self._folder / lock.name, lock.inode)
        except OSError:  # such as a remount, or an expired ticket
            return UNKNOWN
        if lock is None or is_held is None:
            return status_by_ids(owner, self.me, is_shared=self._is_shared)
        if is_held:
            self._free_since.pop(lock, None)
            return ALIVE
        if not self._is_shared or owner.boot == self.me.boot:
            return DEAD
        now = self._clock()
        return DEAD if now - self._free_since.setdefault(lock, now) >= SECOND_LOOK else UNKNOWN


def folder_of(home: Path) -> Path:
    """Where the lock files of a ledger are."""
    return home / "alive"


def is_locked(path: Path, inode: int) -> bool | None:
    """Whether another process locks the file; None if the file is gone or was replaced.

    Args:
        path: the file; never one that this process locks itself.
        inode: the file's number when it was made.

    Raises:
        OSError: nobody can tell now.
    """
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return None
    try:
        if os.fstat(descriptor).st_ino != inode:
            return None
        fcntl.lockf(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _HELD:
            return True
        raise
    else:
        return False
    finally:
        os.close(descriptor)


def wait_until_free(path: Path) -> None:
    """Wait until no other process locks the file, or it cannot be waited for.

    Blocks in the system, however long that takes.
    """
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDWR)
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_SH)
        finally:
            os.close(descriptor)


__all__ = [
    "SECOND_LOOK",
    "UNUSED_AFTER",
    "Liveness",
    "Presence",
    "folder_of",
    "is_locked",
    "wait_until_free",
]
