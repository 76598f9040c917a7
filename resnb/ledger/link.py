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
        self._answered = threading.Event()

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
            channel, self._channel = self._channel, None
        if channel is not None:
            with suppress(OSError):
                channel.shutdown(socket.SHUT_RDWR)  # wakes the thread that listens
            channel.close()

    def forget(self) -> None:
        """This is a forked child: the reaper is its parent's."""
        if self._channel is not None:
            self._channel.close()
            self._channel = None

    def _is_there(self) -> bool:
        if self._channel is None:
            return False
        self._answered.clear()
        try:
            self._channel.sendall(b"?")
        except OSError:
            return False
        return self._answered.wait(_ANSWER_WITHIN)

    def _start(self) -> None:
        ours, theirs = socket.socketpair()
        pidfd = _pidfd_of_ourselves()
        log = os.open(self._home / "reaper.log", os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
        script = str(Path(__file__).with_name("reaper.py"))
        arguments = [str(self._home), self._owner.to_text(), str(theirs.fileno()), str(pidfd)]
        try:
            starter = subprocess.Popen(  # noqa: S603 - our own script
                [sys.executable, "-I", "-S", script, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(theirs.fileno(), *([pidfd] if pidfd >= 0 else [])),
                start_new_session=True,
            )
        except OSError as error:
            ours.close()
            message = f"the reaper cannot be started ({error}): nothing was created"
            raise LedgerError(message) from None
        finally:
            theirs.close()
            os.close(log)
            if pidfd >= 0:
                os.close(pidfd)
        ours.settimeout(_ANSWER_WITHIN)
        try:
            ready = ours.recv(64)
        except OSError:
            ready = b""
        starter.wait()  # it has left the reaper to itself, so that nobody takes it for our child
        word, _, pid = ready.decode(errors="replace").partition(" ")
        if word != "ready":
            ours.close()
            message = (
                f"the reaper did not start (see {self._home / 'reaper.log'}): nothing was created"
            )
            raise LedgerError(message)
        ours.settimeout(None)
        self.pid, self._channel = int(pid), ours
        threading.Thread(
            target=self._listen, args=(ours,), name="resnb-reaper-link", daemon=True
        ).start()

    def _listen(self, channel: socket.socket) -> None:
        for line in _lines(channel):
            if line == b"!":
                self._answered.set()
                continue
            try:
                said = Told(*map(str, json.loads(line)))
            except (ValueError, TypeError):
                continue  # not of our reaper's making
            self._told(said)
        with self._lock:
            lost = self._channel is channel
            if lost:
                self._channel = None
        if lost:
            channel.close()
            self._told(Told("gone"))


def _lines(channel: socket.socket) -> Iterator[bytes]:
    buffer = b""
    while True:
        try:
            data = channel.recv(4096)
        except OSError:
            return
        if not data:
            return
        *lines, buffer = (buffer + data).split(b"\n")
        yield from lines


def _pidfd_of_ourselves() -> int:
    opener = getattr(os, "pidfd_open", None)
    if opener is None:
        return -1
    try:
        return int(opener(os.getpid()))
    except OSError:
        return -1


__all__ = ["ReaperLink", "Told"]
