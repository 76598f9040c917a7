"""The reaper: the small detached process that cleans up after a kernel. Started by file path.

It runs in a session of its own and ignores INT, TERM and HUP, so no end of the kernel, of the
server or of the terminal takes it along. It learns of the kernel's death by a pidfd that the
kernel opened on itself (elsewhere by looking at the process now and then), and of everything
else by a socket and by the ledger. It imports the standard library only, and ends when nothing
is left to do. What to do next is decided in `resnb.ledger.reaper.decisions`.
"""

import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

sys.path.append(str(Path(__file__).parents[3]))  # last: nothing there may shadow the library

from resnb.errors import LedgerError
from resnb.ids import LeaseId
from resnb.ledger import states
from resnb.ledger.owner import DEAD, Owner, from_text, status, this_process
from resnb.ledger.reaper.cleanup_process import Cleaning
from resnb.ledger.reaper.decisions import (
    Ask,
    Clean,
    Close,
    Fail,
    Keep,
    decide,
    due,
    pause_after,
)
from resnb.ledger.record import Record
from resnb.ledger.store.store import Store

LOOK_EVERY = 0.5
"""How often it looks for requests and limits while the kernel lives, in seconds."""
AFTER_ERROR = 5.0
"""How long it waits when the ledger cannot be read or written, in seconds."""
LINGER = 30.0
"""How long it stays when the kernel holds nothing, in seconds."""


class Reaper:
    """Cleans up the leases of one kernel.

    Args:
        store: the ledger.
        owner: the kernel; None to sweep the leases of every dead owner once.
        channel: the socket to the kernel, or None.
        pidfd: a descriptor that becomes readable when the kernel ends, or None.
    """

    def __init__(
        self, store: Store, owner: Owner | None, channel: socket.socket | None, pidfd: int | None
    ) -> None:
        self._store = store
        self._owner = owner
        self._channel = channel
        self._me = this_process()
        self._running: dict[str, Cleaning] = {}
        self._known: dict[str, Record] = {}
        self._results: list[tuple[Record, str, str]] = []
        self._asked: dict[str, float] = {}
        self._selector = selectors.DefaultSelector()
        if channel is not None:
            channel.settimeout(0.0)
            self._selector.register(channel, selectors.EVENT_READ, self._listen)
        if pidfd is not None:
            self._selector.register(pidfd, selectors.EVENT_READ, self._kernel_ended)
        self._last_use = time.monotonic()

    def run(self) -> None:
        """Go on until nothing is left to do."""
        while True:
            look_again = self._act()
            if look_again is None:
                return
            for key, _ in self._selector.select(look_again):
                key.data()

    def _act(self) -> float | None:
        """Do what is to be done now; gives the seconds until the next look, None at the end."""
        self._collect()
        is_kernel_gone = self._is_kernel_gone()  # asked first: what it has left is all there then
        try:
            while self._results:  # what cannot be written now is written later, and not done again
                self._finished(*self._results[0])
                del self._results[0]
            records = self._store.alive(self._owner)
            if self._restored(records):
                records = self._store.alive(self._owner)
            return self._decide(records, is_kernel_gone=is_kernel_gone)
        except LedgerError as error:
            _log(f"{error}")
            hopeless = time.monotonic() - self._last_use > LINGER  # nothing was ever read
            return None if hopeless and not self._known and is_kernel_gone else AFTER_ERROR

    def _is_kernel_gone(self) -> bool:
        return self._owner is None or status(self._owner, self._me) == DEAD

    def _decide(self, records: list[Record], *, is_kernel_gone: bool) -> float | None:
        overdue = {record.id for record in records if due(record, time.time())}
        self._asked = {lease: when for lease, when in self._asked.items() if lease in overdue}
        decision = decide(
            records,
            liveness=self._status,
            now=time.time(),
            running=self._running,
            asked=self._asked,
        )
        for action in decision.actions:
            self._carry_out(action)
        if decision.actions:
            return 0.0 if not self._running else 0.05
        if self._running:
            return 0.05
        if records and not (is_kernel_gone and decision.idle):
            self._last_use = time.monotonic()
        elif is_kernel_gone or time.monotonic() - self._last_use > LINGER:
            return None
        later = LOOK_EVERY if not is_kernel_gone else 5.0
        if decision.look_again is not None:
            later = min(later, max(0.01, decision.look_again - time.time()))
        return later

    def _restored(self, records: list[Record]) -> bool:
        """Write down again what a ledger has lost that was damaged or removed.

        What another process has closed, such as a clean-up that has outlived its reaper, is told
        to the kernel.
        """
        present: dict[str, Record] = {record.id: record for record in records}
        lost = []
        for lease, record in self._known.items():
            if lease in present:
                continue
            found = self._store.get(record.id)
            if found is None:
                lost.append(record)
            elif found.state == states.CLOSED:
                self._tell("state", lease, states.CLOSED, found.reason)
        self._store.restore(lost)
        self._known = present
        for record in lost:
            self._note(record.id, "written again: the ledger had lost it")
        return bool(lost)

    def _status(self, owner: Owner) -> str:
        """Whether `owner` is there; a claim of our own that we do not carry out is void."""
        return DEAD if owner == self._me else status(owner, self._me)

    # ---- actions

    def _carry_out(self, action: Any) -> None:
        record: Record = action.record
        if isinstance(action, Clean):
            self._begin(record)
        elif isinstance(action, Close):
            if self._claim(record):
                self._store.close(record.id, time.time(), action.reason)
                self._note(record.id, f"closed: {action.reason}")
                self._tell("state", record.id, states.CLOSED, action.reason)
        elif isinstance(action, Fail):
            if self._claim(record):
                self._store.change(
                    record.id, state=states.FAILED, reason=action.reason, claimant=None,
                    cleaner=None, tries=record.tries,
                )  # fmt: skip
                self._note(record.id, action.reason)
                self._tell("state", record.id, states.FAILED, action.reason)
        elif isinstance(action, Keep):
            if self._store.change(record.id, state=states.KEPT, keep_until=action.until):
                self._note(record.id, "kept: its kernel has ended")
        elif isinstance(action, Ask) and self._channel is not None:  # else another reaper asks
            self._asked[record.id] = time.time()
            self._tell("close", record.id, action.kind, action.reason)

    def _claim(self, record: Record) -> bool:
        return self._store.claim(record.id, self._me, lambda other: status(other, self._me) == DEAD)

    def _begin(self, record: Record) -> None:
        if not self._claim(record):
            return
        self._note(record.id, f"clean-up begins (try {record.tries + 1})")
        self._tell("state", record.id, states.CLOSING, "the reaper is cleaning it up")
        log = self._log_file(record.id)
        try:
            cleaning = Cleaning(record, log or subprocess.DEVNULL)
        except (OSError, ValueError) as error:  # the latter of variables that no process can have
            why = getattr(error, "strerror", None) or error
            reason = f"its interpreter {record.environment.python} cannot be started ({why})"
            self._results.append((record, "wrong environment", reason))
            return
        finally:
            if log is not None:
                log.close()
        # it waits for its order: from now on the claim holds as long as it lives, should we die
        try:
            self._store.change(record.id, cleaner=cleaning.process_of(self._me))
        except LedgerError:
            cleaning.end()
            raise
        self._running[record.id] = cleaning
        cleaning.give_order(self._store.end_of(record.id, "cleaned up by the reaper"))

    def _collect(self) -> None:
        for lease, cleaning in list(self._running.items()):
            result = cleaning.result()
            if result is not None:
                del self._running[lease]
                self._results.append((cleaning.record, *result))

    def _finished(self, record: Record, result: str, reason: str) -> None:
        lease = LeaseId(record.id)
        if result == "nothing" and not self._is_at_home(record):
            result, reason = "wrong environment", "nothing was found from this machine"
        if result in ("cleaned", "nothing"):
            said = "cleaned up by the reaper" if result == "cleaned" else "nothing was found"
            self._store.close(lease, time.time(), said)
            if result == "nothing":  # else its own process has said so
                self._note(lease, said)
            self._tell("state", lease, states.CLOSED, said)
            return
        if result == "wrong environment":
            reason = (
                f"wrong environment: {reason}; clean it up where it was made, or remove "
                f"what has the tag {lease} by hand and run: resnb forget {lease[:8]}"
            )
        tries = record.tries + 1
        if not self._store.change(
            lease, state=states.FAILED, reason=reason, claimant=None, cleaner=None,
            next_try=time.time() + pause_after(tries),
        ):  # fmt: skip
            # its own process had closed it before that was killed
            self._tell("state", lease, states.CLOSED, "cleaned up by the reaper")
            return
        self._note(lease, f"failed: {reason}")
        self._tell("state", lease, states.FAILED, reason)

    def _is_at_home(self, record: Record) -> bool:
        """Whether what was made there would be found here."""
        here, there = self._me, record.owner
        return (here.machine, here.namespace) == (there.machine, there.namespace)

    # ---- the kernel

    def _listen(self) -> None:
        assert self._channel is not None
        try:
            data = self._channel.recv(4096)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._selector.unregister(self._channel)
            self._channel.close()
            self._channel = None
            return
        self._last_use = time.monotonic()
        for _ in range(data.count(b"?")):
            self._send("!")

    def _kernel_ended(self) -> None:
        for key in [k for k in self._selector.get_map().values() if k.data == self._kernel_ended]:
            self._selector.unregister(key.fileobj)

    def _tell(self, word: str, lease: str, state: str = "", reason: str = "") -> None:
        self._send(json.dumps([word, lease, state, reason]))

    def _send(self, text: str) -> None:
        if self._channel is not None:
            with suppress(OSError):
                self._channel.sendall(f"{text}\n".encode())

    # ---- logs

    def _log_file(self, lease: str) -> IO[bytes] | None:
        """The lease's log; None if there cannot be one, which must keep nobody from cleaning up."""
        folder = self._store.home / "logs"
        name = "".join(one for one in lease if one.isalnum() or one in "-_")
        flags = os.O_CREAT | os.O_APPEND | os.O_WRONLY
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
            return os.fdopen(os.open(folder / f"{name}.log", flags, 0o600), "ab")
        except OSError:
            return None

    def _note(self, lease: str, text: str) -> None:
        stamp = time.strftime("%Y-%m-%d %H:%M:%S")
        log = self._log_file(lease)
        if log is not None:
            with suppress(OSError), log:
                log.write(f"{stamp} {text}\n".encode())


def _log(text: str) -> None:
    with suppress(OSError):  # a full disk, of which it may tell
        print(text, file=sys.stderr, flush=True)  # noqa: T201 - its standard error is a file


def main(arguments: list[str]) -> None:
    """Start with: home, owner, descriptor of the socket, descriptor of the pidfd (-1: none)."""
    home, owner, channel, pidfd = arguments
    if os.fork():
        os._exit(0)  # what kills a kernel's children does not find us among them
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        # not SIG_IGN, which the processes that we start would inherit
        signal.signal(getattr(signal, name), lambda _number, _frame: None)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())  # whatever the thread that started us blocked
    os.chdir(home)
    os.umask(0o077)
    connection = socket.socket(fileno=int(channel)) if int(channel) >= 0 else None
    if connection is not None:
        with suppress(OSError):  # the kernel has died meanwhile, and may have left something
            connection.sendall(f"ready {os.getpid()}\n".encode())
    Reaper(
        Store(Path(home), kept=True),
        from_text(owner) if owner else None,
        connection,
        int(pidfd) if int(pidfd) >= 0 else None,
    ).run()


if __name__ == "__main__":
    main(sys.argv[1:])
