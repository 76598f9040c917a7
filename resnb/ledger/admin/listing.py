"""A lease as lists show it: its record, and what of it can be said from this process.

Names and reasons come from files and from users' code: `plain` makes them fit for a terminal.
"""

import re
import time
from typing import Any, NamedTuple

from resnb.ledger import states
from resnb.ledger.owner import DEAD, UNKNOWN, Owner, status
from resnb.ledger.reaper.decisions import decide
from resnb.ledger.record import Record

NOBODY = 2**31 - 1
"""The pid of the owner that stands for "this machine, no process"; no kernel gives it away."""

_SEQUENCE = re.compile(r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?")
_FOREVER = float("inf")


class Listed(NamedTuple):
    """A lease as lists show it.

    Attributes:
        record: its record.
        state: its state; *unknown* where its kernel cannot be seen from here.
        kernel: whether its kernel is *alive*, *dead* or *unknown*.
    """

    record: Record
    state: str
    kernel: str

    @property
    def name(self) -> str:
        """How it is called, fit for a terminal."""
        return plain(self.record.name)

    @property
    def notebook(self) -> str:
        """The notebook or folder that it was opened from, fit for a terminal."""
        return plain(self.record.notebook)

    @property
    def fault(self) -> str:
        """Why nobody but its kernel can clean up what there is of it; empty if others can."""
        record = self.record
        if record.dies_with_kernel or record.state == states.CLOSED:
            return ""
        if record.state == states.OPENING and record.handle is None:
            return plain(record.unfindable)
        return plain(record.unprotected)

    @property
    def said(self) -> str:
        """What there is to say of it in a list, in one line."""
        begun = self.record.state in (states.CLOSING, states.FAILED, states.CLOSED)
        parts = [
            "asked to be cleaned up" if self.record.request and not begun else "",
            plain(self.record.reason),
            f"unprotected: {self.fault}" if self.fault and not begun else "",
            plain(self.record.notice),
        ]
        return "; ".join(filter(None, parts))

    @property
    def is_kept(self) -> bool:
        """Whether it survives its kernel for some time still."""
        record = self.record
        until = record.keep_until or 0.0
        return record.state == states.KEPT and not record.request and until > time.time()

    @property
    def is_orphan(self) -> bool:
        """Whether its kernel has ended, and it is not kept."""
        return self.kernel == DEAD and not self.is_kept

    @property
    def is_given_up(self) -> bool:
        """Whether its clean-up has failed, and will not be tried again unless asked for."""
        if self.record.state != states.FAILED:
            return False
        return not decide([self.record], liveness=lambda _: DEAD, now=_FOREVER).actions

    @property
    def is_settled(self) -> bool:
        """Whether there is nothing to wait for: kept, failed for now, or out of sight."""
        later = self.record.state == states.FAILED and self.record.next_try > time.time()
        return self.kernel == UNKNOWN or self.is_kept or later or self.is_given_up

    def to_json(self) -> dict[str, Any]:
        """The stable form for other programs; times in seconds since the epoch."""
        record = self.record
        return {
            "id": record.id,
            "name": record.name,
            "state": self.state,
            "kernel": self.kernel,
            "pid": None if record.owner.pid == NOBODY else record.owner.pid,
            "notebook": record.notebook,
            "session": record.session,
            "created": record.created,
            "ended": record.ended,
            "ttl": record.ttl,
            "idle_timeout": record.idle_timeout,
            "keep": record.keep,
            "keep_until": record.keep_until,
            "protected": not self.fault,
            "unfindable": record.unfindable,
            "unprotected": record.unprotected,
            "notice": record.notice,
            "reason": record.reason,
            "tries": record.tries,
        }


def listed(record: Record, seen_from: Owner) -> Listed:
    """`record` as the process `seen_from` sees it."""
    kernel = status(record.owner, seen_from)
    hidden = kernel == UNKNOWN and record.state != states.CLOSED
    return Listed(record, states.UNKNOWN if hidden else record.state, kernel)


def nobody(here: Owner, before: Owner | None = None) -> Owner:
    """The owner of what this machine cares for without a kernel; dead, seen from `here`.

    Args:
        here: a process of this machine.
        before: whose it was; what was half made elsewhere is not to be sought in vain here, so
            the owner stays one of that machine and pid namespace.
    """
    namespace = here.namespace if before is None else before.namespace
    if before is not None and before.machine != here.machine:
        namespace = f"{before.machine} {namespace}"
    return Owner(here.machine, "", namespace, NOBODY, 1)


def plain(text: str, keep: str = "") -> str:
    """`text` without escape sequences and control characters.

    Args:
        text: what somebody else wrote.
        keep: control characters that may stay; other white space becomes a blank.
    """
    return "".join(
        one if one.isprintable() or one in keep else " " if one.isspace() else ""
        for one in _SEQUENCE.sub("", text)
    )


__all__ = ["NOBODY", "Listed", "listed", "nobody", "plain"]
