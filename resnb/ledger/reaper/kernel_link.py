"""The reaper's side of its kernel: the socket between them, and the kernel's end."""

import json
import os
import selectors
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from resnb.ledger.liveness import folder_of, is_locked, wait_until_free
from resnb.ledger.owner import ALIVE, DEAD, Owner, status_by_ids, this_process

_LOOKS, _PAUSE = 200, 0.01
"""How often, and how many seconds apart, one looks at a process that has let go of its locks and
may be about to die. Looks are counted: a busy machine may let whoever looks stand still."""
_LOCK_AGAIN = 0.2
"""How soon to tell a kernel again that it has lost its lock, if it does not answer, in seconds."""


class KernelLink:
    """The connection to the kernel, if there is one.

    Args:
        selector: wakes the reaper, which then calls the functions that are registered as data.
        channel: the socket to the kernel, or None.
        on_request: called when the kernel has asked for something.
        answers: what to call with the rest of a line that begins with a word.
    """

    def __init__(
        self,
        selector: selectors.BaseSelector,
        channel: socket.socket | None,
        on_request: Callable[[], object],
        answers: Mapping[str, Callable[[str], object]],
    ) -> None:
        self._selector = selector
        self._channel = channel
        self._on_request = on_request
        self._answers = answers
        self._received = b""
        self._home: Path | None = None
        self._kernel: Owner | None = None
        self._is_watched = False
        self._tell_again = 0.0
        if channel is not None:
            channel.settimeout(0.0)
            selector.register(channel, selectors.EVENT_READ, self._listen)

    @property
    def is_connected(self) -> bool:
        """Whether the kernel can be told anything."""
        return self._channel is not None

    def tell(self, kind: str, lease: str, state: str, reason: str) -> None:
        """Send a message, in the form of `resnb.ledger.kernel.reaper_client.ReaperMessage`."""
        self._send(json.dumps([kind, lease, state, reason]))

    def wake_at_end(self, home: Path, kernel: Owner) -> None:
        """Have the selector wake once the kernel has let go of its lock, if it has one."""
        self._home, self._kernel = home, kernel
        self._watch()

    def corrected(self, owner: Owner, status: str) -> str:
        """`status`, but ALIVE for a kernel that has only lost its lock, and is to lock again.

        The system takes a lock away from a process that closes its file, such as after a copy of
        the whole home.
        """
        if owner != self._kernel or owner.lock is None:
            return status
        if status == ALIVE:
            self._watch()  # for it may have been free for a while
        elif status == DEAD and self.is_connected:
            status = status_by_ids(owner, this_process(), is_shared=False)
            if status == ALIVE and time.monotonic() >= self._tell_again:
                self._tell_again = time.monotonic() + _LOCK_AGAIN
                self.tell("lock", "", "", "")
        return status

    def _watch(self) -> None:
        kernel, home = self._kernel, self._home
        if self._is_watched or kernel is None or kernel.lock is None or home is None:
            return
        path = folder_of(home) / kernel.lock.name
        wake, is_free = os.pipe()
        self._is_watched = True

        def woken() -> None:
            self._selector.unregister(wake)
            os.close(wake)
            self._is_watched = False

        def wait() -> None:
            wait_until_free(path)
            os.close(is_free)

        self._selector.register(wake, selectors.EVENT_READ, woken)
        threading.Thread(target=wait, name="resnb-kernel-end", daemon=True).start()

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
        self._on_request()
        *lines, self._received = (self._received + data).split(b"\n")
        for line in lines:
            word, _, rest = line.decode(errors="replace").partition(" ")
            if word == "?":
                self._send("!")
            elif word == "locked":
                self._tell_again = 0.0
                self._watch()
            elif word in self._answers:
                self._answers[word](rest)

    def _send(self, text: str) -> None:
        if self._channel is not None:
            with suppress(OSError):
                self._channel.sendall(f"{text}\n".encode())


def is_seen(kernel: Owner, home: Path) -> bool:
    """Whether the kernel's lock can be told from here; not if it is free although the kernel lives.

    This tries, each time that a reaper starts, whether locks work between processes. A process that
    is killed lets go of its locks a moment before it counts as dead.
    """
    lock = kernel.lock
    assert lock is not None
    for _ in range(_LOOKS):
        is_free = False
        with suppress(OSError):
            is_free = is_locked(folder_of(home) / lock.name, lock.inode) is False
            if not is_free:
                return True
        if status_by_ids(kernel, this_process(), is_shared=False) == DEAD:
            return True
        if not is_free:
            break
        time.sleep(_PAUSE)
    return False
