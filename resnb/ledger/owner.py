"""Who owns a lease, and whether that process is alive. Standard library only.

This is the only file that knows how a process is identified: by machine, boot, pid namespace, pid
and start time, so that neither a reused pid nor another container's process is taken for it. What
cannot be seen from here is *unknown*, never dead.
"""

import json
import os
import sys
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

ALIVE: Final = "alive"
DEAD: Final = "dead"
UNKNOWN: Final = "unknown"

NOBODY: Final = 2**31 - 1
"""The pid of an owner that stands for "this machine, no process"; no kernel gives it away."""


class Owner(NamedTuple):
    """One process of one machine, or none; see `nobody`."""

    machine: str  # the machine's id
    boot: str  # the id of its boot
    namespace: str  # the pid namespace
    pid: int
    started: int  # when it was started, in clock ticks since the boot; 0 where that is not known

    def to_text(self) -> str:
        """Its form in the ledger."""
        return json.dumps(self)


def from_text(text: str) -> Owner:
    """The owner that `Owner.to_text` wrote.

    Raises:
        ValueError: `text` is no owner.
    """
    values = json.loads(text)
    kinds = (str, str, str, int, int)
    if not isinstance(values, list) or [type(one) for one in values] != list(kinds):
        message = "not an owner"
        raise ValueError(message)
    return Owner(*values)


def this_process() -> Owner:
    """The calling process; a fork is another one."""
    pid = os.getpid()
    return Owner(_machine(), _boot(), _namespace(), pid, start_time(pid) or 0)


def child_of(parent: Owner, pid: int) -> Owner:
    """The process `pid`, which the process `parent` has started."""
    return parent._replace(pid=pid, started=start_time(pid) or 0)


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


def is_dead(owner: Owner, seen_from: Owner) -> bool:
    """Whether the process `seen_from` can tell that the process `owner` has ended."""
    return status(owner, seen_from) == DEAD


def status(owner: Owner, seen_from: Owner) -> str:
    """Whether the process `owner` is ALIVE, DEAD or UNKNOWN to the process `seen_from`."""
    if owner.machine != seen_from.machine:
        return UNKNOWN
    if owner.boot != seen_from.boot:
        return DEAD
    if owner.namespace != seen_from.namespace:
        return UNKNOWN
    if not Path("/proc/self/stat").exists():
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
