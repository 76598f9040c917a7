"""The kernel's side of the reaper: start it, check that it is alive, receive its messages.

The reaper is ready before the first record is written. Before each further record, and now and then
in between, it is asked for a sign of life; one that is dead or hangs is replaced. A fork is another
process, and starts its own.
"""

import json
import select
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from resnb.errors import LedgerError
from resnb.ledger.owner import Owner
from resnb.ledger.reaper.detached import LOCK_SEEN, STARTS_WITHIN, start_detached

_ANSWER_WITHIN = 5.0
_ASK_EVERY = 10.0
"""Seconds of silence after which the reaper is asked whether it is there."""
_ASK_TIMES = 2
"""How often it is asked: one that was stopped together with this process has just begun to run."""
_REAPER = Path("reaper.py")


class ReaperMessage(NamedTuple):
    """A message of the reaper: what it has done with a lease, or wants the kernel to do.

    The kinds are ``"close"`` (the kernel should close the lease), ``"state"`` (the reaper has
    moved it to another state), ``"rehearsed"`` (the ledger has what the rehearsal of its recipe has
    shown), ``"lock"`` (this process has lost its lock), and ``"gone"`` (the reaper has ended).
    """

    kind: str
    lease: str = ""
    state: str = ""  # the new state; of "close", the kind of reason
    reason: str = ""


class ReaperClient:
    """The connection of this process to its reaper.

    Args:
        home: the ledger's folder.
        owner: this process.
        on_message: receives the reaper's messages, on a thread of the client's.
        variables: what names the ledger in the reaper's environment, whatever that is here now.

    Attributes:
        pid: the reaper's process id, once one was started.
        owner: this process; without its lock where the reaper does not see that.
    """

    def __init__(
        self,
        home: Path,
        owner: Owner,
        on_message: Callable[[ReaperMessage], object],
        variables: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.pid: int | None = None
        self._home = home
        self.owner = owner
        self._on_message = on_message
        self._variables = variables
        self._lock = threading.Lock()
        self._channel: socket.socket | None = None
        self._let_go: socket.socket | None = None
        self._answered = threading.Event()

    @property
    def is_lost(self) -> bool:
        """Whether the reaper is known to be gone, or there was none yet."""
        return self._channel is None

    def ensure(self) -> None:
        """Make sure that a reaper is running and listening.

        Raises:
            LedgerError: none can be started, so nothing may be created.
        """
        with self._lock:
            if not self._is_there():
                self._start()

    def look(self) -> None:
        """Tell the reaper that the ledger has changed."""
        self._tell(".")

    def write_end(self, lease: str) -> None:
        """Let the reaper write that the lease was cleaned up, as this process could not."""
        self._tell(f"closed {lease}")

    def write_use(self, lease: str, ago: float) -> None:
        """Answer that the lease was in use `ago` seconds before now; the reaper writes that."""
        self._tell(f"used {lease} {ago:f}")

    def say_locked(self) -> None:
        """Answer that this process holds its lock again."""
        self._tell("locked")

    def close(self) -> None:
        """Let go of the reaper; it ends by itself when nothing is left to do."""
        with self._lock:
            self._let_go = self._channel
            self._drop()

    def forget(self) -> None:
        """This is a forked child: the reaper is its parent's."""
        if self._channel is not None:
            self._channel.close()
            self._channel = None

    def _tell(self, line: str) -> None:
        channel = self._channel
        if channel is not None:
            with suppress(OSError):  # a dead reaper is noticed before the next lease
                channel.sendall(f"{line}\n".encode())

    def _drop(self) -> None:
        """End the connection; this wakes the thread that listens, which closes the socket."""
        channel, self._channel = self._channel, None
        if channel is not None:
            with suppress(OSError):
                channel.shutdown(socket.SHUT_RDWR)

    def _is_there(self) -> bool:
        channel = self._channel
        if channel is None:
            return False
        self._answered.clear()
        with suppress(OSError):
            channel.sendall(b"?\n")
            if self._answered.wait(_ANSWER_WITHIN) and self._channel is not None:
                return True
        self._drop()  # dead or hanging; late replies must not be taken for the next one's
        return False

    def _start(self) -> None:
        mine, its = socket.socketpair()
        try:
            with its:
                self._start_process(its)
            mine.settimeout(STARTS_WITHIN)
            first, _, rest = mine.recv(4096).partition(b"\n")  # more may have come by now
            match first.decode(errors="replace").split():
                case ["ready", pid, seen]:
                    self.pid, self._channel = int(pid), mine
                case _:
                    log = self._home / "reaper.log"
                    message = f"the reaper did not start (see {log}): nothing was created"
                    raise LedgerError(message)  # noqa: TRY301 - the socket is closed on the way
            mine.settimeout(None)
            if seen != LOCK_SEEN:
                self.owner = self.owner._replace(lock=None)
            threading.Thread(
                target=self._listen, args=(mine, rest), name="resnb-reaper-client", daemon=True
            ).start()
        except BaseException as error:
            self._channel = None
            with suppress(OSError):
                mine.shutdown(socket.SHUT_RDWR)  # wakes the thread, should it have begun to listen
            mine.close()
            if isinstance(error, OSError | subprocess.SubprocessError):
                message = f"the reaper cannot be started ({error}): nothing was created"
                raise LedgerError(message) from None
            raise

    def _start_process(self, channel: socket.socket) -> None:
        arguments = [self.owner.to_text(), str(channel.fileno())]
        start_detached(_REAPER, self._home, arguments, [channel.fileno()], self._variables)

    def _listen(self, channel: socket.socket, received: bytes) -> None:
        for line in _lines(channel, received):
            if line == b"!":
                if channel is self._channel:
                    self._answered.set()
                continue
            try:
                message = ReaperMessage(*map(str, json.loads(line)))
            except (ValueError, TypeError):
                continue  # not from the reaper
            self._on_message(message)
        if channel is self._channel:
            self._channel = None
            self._answered.set()  # there will be no answer
        channel.close()
        if channel is not self._let_go:
            self._on_message(ReaperMessage("gone"))


def _lines(channel: socket.socket, buffer: bytes) -> Iterator[bytes]:
    while True:
        *lines, buffer = buffer.split(b"\n")
        yield from lines
        try:
            data = _received(channel)
        except OSError:
            return
        if not data:
            return
        buffer += data


def _received(channel: socket.socket) -> bytes:
    """What the reaper sends next; nothing if it has ended, or hangs."""
    waiting = select.poll()
    waiting.register(channel, select.POLLIN)
    is_there = waiting.poll(1e3 * _ASK_EVERY)
    for _ in range(_ASK_TIMES):
        if not is_there:
            channel.sendall(b"?")
            is_there = waiting.poll(1e3 * _ANSWER_WITHIN) or waiting.poll(0)
    return channel.recv(4096) if is_there else b""
