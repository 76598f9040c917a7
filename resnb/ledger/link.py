"""The kernel's side of the reaper: start it, know that it is there, hear what it asks for.

The reaper is ready before the first record is written. Before each further one it is asked for a
sign of life; a dead one is replaced. A fork is another process, and starts its own.
"""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from resnb.errors import LedgerError
from resnb.ledger.owner import Owner

_ANSWER_WITHIN = 5.0


class ReaperLink:
    """The connection of this process to its reaper.

    Args:
        home: the ledger's folder.
        owner: this process.
        asked: called, on a thread of ours, with the id of a lease that should be closed and why.
    """

    def __init__(self, home: Path, owner: Owner, asked: Callable[[str, str], object]) -> None:
        self._home = home
        self._owner = owner
        self._asked = asked
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None
        self._answered = threading.Event()

    @property
    def pid(self) -> int | None:
        """The reaper's process id, if one was started."""
        return None if self._process is None else self._process.pid

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
            if self._channel is not None:
                self._channel.close()
                self._channel = None

    def _is_there(self) -> bool:
        if self._process is None or self._channel is None or self._process.poll() is not None:
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
            self._process = subprocess.Popen(  # noqa: S603 - our own script
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
            ready = ours.recv(16)
        except OSError:
            ready = b""
        if not ready.startswith(b"ready"):
            ours.close()
            message = (
                f"the reaper did not start (see {self._home / 'reaper.log'}): nothing was created"
            )
            raise LedgerError(message)
        ours.settimeout(None)
        self._channel = ours
        threading.Thread(
            target=self._listen, args=(ours,), name="resnb-reaper-link", daemon=True
        ).start()

    def _listen(self, channel: socket.socket) -> None:
        buffer = b""
        while True:
            try:
                data = channel.recv(4096)
            except OSError:
                return
            if not data:
                return
            *lines, buffer = (buffer + data).split(b"\n")
            for line in lines:
                word, _, rest = line.decode(errors="replace").partition(" ")
                if word == "!":
                    self._answered.set()
                elif word == "close":
                    lease, _, reason = rest.partition(" ")
                    self._asked(lease, reason)


def _pidfd_of_ourselves() -> int:
    opener = getattr(os, "pidfd_open", None)
    if opener is None:
        return -1
    try:
        return int(opener(os.getpid()))
    except OSError:
        return -1


__all__ = ["ReaperLink"]
