"""The ledger's commands: one object for the command line, the magics and the server.

It reads and writes records, and never loads a recipe. The clean-up itself is done by the reaper
of a living kernel, which sees the request in the ledger, or by a sweeper, which outlives the
caller, so that a Ctrl-C here cuts no clean-up short. What an unseen kernel holds is touched only
if it is named. Every call is a few short transactions, so any thread may make it.
"""

import subprocess
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from resnb.errors import LedgerError, OptionError
from resnb.ledger import states
from resnb.ledger.admin.listing import ListedLease
from resnb.ledger.admin.queries import LedgerQueries
from resnb.ledger.clock import now
from resnb.ledger.owner import ALIVE, DEAD, UNKNOWN, nobody, this_process
from resnb.ledger.reaper.detached import start_detached
from resnb.ledger.store.home import made_private

POLL = 0.1
"""How often a waiting command reads the ledger, in seconds."""
SWEEP_AGAIN = 15.0
"""When a waiting command starts another sweeper, in case one was killed, in seconds."""
HEAD_START = 2.0
"""How long `wait` leaves the work to the kernels' own reapers, in seconds."""
_SWEEPER = Path("sweeper.py")


def start_sweeper(home: Path) -> None:
    """Start a process that cleans up what dead kernels have left; it outlives the caller.

    Raises:
        LedgerError: it cannot be started.
    """
    try:
        code = start_detached(_SWEEPER, made_private(home))
    except (OSError, subprocess.SubprocessError) as error:
        raise LedgerError(f"the sweeper cannot be started: {error}") from None
    if code:
        raise LedgerError(f"the sweeper cannot be started: see {home / 'reaper.log'}")


class LedgerCommands(LedgerQueries):
    """The commands.

    Args:
        home: the ledger's folder; the user's by default.
        sweeper: starts a sweeper for a ledger's folder.
    """

    def __init__(
        self, home: Path | None = None, sweeper: Callable[[Path], None] = start_sweeper
    ) -> None:
        super().__init__(home)
        self._sweeper = sweeper
        self._never = threading.Event()

    # ---- ending

    def clean_up(
        self, leases: Iterable[ListedLease], timeout: float | None = None
    ) -> list[ListedLease]:
        """Clean up `leases` and what depends on them, whoever holds them.

        Args:
            leases: what to clean up.
            timeout: seconds to wait at most; what is not done by then is still done later.

        Returns:
            Those that are left: not closed in time, or failed.

        Raises:
            OptionError: one lives inside a kernel that cannot be seen from here, or is damaged.
        """
        chosen = self.with_dependants(leases)
        me = this_process()
        for one in chosen:
            _refuse_damaged(one)
            if one.kernel == UNKNOWN and one.record.dies_with_kernel:
                raise OptionError(
                    f"{one.name} lives inside a kernel that cannot be seen from here: end that, "
                    f"then resnb forget {one.name}"
                )
        values: dict[str, Any] = {"request": "cleanup", "tries": 0, "next_try": 0.0}
        for one in chosen:
            lease, owner = one.record.id, one.record.owner
            if one.kernel != UNKNOWN:
                self.store.change(lease, **values)
                continue
            if one.record.state == states.CLOSING:  # its claimant cannot be seen either
                self.store.change(lease, state=states.FAILED, claimant=None, cleaner=None)
            self.store.adopt(lease, nobody(me, owner), owner, **values)
        ids = {one.record.id for one in chosen}
        return self._watch(
            lambda one: one.record.id in ids, lambda one: not one.is_settled, timeout
        )

    def sweep(self, timeout: float | None = None) -> list[ListedLease]:
        """Clean up what dead kernels have left; what failed before is tried once more.

        It waits `timeout` seconds at most, and gives what is left; not what is kept.
        """
        for one in self.leases():
            if one.is_orphan and one.record.state == states.FAILED:
                self.store.change(one.record.id, tries=0, next_try=0.0)
        return self._watch(lambda one: one.is_orphan, lambda one: not one.is_settled, timeout)

    def wait(self, timeout: float | None = None, session: str | None = None) -> list[ListedLease]:
        """Wait until what dead kernels have left is cleaned up, or has failed again and again.

        Args:
            timeout: seconds to wait at most.
            session: only leases of this test session.

        Returns:
            What is left; not what is kept.
        """
        return self._watch(
            lambda one: one.is_orphan and session in (None, one.record.session),
            lambda one: not (one.is_failing or one.is_looking),
            timeout,
            HEAD_START,
        )

    def forget(self, name: str) -> ListedLease:
        """Close the record of a lease whose resource somebody has removed by hand.

        Raises:
            OptionError: there is no such lease, or its kernel holds it or cleans it up.
        """
        one = self.find_one(name)
        if one.kernel == ALIVE and one.record.state != states.FAILED:
            raise OptionError(
                f"{one.name} is held by a kernel that is alive: resnb cleanup {one.name}"
            )
        me = this_process()
        lease = one.record.id
        can_be_closed = one.state == states.DAMAGED or self.store.claim(
            lease, me, lambda other: self.liveness.status(other) != ALIVE
        )
        if not can_be_closed:
            raise OptionError(f"{one.name} is being cleaned up now: wait until that has ended")
        self.store.close(lease, now(), "forgotten: removed by hand")
        return one

    # ---- keeping

    def keep(self, name: str, seconds: float) -> ListedLease:
        """Let a lease survive its kernel for `seconds`, from now on if that has ended already.

        So does what it may depend on.

        Raises:
            OptionError: there is no such lease, or it cannot be kept.
        """
        one = self.find_one(name)
        _refuse_damaged(one)
        if one.kernel == UNKNOWN:
            raise OptionError(f"the kernel of {one.name} cannot be seen from here: resnb adopt it")
        _refuse_unkeepable(one)
        outer = [other for other in self.leases() if other.record.id in one.record.around]
        for other in outer:
            _refuse_unkeepable(other, f"{one.name} cannot be kept: it may depend on {other.name}")
        if one.kernel == ALIVE:
            for other in (*outer, one):
                if other is one or (other.record.keep or 0.0) < seconds:
                    self._set_keep(other, seconds)
            return one
        self._take_over(one, seconds)
        return one

    def adopt(self, name: str, seconds: float) -> ListedLease:
        """Let this machine care for a lease whose kernel is gone or out of sight.

        For `seconds`, a notebook can adopt it; then it is cleaned up here.

        Raises:
            OptionError: there is no such lease, its kernel is alive, or it cannot be kept.
        """
        one = self.find_one(name)
        if one.kernel == ALIVE:
            raise OptionError(
                f"{one.name} is held by a kernel that is alive: end it, or resnb keep {one.name}"
            )
        _refuse_unkeepable(one, f"{one.name} cannot be adopted")
        self._take_over(one, seconds)
        return one

    # ---- inside

    def _set_keep(self, one: ListedLease, seconds: float) -> None:
        """Let the kernel of a lease know that it is to be kept.

        Raises:
            OptionError: its clean-up has begun, or was asked for, since it was listed.
        """
        record = one.record
        open_of = record.owner if record.state == states.OPEN else None
        if not self.store.change(record.id, open_of=open_of, keep=seconds):
            raise OptionError(f"{one.name} cannot be kept any more: its clean-up has begun")

    def _take_over(self, one: ListedLease, seconds: float) -> None:
        owner, until = one.record.owner, now() + seconds
        values = {"state": states.KEPT, "keep_until": until, "request": ""}
        if not self.store.adopt(one.record.id, nobody(this_process(), owner), owner, **values):
            raise OptionError(f"{one.name} cannot be kept any more: its clean-up has begun")
        self._sweeper(self.home)  # somebody has to end it

    def _watch(
        self,
        is_meant: Callable[[ListedLease], bool],
        is_pending: Callable[[ListedLease], bool],
        timeout: float | None,
        sweep_after: float = 0.0,
    ) -> list[ListedLease]:
        """Wait until no lease that `is_meant` is still pending; gives those that are left."""
        deadline = None if timeout is None else time.monotonic() + timeout
        sweep_at = time.monotonic() + sweep_after
        while True:
            since = time.monotonic()
            left = [one for one in self.leases() if is_meant(one)]
            pending = [one for one in left if is_pending(one)]
            if since >= sweep_at and any(one.kernel == DEAD for one in pending):
                self._sweeper(self.home)
                sweep_at = since + SWEEP_AGAIN
            if not pending or (deadline is not None and since >= deadline):
                return left
            self._never.wait(POLL)


def _refuse_damaged(one: ListedLease) -> None:
    """Refuse a lease whose record cannot be read.

    Raises:
        OptionError: it is one; the message says what to do.
    """
    if one.state == states.DAMAGED:
        raise OptionError(f"{one.name} is damaged: {one.remedy}")


def _refuse_unkeepable(one: ListedLease, message: str = "") -> None:
    """Refuse a lease that nobody could adopt.

    Raises:
        OptionError: it cannot be kept; the message says why.
    """
    _refuse_damaged(one)
    why = one.fault
    if one.record.dies_with_kernel:
        why = "it lives inside its kernel's process"
    elif one.record.state == states.OPENING and one.kernel != ALIVE:
        why = "its set-up did not return"
    elif one.record.state in (states.CLOSING, states.FAILED):
        why = "its clean-up has begun"
    if why:
        raise OptionError(f"{message or f'{one.name} cannot be kept'}: {why}")
