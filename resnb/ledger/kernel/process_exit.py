"""How a kernel ends: the interpreter's exit, SIGTERM and SIGHUP close all leases.

A signal handler only writes to a wake-up descriptor; a thread cleans up and raises the signal
again, which then reaches the handler that was there before. If the process survives that, the
hooks stay. Forked children inherit them, so each hook checks that it runs in the owner's process.
The handlers are taken from a child at once: Python's handlers wait for the next line of Python,
and a worker of ``multiprocessing`` that waits for a lock has none to come.
"""

import atexit
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from types import FrameType
from typing import Any, NoReturn, Protocol

_SIGNALS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))

_INTERRUPTED = (
    "interrupted: what is not cleaned up yet is left to the reaper; `resnb ls` lists it, and "
    "`resnb wait` waits for it"
)


class CloseAll(Protocol):
    """Closes all leases."""

    def __call__(self, *, last: bool, threads_go_on: bool = False) -> object:
        """Close all.

        Args:
            last: whether the process ends for good.
            threads_go_on: whether it first waits for the threads that are no daemons.
        """


class _Watch:
    """The hooks of one process."""

    def __init__(self, close_all: CloseAll) -> None:
        self.close_all = close_all
        self.owner = os.getpid()
        self.previous: dict[int, Any] = {}
        self.cleaned_up: set[int] = set()
        self.is_ending = False
        self.is_interrupted = False
        _before_thread_shutdown(partial(self.leave, threads_go_on=True))
        self.reader, self.writer = os.pipe()
        os.set_blocking(self.writer, False)
        threading.Thread(target=self._serve, name="resnb-keeper", daemon=True).start()
        atexit.register(self.leave)

    def leave(self, *, threads_go_on: bool = False) -> None:
        """The interpreter ends; a Ctrl-C ends the wait for clean-ups, and the reaper does them."""
        if os.getpid() != self.owner or self.is_interrupted:
            return
        try:
            self.close_all(last=True, threads_go_on=threads_go_on)
            await_signal()  # or the exit code would hide it
        except KeyboardInterrupt:
            self.is_interrupted = True
            with suppress(Exception):  # there may be no stderr any more
                print(_INTERRUPTED, file=sys.stderr, flush=True)  # noqa: T201 - nobody is left to raise to

    def take_signals(self) -> None:
        """Install the handlers, if this is the main thread; no other one can."""
        if threading.current_thread() is not threading.main_thread():
            return
        for number in _SIGNALS:
            if number not in self.previous and signal.getsignal(number) is not signal.SIG_IGN:
                self.previous[number] = signal.signal(number, self._handle)

    def give_signals_back(self) -> None:
        """Put back the handlers that were there before."""
        for number, previous in self.previous.items():
            if signal.getsignal(number) == self._handle:
                signal.signal(number, previous or signal.SIG_DFL)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if os.getpid() == self.owner and number not in self.cleaned_up:
            self.is_ending = self.is_ending or not callable(self.previous.get(number))
            with suppress(BlockingIOError):  # the pipe is full of signals that say the same
                os.write(self.writer, bytes([number]))
            return
        self.cleaned_up.discard(number)
        previous = self.previous.get(number)
        if callable(previous):
            previous(number, frame)
            return
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
        self.is_ending = False  # the first process of a container survives it

    def _serve(self) -> None:
        while number := os.read(self.reader, 1):
            if os.getpid() != self.owner:
                return
            with suppress(BaseException):  # the signal must still be delivered
                self.close_all(last=not callable(self.previous.get(number[0])))
            self._raise_again(number[0])

    def _raise_again(self, number: int) -> None:
        """Send the signal until the main thread has taken it: just before a wait it misses one."""
        self.cleaned_up.add(number)
        pause, never = 0.05, threading.Event()
        while number in self.cleaned_up:
            signal.pthread_kill(threading.main_thread().ident or 0, number)
            never.wait(pause)
            pause = min(2 * pause, 1.0)


def _before_thread_shutdown(function: Callable[[], object]) -> None:
    """Call `function` at exit before threads are waited for; Python's own atexit is later."""
    register = getattr(threading, "_register_atexit", None)
    if register is not None:
        with suppress(RuntimeError):  # only other threads are left, and waited for already
            register(function)


_watches: dict[int, _Watch] = {}
_lock = threading.Lock()
_held = threading.local()


def watch(close_all: CloseAll) -> None:
    """Call `close_all` when this process ends; may be called again, and then changes nothing.

    Raises:
        RuntimeError: the interpreter is ending already.
    """
    with _lock:
        found = _watches.get(os.getpid())
        if found is None:
            _watches.clear()
            found = _watches[os.getpid()] = _Watch(close_all)
    found.take_signals()


def take_signals() -> None:
    """On the main thread: install the handlers for what other threads hold, if they hold anything.

    These cannot do that themselves.
    """
    found = _watches.get(os.getpid())
    if found is not None:
        found.take_signals()


def await_signal() -> None:
    """On the main thread: wait for the signal that is ending this process, if one is.

    It is raised again after the clean-ups, in which a run ends: the lines that follow that run
    must not begin.
    """
    found, never = _watches.get(os.getpid()), threading.Event()
    if found is not None and threading.current_thread() is threading.main_thread():
        while found.is_ending:
            never.wait(0.05)


def before_fork() -> None:
    """Hold the signals back on this thread: the child gets none while it has these handlers."""
    if _watches:
        _held.mask = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)


def after_fork() -> None:
    """Let the signals through again."""
    mask = _held.__dict__.pop("mask", None)
    if mask is not None:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def forked() -> None:
    """This is a forked child: nobody holds the lock, and signals mean what they did before."""
    global _lock  # noqa: PLW0603 - a lock that another thread held at the fork stays locked
    _lock = threading.Lock()
    for one in _watches.values():
        one.give_signals_back()
    after_fork()


def is_child(parent: int, error: BaseException | None = None, *, ends: bool) -> bool:
    """Whether the user's code, which began in the process `parent`, has forked: this is the child.

    Args:
        parent: its process id.
        error: what that code has raised, if anything.
        ends: whether nobody goes on in a child, so that it ends here; see `end_child`.
    """
    found = os.getpid() != parent
    if found and ends:
        end_child(error)
    return found


def end_child(error: BaseException | None = None) -> NoReturn:
    """End this forked child as Python would, after what the user's code raised, if anything.

    The parent's exit hooks are not called.
    """
    code = 0
    if isinstance(error, SystemExit):
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
    elif error is not None:
        code = 1
        with suppress(Exception):
            traceback.print_exception(error)
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):
            stream.flush()
    os._exit(code)
