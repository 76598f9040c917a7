"""Routes what is printed during runs, clean-ups and previews to where it belongs.

Meanwhile ``sys.stdout`` and ``sys.stderr`` are stand-ins that check whose code is printing. Several
users may route at once, and end in any order: a stand-in stays until its last user has ended, and
if somebody else has replaced it meanwhile, the replacement stays. Handlers of `logging` that hold
one of the streams write to the stand-in as well.
"""

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any, TextIO

from resnb.run.engine.slots import CURRENT

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
        """Add a user; `handlers` gives those of `logging` that have a stream of their own."""
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
