"""Ctrl-C and what a set-up starts: threads and processes that are begun inside do not get it.

A front end's Stop sends SIGINT to the whole process group, hence also to the processes that set-up
has started; a Dask cluster does not survive that. A signal mask is inherited by threads and
processes, also across exec. What a set-up starts by way of a service (Docker's daemon, systemd) is
outside the group anyway; what it starts from a thread that was there before, or from a coroutine,
is not covered.
"""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def interrupts_held_back() -> Iterator[None]:
    """Hold SIGINT back from what the block starts; the main thread, which handles it, is spared."""
    here = threading.current_thread()
    if here is threading.main_thread() or not hasattr(signal, "pthread_sigmask"):
        yield
        return
    if "distributed" in sys.modules:
        from multiprocessing import resource_tracker

        resource_tracker.ensure_running()  # on Python 3.11 its start would end what is held back
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
