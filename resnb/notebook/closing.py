"""Closing leases from a cell, which prints the same on every run.

Leases close side by side, each on its own thread. If there are several, what their clean-ups
print is kept apart until all have ended, and is then written, the last opened first. Ctrl-C cuts
no clean-up short; it is raised when all have ended, or their time is up.
"""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from contextvars import ContextVar
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any, TextIO, TypeAlias, cast

from resnb.graph.resources.scope import ScopeOptions
from resnb.ledger import states
from resnb.ledger.kernel.keeper import KEEPER
from resnb.run.engine.interrupts import Interrupts
from resnb.run.output.routing import HEARD_BY, routed

if TYPE_CHECKING:
    from resnb.ledger.kernel.lease import Lease

_Kept: TypeAlias = list[tuple[TextIO, str]]

_KEPT: ContextVar[_Kept | None] = ContextVar("resnb_closing", default=None)
"""On a lease's thread, and in coroutines that it starts: where its output goes meanwhile."""


LIMIT = ScopeOptions().cleanup_timeout
"""How long a cell waits for clean-ups, in seconds, where no option says otherwise."""

REAPER_LIMIT = 5.0
"""How long a cell waits for what the reaper is doing, in seconds."""


@contextmanager
def interrupts_put_off() -> Iterator[None]:
    """Raise a Ctrl-C at the end of the block only.

    Raises:
        KeyboardInterrupt: there was one, and the block raised nothing else.
    """
    with Interrupts() as interrupts:
        yield
    interrupts.deliver()


def wait_for_reaper(leases: "Iterable[Lease]") -> None:
    """Wait for what the reaper is at, but not for long, so that a cell shows how that ends."""
    deadline = monotonic() + REAPER_LIMIT
    for lease in leases:
        lease.wait_for_reaper(max(0.0, deadline - monotonic()))


def reasons(left: "Iterable[Lease]") -> str:
    """Why those that `close` gave back are not closed, in one line."""
    return "; ".join(f"{lease.name}: {_reason(lease)}" for lease in left)


def _reason(lease: "Lease") -> str:
    ours = lease.state == states.CLOSING and not lease.is_with_reaper
    return "its clean-up is still running" if ours else lease.reason


def close(leases: "Iterable[Lease]", limit: float = LIMIT) -> "list[Lease]":
    """Close `leases`; gives those that are not closed then, though the reaper tried, too.

    Args:
        leases: what to close.
        limit: how long to wait for it, in seconds.
    """
    left = _closed_here(list(leases), limit)
    wait_for_reaper(left)
    return [lease for lease in left if lease.state != states.CLOSED]


def close_unheard(
    leases: "Iterable[Lease]",
    listener: "Callable[[Lease, str], object]",
    limit: float = LIMIT,
) -> "list[Lease]":
    """Close `leases` for somebody who is no cell; gives those that are not closed then.

    Args:
        leases: what to close.
        listener: is told what their clean-ups print, which goes to no cell.
        limit: how long to wait for it, in seconds.
    """
    chosen = list(leases)
    ends = []
    for lease in chosen:
        lease.thread.submit(partial(HEARD_BY.set, partial(listener, lease)))
        ends.append((lease.thread, routed()))
    try:
        left = KEEPER.close(chosen, limit)
    finally:
        for thread, stop in ends:  # after what is left, however long that takes
            thread.submit(partial(HEARD_BY.set, None))
            thread.submit(stop)
    wait_for_reaper(left)
    return [lease for lease in left if lease.state != states.CLOSED]


def _closed_here(chosen: "list[Lease]", limit: float) -> "list[Lease]":
    if len(chosen) <= 1:
        return KEEPER.close(chosen, limit)
    kept: list[_Kept] = [[] for _ in chosen]
    for lease, texts in zip(chosen, kept, strict=True):
        lease.thread.submit(partial(_KEPT.set, texts))
    try:
        with redirect_stdout(_splitting(sys.stdout)), redirect_stderr(_splitting(sys.stderr)):
            left = KEEPER.close(chosen, limit)
    finally:
        for texts in reversed(kept):
            for stream, text in texts:
                stream.write(text)
    for lease in left:
        lease.thread.submit(partial(_KEPT.set, None))
    return left


def _splitting(stream: TextIO) -> TextIO:
    return cast("TextIO", _Splitter(stream))


class _Splitter:
    """Stands in for a stream, and keeps what a lease's thread writes to it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        kept = _KEPT.get()
        if kept is None:
            return self._stream.write(text)
        kept.append((self._stream, text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


__all__ = ["LIMIT", "close", "close_unheard", "interrupts_put_off", "reasons", "wait_for_reaper"]
