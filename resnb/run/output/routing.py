"""Routes what is printed during runs, clean-ups and previews to where it belongs.

Meanwhile ``sys.stdout`` and ``sys.stderr`` are stand-ins that check whose code is printing. There
may be several users at once, which end in any order: a stand-in stays until its last user has
ended, and if other code has replaced it meanwhile, the replacement stays. Handlers of `logging`
that hold one of the streams write to the stand-in as well.
"""

import os
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any, Protocol, TextIO

from resnb.run.engine.slots import CURRENT, NOTHING

NAMES = ("stdout", "stderr")

HEARD_BY: ContextVar[Callable[[str], object] | None] = ContextVar("resnb_heard_by", default=None)
"""Receives what the running code prints, instead of a cell."""

_LOCK = threading.Lock()


def _forked() -> None:
    """This is a forked child, and another thread may have held the lock."""
    global _LOCK  # noqa: PLW0603 - it would stay locked
    _LOCK = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


class RunOutput(Protocol):
    """The output of a run."""

    def keep(self, row: int, text: str) -> None:
        """Keep `text` with `row`; row -1 stands for the run as a whole."""


class _Router:
    """Stands in for ``sys.stdout`` or ``sys.stderr``."""

    def __init__(self, name: str, stream: TextIO) -> None:
        self._name = name
        self._stream = stream
        self._owner = os.getpid()  # a forked child has no run, and writes where it can
        self._users = 0
        self._handlers: list[Any] = []

    def write(self, text: str) -> int:
        if os.getpid() != self._owner:
            return self._stream.write(text)
        slot, heard_by = CURRENT.get(), HEARD_BY.get()
        if slot is not None and slot.print(self._name, text):
            return len(text)
        if heard_by is None:
            return self._stream.write(text)
        heard_by(text)
        return len(text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def use(self, handlers: Callable[[], list[Any]]) -> None:
        """Add a user; `handlers` returns those of `logging` that have a stream of their own."""
        self._users += 1
        if self._users == 1:
            setattr(sys, self._name, self)
            self._handlers = [one for one in handlers() if one.stream is self._stream]
            for one in self._handlers:
                one.setStream(self)

    def leave(self) -> None:
        """Remove a user."""
        self._users -= 1
        if self._users:
            return
        for one in self._handlers:
            if one.stream is self:
                one.setStream(self._stream)
        self._handlers = []
        if getattr(sys, self._name) is self:
            setattr(sys, self._name, self._stream)


def standard_streams() -> Iterator[Any]:
    """The standard streams, and what they stand in for."""
    for name in NAMES:
        one = getattr(sys, name)
        while isinstance(one, _Router):
            yield one
            one = one._stream  # noqa: SLF001 - of this module
        yield one
    yield from (sys.stdin, sys.__stdout__, sys.__stderr__, sys.__stdin__)


def _handlers() -> list[Any]:
    """The handlers of `logging` that write to a stream of their own."""
    logging: Any = sys.modules.get("logging")
    if logging is None:
        return []
    loggers = [logging.getLogger(), *tuple(logging.Logger.manager.loggerDict.values())]
    found = {id(one): one for logger in loggers for one in getattr(logger, "handlers", ())}
    return [one for one in found.values() if type(one) is logging.StreamHandler]


def routed() -> Callable[[], None]:
    """Send what is printed to where it belongs.

    Returns:
        A function that ends this.
    """
    handlers = cache(_handlers)  # there may be many loggers to look at
    with _LOCK:
        routers = []
        for name in NAMES:
            now = getattr(sys, name)
            router = now if isinstance(now, _Router) else _Router(name, now)
            router.use(handlers)
            routers.append(router)

    def stop() -> None:
        with _LOCK:
            for router in routers:
                router.leave()

    return stop


def routed_run(output: RunOutput) -> Callable[[], None]:
    """Send what the tasks of a run print, and warnings of other threads, to its `output`.

    Returns:
        A function that ends this; a replacement that somebody else has installed stays.
    """
    unroute = routed()
    show = warnings.showwarning

    def show_warning(*args: Any, **kwargs: Any) -> None:
        here = threading.get_ident()
        slot = CURRENT.get()
        own = slot is not None and slot.thread_id in (0, here)
        if own or threading.current_thread() is threading.main_thread():
            show(*args, **kwargs)
            return
        # a library's own thread, such as that of a cluster, which warns of ports and the like
        text = warnings.formatwarning(*args[:4])
        output.keep(NOTHING if slot is None else slot.row, text)

    warnings.showwarning = show_warning

    def stop() -> None:
        unroute()
        if warnings.showwarning is show_warning:
            warnings.showwarning = show

    return stop


@contextmanager
def heard_by(listener: Callable[[str], object]) -> Iterator[None]:
    """Send what this thread prints in the block to `listener` instead of a cell."""
    stop = routed()
    token = HEARD_BY.set(listener)
    try:
        yield
    finally:
        HEARD_BY.reset(token)
        stop()
