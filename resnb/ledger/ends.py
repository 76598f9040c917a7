"""How a kernel ends: the interpreter's exit, SIGTERM and SIGHUP lead to `Keeper.close_all`.

A signal handler only writes to a wake-up descriptor; a thread of ours cleans up and raises the
signal again, upon which the handler restores what was there before and lets it have its way.
Forked children inherit handlers and hooks, so each checks that it runs in the owner's process.
"""

import atexit
import os
import signal
import threading
from contextlib import suppress
from types import FrameType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from resnb.ledger.keeper import Keeper

_SIGNALS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))


class _Watch:
    """The hooks of one process."""

    def __init__(self, keeper: "Keeper") -> None:
        self.keeper = keeper
        self.owner = os.getpid()
        self.previous: dict[int, Any] = {}
        self.cleaned_up = False
        self.reader, self.writer = os.pipe()
        os.set_blocking(self.writer, False)
        threading.Thread(target=self._serve, name="resnb-keeper", daemon=True).start()
        _before_thread_shutdown(self.leave)
        atexit.register(self.leave)

    def leave(self) -> None:
        """The interpreter ends."""
        if os.getpid() == self.owner and not self.cleaned_up:
            self.cleaned_up = not self.keeper.close_all()

    def take_signals(self) -> None:
        """Install our handlers; only the main thread can, so others leave it at that."""
        if threading.current_thread() is not threading.main_thread():
            return
        for number in _SIGNALS:
            if number not in self.previous and signal.getsignal(number) is not signal.SIG_IGN:
                self.previous[number] = signal.signal(number, self._handle)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        del frame
        if os.getpid() != self.owner or self.cleaned_up:
            signal.signal(number, self.previous.get(number) or signal.SIG_DFL)
            os.kill(os.getpid(), number)
            return
        with suppress(BlockingIOError):  # the pipe is full of signals that say the same
            os.write(self.writer, bytes([number]))

    def _serve(self) -> None:
        while number := os.read(self.reader, 1):
            if os.getpid() != self.owner:
                return
            self.keeper.close_all()
            self.cleaned_up = True
            signal.pthread_kill(threading.main_thread().ident or 0, number[0])


def _before_thread_shutdown(function: Any) -> None:
    """Call `function` at exit while threads can still be started; Python's atexit is later."""
    register = getattr(threading, "_register_atexit", None)
    if register is not None:
        register(function)


_watches: dict[int, _Watch] = {}
_lock = threading.Lock()


def watch(keeper: "Keeper") -> None:
    """Make sure that `keeper` closes its leases when this process ends; may be called again."""
    with _lock:
        found = _watches.get(os.getpid())
        if found is None:
            _watches.clear()
            found = _watches[os.getpid()] = _Watch(keeper)
    found.take_signals()


__all__ = ["watch"]
