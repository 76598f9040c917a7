"""Who holds a lease: one process, by its lock and by its ids. Standard library only.

Whether it is alive its lock tells, see `resnb.ledger.liveness`. The ids (machine, boot, pid
namespace, pid and start time) are for display, and for the cases in which a lock says nothing.
What cannot be seen from here is *unknown*, never dead.
"""

import json
import os
import re
import sys
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

ALIVE: Final = "alive"
DEAD: Final = "dead"
UNKNOWN: Final = "unknown"
_NO_OWNER: Final = "not an owner"


class Lock(NamedTuple):
    """A file in the ledger's folder that a process locks as long as it lives.

    Attributes:
        name: the file's name.
        inode: its number, by which a copy or a successor is told from it.
    """

    name: str
    inode: int


class Owner(NamedTuple):
    """One process of one machine.

    Attributes:
        machine: the machine's id.
        boot: the id of its boot.
        namespace: the pid namespace.
        pid: the process id.
        started: when it was started, in clock ticks since the boot; 0 where that is not known.
        lock: what it locks; None if it cannot, or holds nothing that others wait for.
    """

    machine: str
    boot: str
    namespace: str
    pid: int
    started: int
    lock: Lock | None = None

    def to_text(self) -> str:
        """As it is kept in the ledger."""
        return json.dumps(self)


def from_text(text: str) -> Owner:
    """The owner that `Owner.to_text` wrote.

    Raises:
        ValueError: `text` is no owner.
    """
    match json.loads(text):
        case [
            str() as machine,
            str() as boot,
            str() as namespace,
            int() as pid,
            int() as started,
            lock,
        ]:
            return Owner(machine, boot, namespace, pid, started, _lock(lock))
    raise ValueError(_NO_OWNER)


def _lock(value: Any) -> Lock | None:
    match value:
        case None:
            return None
        case [str() as name, int() as inode] if re.fullmatch(r"[0-9a-f]{32}", name):
            return Lock(name, inode)
    raise ValueError(_NO_OWNER)


def this_process() -> Owner:
    """The calling process, without a lock; a fork is another one."""
    pid = os.getpid()
    return Owner(_machine(), _boot(), _namespace(), pid, start_time(pid) or 0)


def status_by_ids(owner: Owner, seen_from: Owner, *, is_shared: bool) -> str:
    """Whether `owner`, whose lock says nothing, is ALIVE, DEAD, or UNKNOWN.

    Args:
        owner: some process.
        seen_from: the calling process.
        is_shared: whether `owner` may be on another machine.
    """
    if owner.boot != seen_from.boot:  # a folder of this machine alone has seen a reboot since
        return UNKNOWN if is_shared else DEAD
    if owner.namespace != seen_from.namespace:
        return UNKNOWN
    if not _sees_processes():
        return ALIVE if _answers(owner.pid) else DEAD
    started = start_time(owner.pid)
    if started is None or (owner.started and started != owner.started):
        return DEAD
    return ALIVE


def start_time(pid: int) -> int | None:
    """When process `pid` was started; None if it is gone or a zombie, 0 where nobody can tell."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return 0 if sys.platform != "linux" and _answers(pid) else None
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else int(fields[19])


@cache
def _sees_processes() -> bool:
    """Whether /proc is there, and of this process's own pid namespace."""
    try:
        return Path("/proc/self").readlink() == Path(str(os.getpid()))
    except OSError:
        return False


def _answers(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@cache
def _machine() -> str:
    for path in ("/etc/machine-id", "/var/lib/dbus/machine-id"):
        try:
            found = Path(path).read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            continue
        if found:
            return found
    import uuid

    return f"{os.uname().nodename}-{uuid.getnode():x}"


@cache
def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _namespace() -> str:
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""


__all__ = [
    "ALIVE",
    "DEAD",
    "UNKNOWN",
    "Lock",
    "Owner",
    "from_text",
    "start_time",
    "status_by_ids",
    "this_process",
]
