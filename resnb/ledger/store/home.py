"""The ledger's folder: private, and refused when others can write to it."""

import errno
import fcntl
import os
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from resnb.errors import LedgerError

LEDGER_VARIABLE = "RESNB_LEDGER"
"""Names a shared ledger, which is used instead of the one in the folder."""
_MEND = "make it writable, or point RESNB_HOME to a folder of yours"
_LOCKED_WITHIN = 10.0
_NETWORK = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "lustre", "gpfs", "afs", "ceph", "beegfs"}
)


def ledger_home() -> Path:
    """The user's ledger folder: ``RESNB_HOME``, else the user's state folder."""
    chosen = os.environ.get("RESNB_HOME")
    if chosen:
        return Path(chosen).expanduser().absolute()
    from platformdirs import user_state_path

    return user_state_path("resnb")


def is_shared() -> bool:
    """Whether the ledger is one that owners on several machines share, and have to renew."""
    return bool(os.environ.get(LEDGER_VARIABLE))


def may_hold_leases(home: Path) -> bool:
    """Whether there is a ledger to read, as far as that can be told without reading it."""
    return is_shared() or (home / "leases.db").exists()


def made_private(home: Path) -> Path:
    """Make sure that the folder `home` exists and is private.

    Raises:
        LedgerError: it cannot be made, belongs to another user, or others can write to it.
    """
    try:
        if not home.is_dir():  # a try to make what is there costs more than a look
            home.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        message = f"the ledger's folder {home} cannot be made ({error.strerror}): {_MEND}"
        raise LedgerError(message) from None
    refuse_foreign(home)
    return home


def why_unwritable(folder: Path, otherwise: str) -> str:
    """Why files in `folder` cannot be written, as far as the system tells; else `otherwise`."""
    try:
        found = os.statvfs(folder)
    except OSError as error:
        return str(error.strerror)
    if found.f_flag & os.ST_RDONLY:
        return "it is read-only"
    return "the disk is full" if found.f_bavail == 0 else otherwise


@contextmanager
def in_use(home: Path, *, alone: bool = False, within: float = _LOCKED_WITHIN) -> Iterator[None]:
    """Use the ledger's file within the block, together with others or alone.

    Whoever replaces the file uses it alone, so nobody writes into a file that is being replaced.
    Where files cannot be locked, or somebody holds the lock for `within` seconds, it goes on
    without.

    Raises:
        LedgerError: the folder cannot be made or written, or is not private.
    """
    made_private(home)
    try:
        lock = os.open(home / "leases.lock", os.O_CREAT | os.O_RDWR, 0o600)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            message = f"the disk is full, so the ledger in {home} cannot be written"
        else:
            message = f"the ledger in {home} cannot be written ({error.strerror}): {_MEND}"
        raise LedgerError(message) from None
    try:
        _lock(lock, fcntl.LOCK_EX if alone else fcntl.LOCK_SH, within)
        yield
    finally:
        with suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_UN)  # a fork may have copied the descriptor
        os.close(lock)


def _lock(descriptor: int, kind: int, within: float) -> None:
    deadline = time.monotonic() + within
    never: threading.Event | None = None
    while time.monotonic() < deadline:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            never = never or threading.Event()
            never.wait(0.005)
        except OSError:
            return
        else:
            return


def refuse_foreign(path: Path) -> None:
    """Refuse a file or folder that belongs to another user, or that others can write to.

    Raises:
        LedgerError: it does.
    """
    try:
        found = path.stat()
    except OSError as error:  # such as a stale handle, or an expired ticket
        message = f"the ledger {path} cannot be used: {error.strerror}"
        raise LedgerError(message) from None
    if found.st_uid != os.getuid():
        message = f"{path} belongs to another user: point RESNB_HOME to a folder of yours"
        raise LedgerError(message)
    if stat.S_IMODE(found.st_mode) & 0o022:
        message = f"{path} can be written by others: run chmod go-w {path}"
        raise LedgerError(message)


def is_on_network(path: Path, mounts: str | None = None) -> bool:
    """Whether `path` lies on a network file system, where SQLite's WAL does not work.

    Args:
        path: an absolute path.
        mounts: the text of ``/proc/mounts``; read from that file if None.
    """
    if mounts is None:
        try:
            mounts = Path("/proc/mounts").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return False
    best, kind = "", ""
    for line in mounts.splitlines():
        parts = line.split()
        if len(parts) < 3:  # noqa: PLR2004 - device, folder, type
            continue
        folder = parts[1].replace("\\040", " ")
        inside = str(path) == folder or str(path).startswith(folder.rstrip("/") + "/")
        if inside and len(folder) >= len(best):
            best, kind = folder, parts[2]
    return kind in _NETWORK or kind.startswith("fuse.sshfs")
