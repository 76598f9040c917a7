"""Leases of the same scope and arguments that somebody still holds, such as the kernel before.

A new set-up may need what they hold: a port, a name. It waits for those that are being cleaned up,
and an error of the set-up names the others.
"""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from resnb.errors import LedgerError
from resnb.ledger import states
from resnb.ledger.kernel.managed import CallHost
from resnb.ledger.kernel.request import LeaseRequest
from resnb.ledger.owner import DEAD

if TYPE_CHECKING:
    from resnb.ledger.kernel.book import LeaseBook
    from resnb.ledger.record import LeaseRecord

LONGEST_WAIT: Final = 60.0
"""How long a set-up waits for the clean-ups of its predecessors at most, in seconds."""
_POLL: Final = 0.05
_SHOWN_ID: Final = 8


class Predecessors:
    """Looks for them in the ledger.

    Args:
        host: tells the time, and lets some pass.
        book: gives the kernel's book.
        say: called with one line when a set-up has to wait.
    """

    def __init__(
        self,
        host: CallHost,
        book: "Callable[[], LeaseBook]",
        say: Callable[[str], object] | None = None,
    ) -> None:
        self._host = host
        self._book = book
        self._say = say or _to_standard_error

    def wait(self, request: LeaseRequest) -> str:
        """Wait while a predecessor is being cleaned up, at most `LONGEST_WAIT` seconds.

        Args:
            request: the request for the new lease.

        Returns:
            A note for the error if set-up fails, which names those that are still there; empty if
            there is none.
        """
        if not request.key:
            return ""
        deadline: float | None = None
        while True:
            try:
                left = self._left(request.key)
            except LedgerError:
                return ""
            ending = [one for one in left if self._is_ending(one)]
            now = self._host.now()
            if not ending or (deadline is not None and now >= deadline):
                return _note(left)
            if deadline is None:
                limits = [one.cleanup_timeout for one in ending]
                deadline = now + min(LONGEST_WAIT, max(limits))
                self._say(
                    f"{ending[0].name}: the one before is being cleaned up; set-up waits for that, "
                    f"up to {deadline - now:.0f} s"
                )
            self._host.pause(_POLL)

    def _left(self, key: str) -> "list[LeaseRecord]":
        """What others hold; the kernel itself knows what it has, and what its set-ups left.

        Where something is only looked for, there is nothing that is known.
        """
        me = self._book().owner
        others = [one for one in self._book().store.with_key(key) if one.owner != me]
        kept = [one for one in others if one.state == states.KEPT and not one.request]
        return [one for one in others if one not in kept and one.nothing_since is None]

    def _is_ending(self, record: "LeaseRecord") -> bool:
        """Whether another process is cleaning it up, or about to."""
        if record.state == states.FAILED:  # what was just handed over is not tried yet
            return record.tries == 0 and (record.handle is not None or record.can_find)
        if record.state == states.CLOSING:
            return True
        return self._book().liveness.status(record.owner) == DEAD


def _note(left: "list[LeaseRecord]") -> str:
    if not left:
        return ""
    names = ", ".join(
        f"{one.name} ({one.id[:_SHOWN_ID]}, {one.state}, process {one.owner.pid})" for one in left
    )
    return f"there is already: {names}; it may hold what this set-up needs: resnb cleanup, or ls"


def _to_standard_error(line: str) -> None:
    print(line, file=sys.stderr)  # noqa: T201 - the output of the set-up that waits
