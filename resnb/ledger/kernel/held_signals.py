"""Ctrl-C and what a set-up starts: threads and processes that are begun inside do not get it.

A front end's Stop sends SIGINT to the whole process group, hence also to the processes that set-up
has started; a Dask cluster does not survive that. A signal mask is inherited by threads and
processes, also across exec. What a set-up starts by way of a service (Docker's daemon, systemd) is
outside the group anyway; what it starts from a thread that was there before, or from a coroutine,
is not covered.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def interrupts_held_back() -> Iterator[None]:
    """Hold SIGINT back from what the block starts; the main thread, which handles it, is spared."""
    here = threading.current_thread()
    if here is threading.main_thread() or not hasattr(signal, "pthread_sigmask"):
        yield
        return
    _let_masks_stand()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def interrupts_kept_out() -> Iterator[None]:
    """Block SIGINT for this thread, and so for the processes that it starts, within the block."""
    mask = getattr(signal, "pthread_sigmask", None)
    if mask is None:  # no such thing on Windows
        yield
        return
    before = mask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        mask(signal.SIG_SETMASK, before)


def _let_masks_stand() -> None:
    """Let the start of a process by multiprocessing leave the thread's signal mask as it is.

    Python 3.11 and 3.12 unblock SIGINT when that starts the resource tracker, which the import of
    a library inside the block may bring about.
    """
    from multiprocessing import resource_tracker

    module: Any = resource_tracker
    tracker = module._resource_tracker  # noqa: SLF001 - there is no other way to it
    if "ensure_running" in vars(tracker):
        return
    start = tracker.ensure_running

    def ensure_running() -> None:
        before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        try:
            start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    tracker.ensure_running = module.ensure_running = ensure_running
