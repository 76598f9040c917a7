"""The reaper: the small detached process that cleans up after a kernel. Started by file path.

It runs in a session of its own and ignores INT, TERM and HUP, so no end of the kernel, of the
server or of the terminal takes it along. It learns of the kernel's death by waiting for its lock
(where there are no locks, by looking at the process now and then), and of everything else by a
socket, by the pipes and ends of its clean-ups, and by the ledger. It imports the standard library
only, and ends when nothing is left to do. What to do next is decided in
`resnb.ledger.reaper.decisions`.
"""

import os
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[3]))  # last: nothing there may shadow the library

from resnb.errors import LedgerError
from resnb.ids import LeaseId
from resnb.ledger import states
from resnb.ledger.clock import now
from resnb.ledger.liveness import Presence, remove_unused
from resnb.ledger.owner import DEAD, Owner, from_text, same_place, this_process
from resnb.ledger.reaper.cleanups import Cleanups, at_once
from resnb.ledger.reaper.decisions import (
    LOOKING,
    Action,
    Ask,
    Clean,
    Close,
    Fail,
    Keep,
    Rehearse,
    decide,
    due,
    end_reason,
    first_look,
    look_after,
    pause_after,
)
from resnb.ledger.reaper.detached import LOCK_SEEN, UNSEEN, detach, start_detached
from resnb.ledger.reaper.kernel_link import KernelLink, is_seen
from resnb.ledger.reaper.lease_logs import LeaseLogs
from resnb.ledger.reaper.ledger_memory import LedgerMemory
from resnb.ledger.reaper.rehearsals import Rehearsals
from resnb.ledger.reaper.renewal import Renewal
from resnb.ledger.record import LeaseRecord
from resnb.ledger.store.choice import liveness_of, open_store
from resnb.ledger.store.store import Store

LOOK_EVERY = 0.5
"""How often to look for requests and limits while the kernel is alive, in seconds."""
LOOK_EVERY_SHARED = 5.0
"""The same in a ledger that thousands may share."""
LOOK_LATER = 5.0
"""How often to look when it has ended and no clean-up is running, in seconds."""
_SWEEPER = Path("sweeper.py")
AFTER_ERROR = 5.0
"""How long to wait when the ledger cannot be read or written, in seconds."""
LEAVE_TO_SWEEPER = 60.0
"""How far off the next thing to do must be for the one sweeper of a ledger to wait for it, in place
of the reapers of many kernels; in seconds."""
FOUND = "cleaned up what was found"
LINGER = 30.0
"""How long to stay when the kernel holds nothing, in seconds."""


class Reaper:
    """Cleans up the leases of one kernel.

    Args:
        store: the ledger.
        owner: the kernel; None to clean up once, for every owner.
        channel: the socket to the kernel, or None.
        chosen: picks from the leases that are not closed those to care for; all by default.
        leaves: whether it may end although something is to be done much later.

    Attributes:
        leaves_work: whether it has ended although something is to be done much later.
    """

    def __init__(
        self,
        store: Store,
        owner: Owner | None = None,
        channel: socket.socket | None = None,
        chosen: Callable[[list[LeaseRecord]], list[LeaseRecord]] = list,
        *,
        leaves: bool = True,
    ) -> None:
        self._store = store
        self._owner = owner
        self._chosen = chosen
        self._presence = presence_in(store.home)
        self._me = this_process() if self._presence is None else self._presence.owner
        self._liveness = liveness_of(store)
        self._renewal = Renewal(store, owner, self._me)
        self._look_every = LOOK_EVERY_SHARED if store.is_renewed else LOOK_EVERY
        self._asked: dict[str, float] = {}
        self._logs = LeaseLogs(store.home)
        self._selector = selectors.DefaultSelector()
        self._memory = LedgerMemory(
            store,
            owner,
            self._me,
            lambda one: self._seen(one) == DEAD,
            on_change=self._changed_elsewhere,
            on_loss=self._lost_and_written,
        )
        self._cleanups = Cleanups(store, self._memory, self._me, self._selector, self._logs)
        answers = {"closed": self._closed_by_kernel, "used": self._used_in_kernel}
        self._kernel = KernelLink(self._selector, channel, self._stay, answers)
        if owner is not None:
            self._kernel.wake_at_end(store.home, owner)
        self._rehearsals = Rehearsals(store.home, self._memory, self._selector, self._rehearsed)
        self._last_use = time.monotonic()
        self._fault = ""
        self.leaves_work = False
        self._leaves = leaves

    def run(self) -> None:
        """Go on until nothing is left to do."""
        with self._selector:
            while (look_again := self._act()) is not None:
                for key, _ in self._selector.select(look_again):
                    key.data()
            self._rehearsals.end()
        self._logs.remove_old(time.time())
        self._remove_lock_files()
        if self._presence is not None:
            self._presence.release()

    def _remove_lock_files(self) -> None:
        """Remove those of the kernel, if it has ended, and of the clean-ups."""
        ended = set(self._cleanups.locks)
        if self._owner is not None and self._owner.lock is not None and self._is_kernel_gone():
            ended.add(self._owner.lock)
        with suppress(LedgerError):
            records = self._store.alive(whole=False)
            remove_unused(self._store.home, records, time.time(), ended)

    def _act(self) -> float | None:
        """Do what is to be done now; gives the seconds until the next look, None at the end."""
        self._cleanups.collect()
        is_kernel_gone = self._is_kernel_gone()  # first: then all that it has left is in the ledger
        try:
            results = self._cleanups.results
            while results:  # what cannot be written now is written later, and not done again
                self._finished(*results[0])
                del results[0]
            self._cleanups.give_orders()
            self._keep_up(is_kernel_gone=is_kernel_gone)
            records = self._chosen(self._memory.records())
            self._rehearsals.go_on(records)
            self._say_once(self._memory.fault)
            return self._decide(records, is_kernel_gone=is_kernel_gone)
        except (LedgerError, OSError) as error:
            self._say_once(f"{error}")
            hopeless = time.monotonic() - self._last_use > LINGER  # nothing was ever read
            return None if hopeless and self._memory.is_empty and is_kernel_gone else AFTER_ERROR

    def _keep_up(self, *, is_kernel_gone: bool) -> None:
        """Renew, in a shared ledger; while that is away, go on with what is known."""
        holds = not is_kernel_gone and not self._memory.is_empty
        try:
            if self._renewal.keep_up(kernel=holds, claims=bool(self._cleanups.running)):
                self._memory.read_again()
        except LedgerError as error:
            self._say_once(f"{error}")

    def _is_kernel_gone(self) -> bool:
        return self._owner is None or self._seen(self._owner) == DEAD

    def _decide(self, records: list[LeaseRecord], *, is_kernel_gone: bool) -> float | None:
        overdue = {record.id for record in records if due(record, now())}
        if not self._kernel.is_connected:  # there is no answer to wait for
            overdue.clear()
        self._asked = {lease: when for lease, when in self._asked.items() if lease in overdue}
        decision = decide(
            records,
            liveness=self._status,
            now=now(),
            running=self._cleanups.running,
            asked=self._asked,
            at_once=at_once(),
            rehearsing=self._rehearsals.is_busy if self._kernel.is_connected else None,
        )
        carried_out = [self._carry_out(action) for action in decision.actions]
        if any(carried_out):
            return 0.0
        # what could not be carried out, another process does
        is_busy = bool(self._cleanups.running or decision.actions)
        if is_busy or (records and not (is_kernel_gone and decision.idle)):
            self._stay()
        elif not self._memory.has_unwritten:
            knows_all = is_kernel_gone and not self._memory.fault
            if knows_all or time.monotonic() - self._last_use > LINGER:
                return None
        waits = (decision.look_again or 0.0) - now()
        if self._owner is not None and is_kernel_gone and not is_busy and waits > LEAVE_TO_SWEEPER:
            self.leaves_work = self._leaves and not self._memory.has_unwritten
            if self.leaves_work:
                return None
        later = [*self._cleanups.ask_within(), *self._rehearsals.ask_within()]
        later.append(LOOK_LATER if is_kernel_gone and not is_busy else self._look_every)
        if decision.look_again is not None:
            later.append(max(0.01, waits))
        return min(later)

    def _changed_elsewhere(self, record: LeaseRecord) -> None:
        """The kernel learns of what another process has closed, taken, or begun to clean up."""
        state, reason = record.state, "somebody else cleans it up"
        if state == states.CLOSED:
            reason = record.reason
        elif record.owner != self._owner:  # so it is over for this kernel
            state, reason = states.CLOSED, "another process has taken it over"
        self._kernel.tell("state", record.id, state, reason)

    def _lost_and_written(self, record: LeaseRecord) -> None:
        self._logs.note(record.id, "written again: the ledger had lost it")

    def _closed_by_kernel(self, lease: str) -> None:
        self._memory.close_later(LeaseId(lease), "cleaned up")

    def _used_in_kernel(self, answer: str) -> None:
        """The kernel, asked about an idle lease, answers: it does not hang, and is asked anew."""
        lease, _, ago = answer.partition(" ")
        with suppress(ValueError):
            self._memory.used_later(LeaseId(lease), now() - float(ago))
            self._asked.pop(lease, None)

    def _status(self, owner: Owner) -> str:
        """The status of `owner`; this process's claims that it does not carry out are void."""
        return DEAD if owner == self._me else self._seen(owner)

    def _seen(self, owner: Owner) -> str:
        return self._kernel.corrected(owner, self._liveness.status(owner))

    def _stay(self) -> None:
        self._last_use = time.monotonic()

    # ---- actions

    def _carry_out(self, action: Action) -> bool:
        """Carry out `action`, unless another process does; gives whether this one did."""
        record = action.record
        whole = self._memory.whole(record) if isinstance(action, Clean) else record
        if isinstance(action, Rehearse):
            self._rehearsals.begin(tuple(map(self._memory.whole, action.records)))
        elif isinstance(action, Keep):
            if not self._memory.keep(record, action.until):
                return False
            self._logs.note(record.id, "kept: its kernel has ended")
        elif isinstance(action, Ask):
            if not self._kernel.is_connected:  # another reaper asks
                return False
            self._asked[record.id] = now()
            self._kernel.tell("close", record.id, action.kind, action.reason)
        elif not self._claim(record):
            return False
        elif isinstance(action, Clean):
            self._begin(whole)
        elif isinstance(action, Close):
            self._close(record.id, action.reason, f"closed: {action.reason}")
        elif isinstance(action, Fail):
            self._fail(record.id, action.reason, action.reason, tries=record.tries)
        return True

    def _rehearsed(self, lease: str) -> None:
        self._kernel.tell("rehearsed", lease, "", "")

    def _claim(self, record: LeaseRecord) -> bool:
        return self._memory.claim(record)

    def _begin(self, record: LeaseRecord) -> None:
        self._logs.note(record.id, f"clean-up begins (try {record.tries + 1})")
        self._kernel.tell("state", record.id, states.CLOSING, "the reaper is cleaning it up")
        self._cleanups.begin(record)

    def _finished(self, record: LeaseRecord, result: str, reason: str) -> None:
        lease = LeaseId(record.id)
        if result == "nothing" and not same_place(self._me, record.owner):
            result, reason = "wrong environment", "nothing was found from this machine"
        if result in ("cleaned", "nothing") and record.handle is None:
            self._looked(record, found=result == "cleaned")
            return
        if result == "cleaned":  # its own process has written that into its log
            self._close(lease, end_reason(record))
            return
        if result == "wrong environment":
            reason = (
                f"wrong environment: {reason}; clean it up where it was made, or remove "
                f"what has the tag {lease} by hand and run: resnb forget {lease[:8]}"
            )
        next_try = now() + pause_after(record.tries + 1)
        if self._fail(lease, reason, f"failed: {reason}", next_try=next_try):
            return
        found = self._store.get(lease)
        if found is None or found.state == states.CLOSED:
            # its own process had closed it before it was killed
            self._kernel.tell("state", lease, states.CLOSED, end_reason(record))

    def _looked(self, record: LeaseRecord, *, found: bool) -> None:
        """What set-up may have made was looked for, and what was found was cleaned up."""
        lease, began = LeaseId(record.id), now() - first_look(record)
        since = began if found or record.nothing_since is None else record.nothing_since
        tries = record.tries + found
        pause = look_after(now() - since, record.find_for)
        if pause is not None and found:  # perhaps the same, which takes time to disappear
            pause = max(pause, pause_after(tries))
        found = found or record.reason.startswith(FOUND)
        if pause is None:
            nothing = f"nothing was found in {record.find_for:g} s"
            self._close(lease, "cleaned up by the reaper" if found else nothing, nothing)
            return
        reason = f"{FOUND}, and {LOOKING}" if found else LOOKING
        values = {"tries": tries, "next_try": now() + pause, "nothing_since": since}
        self._release(lease, states.CLOSING, reason, f"{reason}: again in {pause:.0f} s", **values)

    def _close(self, lease: LeaseId, reason: str, note: str = "") -> None:
        self._memory.close(lease, reason)
        if note:
            self._logs.note(lease, note)
        self._kernel.tell("state", lease, states.CLOSED, reason)

    def _fail(self, lease: LeaseId, reason: str, note: str, **values: Any) -> bool:
        return self._release(lease, states.FAILED, reason, note, **values)

    def _release(self, lease: LeaseId, state: str, reason: str, note: str, **values: Any) -> bool:
        """Give up the claim; false if somebody else has closed or taken the lease."""
        done = self._memory.change(
            lease, state=state, reason=reason, claimant=None, cleaner=None, **values
        )
        if done:
            self._logs.note(lease, note)
            self._kernel.tell("state", lease, states.FAILED, reason)
        return done

    def _say_once(self, fault: str) -> None:
        if fault and fault != self._fault:
            _log(fault)
        self._fault = fault


def _log(text: str) -> None:
    with suppress(OSError):  # on a full disk, say
        print(text, file=sys.stderr, flush=True)  # noqa: T201 - its standard error is a file


def presence_in(home: Path) -> Presence | None:
    """This process's lock; None where it cannot have one, which must not stop a reaper."""
    try:
        return Presence(home)
    except (LedgerError, OSError):
        return None


def main(arguments: list[str]) -> None:
    """Start with: home, owner, descriptor of the socket (-1: none)."""
    home, owner_text, channel = arguments
    detach(home)
    owner = from_text(owner_text) if owner_text else None
    seen = UNSEEN
    if owner is not None and owner.lock is not None:
        if is_seen(owner, Path(home)):
            seen = LOCK_SEEN
        else:
            owner = owner._replace(lock=None)
    connection = socket.socket(fileno=int(channel)) if int(channel) >= 0 else None
    if connection is not None:
        with suppress(OSError):  # the kernel has died meanwhile, and may have left something
            connection.sendall(f"ready {os.getpid()} {seen}\n".encode())
    store = open_store(Path(home), kept=True)
    reaper = Reaper(store, owner, connection)
    reaper.run()
    if reaper.leaves_work and not has_sweeper(Path(home)):
        Reaper(store, owner, leaves=False).run()


def has_sweeper(home: Path) -> bool:
    """Start the sweeper of a ledger, to which the rest is left; false if that cannot be."""
    try:
        code = start_detached(_SWEEPER, home)
    except (OSError, subprocess.SubprocessError) as error:
        _log(f"the sweeper cannot be started, so this reaper stays: {error}")
        return False
    return code == 0


if __name__ == "__main__":
    main(sys.argv[1:])
