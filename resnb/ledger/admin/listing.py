"""A lease as lists show it: its record, and how it looks from this process.

Names and reasons come from files and from users' code: `plain` makes them fit for a terminal.
"""

import os
import re
from typing import Any, NamedTuple

from resnb.ids import LeaseId
from resnb.ledger import states
from resnb.ledger.clock import now
from resnb.ledger.owner import ALIVE, DEAD, NOBODY, UNKNOWN, Owner
from resnb.ledger.reaper.decisions import HELD_TRIES, LOOKING, LOST, decide
from resnb.ledger.record import Environment, LeaseRecord
from resnb.ledger.store.statements import DamagedRow

_SEQUENCE = re.compile(r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?")
_REQUESTS = {"cleanup": "asked to be cleaned up", LOST: "not renewed in time"}
_FOREVER = float("inf")
_ID_LENGTH = 8
_NOT_KNOWN = Owner("", "", "", NOBODY, 0)
_IN_JSON = (
    "notebook", "session", "created", "ended", "ttl", "idle_timeout", "keep", "keep_until",
    "unfindable", "unprotected", "notice", "reason", "tries",
)  # fmt: skip
"""The fields of a record that other programs get as they are."""


class ListedLease(NamedTuple):
    """A lease as lists show it."""

    record: LeaseRecord
    state: str  # *unknown* where its kernel, or what it made, cannot be known; *looking*; *damaged*
    kernel: str  # whether its kernel is *alive*, *dead* or *unknown*

    @property
    def name(self) -> str:
        """Its name, fit for a terminal."""
        return plain(self.record.name)

    @property
    def short_id(self) -> str:
        """The beginning of its id, by which commands find it, fit for a terminal."""
        return "".join(filter(str.isalnum, self.record.id[:_ID_LENGTH]))

    @property
    def is_untold(self) -> bool:
        """Whether its set-up has failed without telling what it made, if anything."""
        record = self.record
        return record.state == states.FAILED and record.reason.startswith(states.UNTOLD)

    @property
    def remedy(self) -> str:
        """What people have to do about it, since nobody else will; empty if that is nothing."""
        if self.state == states.DAMAGED:
            return (
                "its record cannot be read, so nobody cleans it up: look for what it made, then: "
                f"resnb forget {self.short_id}"
            )
        if self.state != states.UNKNOWN:
            return ""
        if self.is_untold:
            return (
                "it may have leaked: look for what it made, then: "
                f"resnb forget {self.short_id}; so that this is known next time, call "
                "self.lease.record(handle) early in setup, or define find(lease_id)"
            )
        step, command = "", "adopt"
        if self.record.dies_with_kernel or self.fault:
            step = "" if self.record.dies_with_kernel else ", remove what it made, then"
            command = "forget"
        elif self.record.state not in (states.OPEN, states.KEPT):  # so it cannot be kept
            command = "cleanup"
        return (
            "whether its kernel has ended cannot be seen from here; if it has"
            f"{step}: resnb {command} {self.short_id}"
        )

    @property
    def notebook(self) -> str:
        """The notebook or folder that it was opened from, as `short_path` shows it."""
        return plain(short_path(self.record.notebook))

    @property
    def fault(self) -> str:
        """Why nobody but its kernel can clean it up in its present state; empty if others can."""
        record = self.record
        if record.dies_with_kernel or record.state == states.CLOSED:
            return ""
        if record.state == states.OPENING and record.handle is None:
            return plain(record.unfindable)
        return plain(record.unprotected)

    @property
    def is_checking(self) -> bool:
        """Whether its recipe has yet to be rehearsed, which its kernel's reaper does."""
        record = self.record
        return record.rehearsal == "due" and record.state == states.OPEN and self.kernel == ALIVE

    @property
    def remark(self) -> str:
        """What a list adds to its state, in one line."""
        begun = self.record.state in (states.CLOSING, states.FAILED, states.CLOSED)
        parts = [
            _REQUESTS.get(self.record.request, "") if not begun else "",
            plain(self.record.reason),
            f"unprotected: {self.fault}" if self.fault and not begun else "",
            states.CHECKING if self.is_checking and not self.fault else "",
            plain(self.record.notice),
        ]
        return "; ".join(filter(None, parts))

    @property
    def is_kept(self) -> bool:
        """Whether it still survives its kernel for some time."""
        record = self.record
        until = record.keep_until or 0.0
        return record.state == states.KEPT and not record.request and until > now()

    @property
    def is_orphan(self) -> bool:
        """Whether its kernel has ended, and it is not kept."""
        return self.kernel == DEAD and not self.is_kept

    @property
    def is_given_up(self) -> bool:
        """Whether nobody can clean it up from outside its kernel, which has failed."""
        if self.record.state != states.FAILED:
            return False
        return not decide([self.record], liveness=lambda _: DEAD, now=_FOREVER).actions

    @property
    def is_failing(self) -> bool:
        """Whether somebody should do something: it is given up, or has failed again and again.

        That stays so while it is tried once more, so that a warning is given once.
        """
        begun = self.record.state in (states.FAILED, states.CLOSING)
        return self.is_given_up or (begun and self.record.tries >= HELD_TRIES)

    @property
    def is_looking(self) -> bool:
        """Whether nothing is left that is known, but set-up may still make something."""
        return self.record.state == states.CLOSING and self.record.nothing_since is not None

    @property
    def is_settled(self) -> bool:
        """Whether there is nothing to wait for: kept, failed for now, looked for, out of sight."""
        later = self.record.state == states.FAILED and self.record.next_try > now()
        is_for_later = self.is_kept or later or self.is_looking
        return self.kernel == UNKNOWN or is_for_later or self.is_given_up

    def to_json(self) -> dict[str, Any]:
        """The stable form for other programs; times in seconds since the epoch."""
        record = self.record
        return {
            "id": record.id,
            "name": record.name,
            "state": self.state,
            "kernel": self.kernel,
            "pid": None if record.owner.pid == NOBODY else record.owner.pid,
            "protected": not self.fault,
            "checking": self.is_checking,
            "remedy": self.remedy,
            **{name: getattr(record, name) for name in _IN_JSON},
        }


def listed(record: LeaseRecord, kernel: str) -> ListedLease:
    """`record`, with whether its owner is alive: ALIVE, DEAD or UNKNOWN."""
    found = ListedLease(record, record.state, kernel)
    if (kernel == UNKNOWN and record.state != states.CLOSED) or found.is_untold:
        return found._replace(state=states.UNKNOWN)
    looks = record.state == states.CLOSING and (found.is_looking or LOOKING in record.reason)
    return found._replace(state=states.LOOKING) if looks else found


def damaged(row: DamagedRow) -> ListedLease:
    """A lease whose record cannot be read, and of which no more is known than `row` says."""
    record = LeaseRecord(
        LeaseId(row.id),
        row.name,
        states.DAMAGED,
        _NOT_KNOWN,
        row.notebook,
        "",
        Environment("", "", (), "", ()),
    )
    return ListedLease(record, states.DAMAGED, UNKNOWN)


def short_path(path: str, root: str = "") -> str:
    """A path as people know it: relative to `root`, such as a server's, else to home (``~/``)."""
    inside = f"{root.rstrip('/')}/"
    if root and path.startswith(inside) and path != inside:
        return path[len(inside) :]
    home = os.path.expanduser("~").rstrip("/")  # noqa: PTH111 - many times for a list
    if home and (path == home or path.startswith(f"{home}/")):
        return f"~{path[len(home) :]}"
    return path


def plain(text: str, keep: str = "") -> str:
    """`text` without escape sequences and control characters.

    Args:
        text: what somebody else wrote.
        keep: control characters that may stay; other white space becomes a blank.
    """
    if text.isprintable():
        return text
    return "".join(
        one if one.isprintable() or one in keep else " " if one.isspace() else ""
        for one in _SEQUENCE.sub("", text)
    )
