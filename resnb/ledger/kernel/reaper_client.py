"""The kernel's side of the reaper: start it, know that it is there, hear what it asks for.

The reaper is ready before the first record is written. Before each further one it is asked for a
sign of life; a dead one is replaced. A fork is another process, and starts its own.
"""

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from resnb.errors import LedgerError
from resnb.ledger.owner import Owner

_ANSWER_WITHIN = 5.0
_STARTS_WITHIN = 20.0
_REAPER = Path(__file__).parents[1] / "reaper" / "reaper.py"


class Told(NamedTuple):
    """What a reaper says.

    Attributes:
        word: ``"close"`` (the kernel should close a lease), ``"state"`` (the reaper has moved a
            lease to another state), or ``"gone"`` (the reaper has ended).
        lease: the lease's id.
        state: its new state.
        reason: why.
    """

    word: str
    lease: str = ""
    state: str = ""
    reason: str = ""


class ReaperLink:
    """The connection of this process to its reaper.

    Args:
        home: the ledger's folder.
        owner: this process.
        told: called, on a thread of ours, with what the reaper says.
    """

    def __init__(self, home: Path, owner: Owner, told: Callable[[Told], object]) -> None:
        self.pid: int | None = None
        """The reaper's process id, once one was started."""
        self._home = home
        self._owner = owner
        self._told = told
        self._lock = threading.Lock()
        self._channel: socket.socket | None = None
        self._let_go: socket.socket | None = None
        self._answered = threading.Event()

    @property
    def is_lost(self) -> bool:
        """Whether the reaper is known to be gone, or there was none yet."""
        return self._channel is None

    def ensure(self) -> None:
        """Make sure that a reaper is there and listening.

        Raises:
            LedgerError: none can be started, so nothing may be created.
        """
        with self._lock:
            if self._is_there():
                return
            self._start()

    def look(self) -> None:
        """Tell the reaper that the ledger has changed."""
        channel = self._channel
        if channel is not None:
            with suppress(OSError):  # a dead reaper is noticed before the next lease
                channel.sendall(b".")

    def close(self) -> None:
        """Let go of the reaper; it ends by itself when nothing is left to do."""
        with self._lock:
            channel = self._let_go = self._channel
            self._channel = None
        if channel is not None:
            with suppress(OSError):
                channel.shutdown(socket.SHUT_RDWR)  # wakes the thread that listens, and closes it

    def forget(self) -> None:
        """This is a forked child: the reaper is its parent's."""
        if self._channel is not None:
            self._channel.close()
            self._channel = None

    def _is_there(self) -> bool:
        channel = self._channel
        if channel is None:
            return False
        self._answered.clear()
        with suppress(OSError):
            channel.sendall(b"?")
            if self._answered.wait(_ANSWER_WITHIN) and self._channel is not None:
                return True
        self._channel = None  # it is dead, or hangs: what it says yet is no answer of the next
        with suppress(OSError):
            channel.shutdown(socket.SHUT_RDWR)  # as in `close`
        return False

    def _start(self) -> None:
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                self._run_starter(theirs)
            ours.settimeout(_STARTS_WITHIN)
            first, _, rest = ours.recv(4096).partition(b"\n")  # it may have said more by now
            word, _, pid = first.decode(errors="replace").partition(" ")
        except (OSError, subprocess.SubprocessError) as error:
            ours.close()
            message = f"the reaper cannot be started ({error}): nothing was created"
            raise LedgerError(message) from None
        if word != "ready":
            ours.close()
            message = (
                f"the reaper did not start (see {self._home / 'reaper.log'}): nothing was created"
            )
            raise LedgerError(message)
        ours.settimeout(None)
        self.pid, self._channel = int(pid), ours
        threading.Thread(
            target=self._listen, args=(ours, rest), name="resnb-reaper-link", daemon=True
        ).start()

    def _run_starter(self, channel: socket.socket) -> None:
        pidfd = _pidfd_of_ourselves()
        passed = [channel.fileno(), *([pidfd] if pidfd >= 0 else [])]
        log = self._log()
        arguments = [str(self._home), self._owner.to_text(), str(channel.fileno()), str(pidfd)]
        try:
            subprocess.run(  # noqa: S603 - our own script
                [sys.executable, "-I", "-S", str(_REAPER), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=passed,
                start_new_session=True,
                timeout=_STARTS_WITHIN,
                check=False,
            )  # it has left the reaper to itself, so that nobody takes it for our child
        finally:
            for one in (log, *passed[1:]):
                os.close(one)

    def _log(self) -> int:
        try:
            flags = os.O_CREAT | os.O_APPEND | os.O_WRONLY
            return os.open(self._home / "reaper.log", flags, 0o600)
        except (
            OSError
        ):  # such as a full disk, which must not keep a dead reaper from being replaced
            return os.open(os.devnull, os.O_WRONLY)

    def _listen(self, channel: socket.socket, said_before: bytes) -> None:
        for line in _lines(channel, said_before):
            if line == b"!":
                if channel is self._channel:
                    self._answered.set()
                continue
            try:
                said = Told(*map(str, json.loads(line)))
            except (ValueError, TypeError):
                continue  # not of our reaper's making
            self._told(said)
        if channel is self._channel:
            self._channel = None
            self._answered.set()  # for who waits for an answer: there will be none
        channel.close()
        if channel is not self._let_go:
            self._told(Told("gone"))


def _lines(channel: socket.socket, buffer: bytes) -> Iterator[bytes]:
    while True:
        *lines, buffer = buffer.split(b"\n")
        yield from lines
        try:
            data = channel.recv(4096)
        except OSError:
            return
        if not data:
            return
        buffer += data


def _pidfd_of_ourselves() -> int:
    opener = getattr(os, "pidfd_open", None)
    if opener is None:
        return -1
    try:
        return int(opener(os.getpid()))
    except OSError:
        return -1


__all__ = ["ReaperLink", "Told"]
