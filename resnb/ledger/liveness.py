"""Who is alive: whoever still holds its lock. Standard library only.

Every process that owns leases or claims locks a file of its own in the ledger's folder. The
system releases the lock when the process ends, in whatever container and for whatever reason, so
every process that sees the folder gets the same answer, across pid namespaces and reboots. The
locks are POSIX record locks: a fork does not inherit them, a zombie holds none, and `exec`
releases them. They are lost when their process closes any descriptor of the file, so resnb never
opens a file that it locks a second time; where a user's code does (a copy of the whole home), the
reaper, which sees that the process is there, has it lock again.

Where a lock says nothing (its file is gone or was replaced, or the file system has no locks that
work between processes), pid and start time decide, within one boot and pid namespace; then, in a
ledger that many machines share, whether the owner renews its leases.
"""

import errno
import fcntl
import os
import time
import uuid
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from resnb.errors import LedgerError
from resnb.ledger.owner import ALIVE, DEAD, UNKNOWN, Lock, Owner, status_by_ids, this_process
from resnb.ledger.record import LeaseRecord
from resnb.ledger.store.home import is_on_network

SECOND_LOOK: Final = 120.0
"""Seconds after which a lock of another machine must still be free: a network may lose one for
a moment."""
ASK_AGAIN: Final = 1.0
"""Seconds for which an answer holds who renews its leases."""
UNUSED_AFTER: Final = 3600.0
"""Seconds after which a file that nobody locks and no lease names is removed."""
_HELD = (errno.EACCES, errno.EAGAIN)
_OWN: dict[str, int] = {}
"""The files that this process locks, with its pid: a fork has the entries, but no lock."""


class Presence:
    """This process's lock, held until the process ends.

    Args:
        home: the ledger's folder.

    Attributes:
        owner: this process, as others can look for it.

    Raises:
        LedgerError: the file cannot be made.
    """

    def __init__(self, home: Path) -> None:
        path, lock = new_file(home)
        self._path = path
        self._descriptor = os.open(path, os.O_RDWR)
        _OWN[lock.name] = os.getpid()
        works = True
        try:
            fcntl.lockf(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:  # no locks here: others go by pid and start time
            works = False
        self.owner = this_process()._replace(lock=lock if works else None)

    def lock_again(self) -> None:
        """Take the lock again, which this process has lost as it has closed the file."""
        with suppress(OSError):
            fcntl.lockf(self._descriptor, fcntl.LOCK_EX)  # others look for a moment only

    def release(self) -> None:
        """Let go of the lock; in a forked child, of the descriptor that it has inherited."""
        with suppress(OSError):
            os.close(self._descriptor)
        if _OWN.get(self._path.name) == os.getpid():
            del _OWN[self._path.name]
            self._path.unlink(missing_ok=True)


class Liveness:
    """Tells which owners of one ledger are alive.

    Args:
        home: the ledger's folder.
        is_shared: whether other machines may see the folder; found out if None.
        renewing: gives the owners that renew in time; None in a ledger where none has to.
        clock: seconds of a clock that only goes forward.
    """

    def __init__(
        self,
        home: Path,
        *,
        is_shared: bool | None = None,
        renewing: Callable[[], Collection[Owner]] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = folder_of(home)
        self._is_shared = is_on_network(home) if is_shared is None else is_shared
        self._renewing = renewing
        self._renewed: Collection[Owner] = ()
        self._asked = -ASK_AGAIN
        self._clock = clock
        self._free_since: dict[Lock, float] = {}

    def status(self, owner: Owner) -> str:
        """Whether `owner` is ALIVE, DEAD, or UNKNOWN."""
        found = self._from_here(owner)
        if found != UNKNOWN or self._renewing is None:
            return found
        now = self._clock()
        try:
            if now - self._asked >= ASK_AGAIN:
                self._renewed, self._asked = self._renewing(), now
        except LedgerError:
            return UNKNOWN
        return ALIVE if owner in self._renewed else DEAD

    def status_of(self, record: LeaseRecord) -> str:
        """Whether the owner of a lease is ALIVE or DEAD.

        It is UNKNOWN, too, if the owner is gone but was on another machine, and what its clean-up
        needs is not here: that is for somebody else.
        """
        found = self.status(record.owner)
        if found != DEAD or record.kind or self._from_here(record.owner) != UNKNOWN:
            return found
        return DEAD if Path(record.environment.python).exists() else UNKNOWN

    def statuses_of(self, records: Iterable[LeaseRecord]) -> list[str]:
        """The same for many leases, with one look at each owner."""
        known: dict[tuple[Owner, bool, str], str] = {}
        found = []
        for record in records:
            key = record.owner, bool(record.kind), record.environment.python
            if key not in known:
                known[key] = self.status_of(record)
            found.append(known[key])
        return found

    def _from_here(self, owner: Owner) -> str:
        lock = owner.lock
        if lock is None:
            return self._by_ids(owner)
        try:
            is_held = is_locked(self._folder / lock.name, lock.inode)
        except OSError:  # such as a remount, or an expired ticket
            return UNKNOWN
        if is_held is None:
            return self._by_ids(owner)
        if is_held:
            self._free_since.pop(lock, None)
            return ALIVE
        if not self._is_shared or owner.boot == this_process().boot:
            return DEAD
        now = self._clock()
        return DEAD if now - self._free_since.setdefault(lock, now) >= SECOND_LOOK else UNKNOWN

    def is_dead(self, owner: Owner) -> bool:
        """Whether `owner` is certain to have ended."""
        return self.status(owner) == DEAD

    def is_in_doubt(self, owner: Owner) -> bool:
        """Whether `owner` is unknown only until a second look."""
        return owner.lock in self._free_since

    @property
    def has_doubts(self) -> bool:
        """Whether a lock of another machine was free, and has to be looked at again."""
        now = self._clock()
        return any(now - since < SECOND_LOOK for since in self._free_since.values())

    def _by_ids(self, owner: Owner) -> str:
        is_shared = self._is_shared or self._renewing is not None
        return status_by_ids(owner, this_process(), is_shared=is_shared)


def folder_of(home: Path) -> Path:
    """Where the lock files of a ledger are."""
    return home / "alive"


def new_file(home: Path) -> tuple[Path, Lock]:
    """Make a file that one process, which need not be this one, is to lock.

    Raises:
        LedgerError: it cannot be made.
    """
    path = folder_of(home) / uuid.uuid4().hex
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            return path, Lock(path.name, os.fstat(descriptor).st_ino)
        finally:
            os.close(descriptor)
    except OSError as error:
        message = f"the ledger in {home} cannot be written ({error.strerror})"
        raise LedgerError(message) from None


def is_locked(path: Path, inode: int) -> bool | None:
    """Whether a process locks the file; None if the file is gone or was replaced.

    Args:
        path: the file.
        inode: the file's number when it was made.

    Raises:
        OSError: nobody can tell now.
    """
    if _OWN.get(path.name) == os.getpid():
        return True
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
    """Wait, blocked in the system, until no other process locks the file.

    Comes back at once if the file cannot be opened or waited for.
    """
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDWR)
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_SH)
        finally:
            os.close(descriptor)


def remove_unused(
    home: Path, records: Iterable[LeaseRecord], now: float, ended: Collection[Lock] = ()
) -> None:
    """Remove the files that nobody locks any more.

    Args:
        home: the ledger's folder.
        records: the leases that are not closed; the files that they name stay.
        now: the time, in seconds since the epoch; a file that is younger than `UNUSED_AFTER`
            stays, since its process may yet lock it.
        ended: locks of processes that are known to have ended; their files go at any age.
    """
    owners = (one for it in records for one in (it.owner, it.claimant, it.cleaner) if one)
    named = {one.lock.name for one in owners if one.lock is not None}
    gone = {lock.name for lock in ended}
    with suppress(OSError):
        for path in folder_of(home).iterdir():
            found = path.stat()
            is_young = now - found.st_mtime < UNUSED_AFTER and path.name not in gone
            if path.name in named or is_young:
                continue
            if is_locked(path, found.st_ino) is False:
                path.unlink()
