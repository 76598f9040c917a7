"""Who owns a lease: one process, by its lock and by its ids. Standard library only.

Its lock tells whether it is alive, see `resnb.ledger.liveness`. The ids (machine, boot, pid
namespace, pid and start time) are for display, and for the cases in which a lock says nothing.
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

NOBODY: Final = 2**31 - 1
"""The pid of an owner that stands for "this machine, no process"; no kernel gives it away."""


class Lock(NamedTuple):
    """A file in the ledger's folder that a process locks as long as it lives."""

    name: str
    inode: int  # tells it from a copy, and from a successor of the same name


class Owner(NamedTuple):
    """One process of one machine, or none; see `nobody`."""

    machine: str  # the machine's id
    boot: str  # the id of its boot
    namespace: str  # the pid namespace
    pid: int
    started: int  # when it was started, in clock ticks since the boot; 0 where that is not known
    lock: Lock | None = None  # None if it cannot lock, or if nobody waits for its end

    def to_text(self) -> str:
        """Its form in the ledger."""
        return json.dumps(self)


def from_text(text: str) -> Owner:
    """The owner that `Owner.to_text` wrote.

    Raises:
        ValueError: `text` is no owner.
    """
    match json.loads(text):
        case [str(machine), str(boot), str(namespace), int(pid), int(started), lock]:
            return Owner(machine, boot, namespace, pid, started, _lock(lock))
    raise ValueError(_NO_OWNER)


def _lock(value: Any) -> Lock | None:
    match value:
        case None:
            return None
        case [str(name), int(inode)] if re.fullmatch(r"[0-9a-f]{32}", name):
            return Lock(name, inode)
    raise ValueError(_NO_OWNER)


def this_process() -> Owner:
    """The calling process, without a lock; a fork is another one."""
    pid = os.getpid()
    return Owner(_machine(), this_boot(), _namespace(), pid, start_time(pid) or 0)


def child_of(parent: Owner, pid: int) -> Owner:
    """The process `pid`, which the process `parent` has started."""
    return parent._replace(pid=pid, started=start_time(pid) or 0, lock=None)


def nobody(here: Owner, before: Owner | None = None) -> Owner:
    """The owner of leases that this machine cares for without a kernel; dead, seen from `here`.

    Args:
        here: a process of this machine.
        before: their owner until now; what was half made elsewhere must not be looked for in vain
            here, so the new owner still counts as one of that machine and pid namespace.
    """
    namespace = here.namespace if before is None else before.namespace
    if before is not None and before.machine != here.machine:
        namespace = f"{before.machine} {namespace}"
    return Owner(here.machine, "", namespace, NOBODY, 1)


def same_place(one: Owner, other: Owner) -> bool:
    """Whether `one` could find what `other` has made: same machine, same pid namespace."""
    return (one.machine, one.namespace) == (other.machine, other.namespace)


def status_by_ids(owner: Owner, seen_from: Owner, *, is_shared: bool) -> str:
    """Whether `owner`, whose lock says nothing, is ALIVE, DEAD or UNKNOWN.

    Args:
        owner: some process.
        seen_from: the calling process.
        is_shared: whether `owner` may be on another machine.
    """
    if owner.pid == NOBODY:
        return DEAD if owner.machine == seen_from.machine else UNKNOWN
    if owner.boot != seen_from.boot:  # a folder of this machine alone has outlived a boot
        return UNKNOWN if is_shared else DEAD
    if owner.namespace != seen_from.namespace:
        return UNKNOWN
    if not _sees_processes():
        return ALIVE if _exists(owner.pid) else DEAD
    started = start_time(owner.pid)
    if started is None or (owner.started and started != owner.started):
        return DEAD
    return ALIVE


def start_time(pid: int) -> int | None:
    """When process `pid` was started; None if it is gone or a zombie, 0 where nobody can tell."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return 0 if sys.platform != "linux" and _exists(pid) else None
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else int(fields[19])


@cache
def _sees_processes() -> bool:
    """Whether /proc is there, and shows this process's own pid namespace."""
    try:
        return os.readlink("/proc/self") == str(os.getpid())  # noqa: PTH115 - as the system says it
    except OSError:
        return False


def _exists(pid: int) -> bool:
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
    return os.uname().nodename


@cache
def this_boot() -> str:
    """The id of this boot of the machine; empty where there is none."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _namespace() -> str:
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""
