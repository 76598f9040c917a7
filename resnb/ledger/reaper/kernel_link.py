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
from resnb.ledger.owner import DEAD, Owner, status_by_ids, this_process

_LOOKS, _PAUSE = 200, 0.01
"""How often, and how many seconds apart, one looks at a process that has let go of its locks and
may be about to die. Looks are counted: a busy machine may let whoever looks stand still."""


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
        lock = kernel.lock
        if lock is None:
            return
        wake, is_free = os.pipe()
        forget = self._selector.unregister  # once it is readable, it stays so
        self._selector.register(wake, selectors.EVENT_READ, lambda: forget(wake))

        def wait() -> None:
            wait_until_free(folder_of(home) / lock.name)
            os.close(is_free)

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
