"""Awaiting rows in a coroutine of the caller's event loop.

A coroutine that is cancelled while it awaits a task stops that task; a clean-up is awaited to its
end.
"""

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from resnb.run.engine.cancellation import GRACE
from resnb.run.engine.interrupts import LOOK

if TYPE_CHECKING:
    from resnb.run.engine.engine import Engine


class AsyncWatcher:
    """A watcher that a coroutine of this loop awaits."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._item: asyncio.Future[int] = self._loop.create_future()

    def put(self, item: int, /) -> None:
        """Let the coroutine go on; may be called on any thread."""
        with suppress(RuntimeError):  # the loop is closed, and nobody waits
            self._loop.call_soon_threadsafe(self._set, item)

    def _set(self, item: int) -> None:
        if not self._item.done():
            self._item.set_result(item)

    async def got(self) -> int:
        """What was put in first."""
        while not self._item.done():  # each turn lets a Ctrl-C through; it does not wake the loop
            await asyncio.wait([self._item], timeout=LOOK)
        return self._item.result()

    async def wait_out(self) -> BaseException | None:
        """Wait, whatever breaks the wait meanwhile; returns the first exception that did."""
        broken: BaseException | None = None
        while not self._item.done():
            try:
                await self.got()
            except GeneratorExit:
                raise  # the coroutine is closed, and cannot await anything
            except BaseException as error:  # noqa: BLE001 - it is raised after the wait
                broken = broken or error
        return broken


async def row_ended(engine: "Engine", row: int) -> None:
    """Wait for the end of `row`, which whatever breaks the wait stops.

    Raises:
        BaseException: what broke the wait, such as a cancel; the row has ended.
    """
    execution, watcher = engine.execution, AsyncWatcher()
    execution.post(execution.plan.added.watch, row, watcher)
    try:
        await watcher.got()
    except BaseException as error:
        reason = "what awaited it was cancelled"
        execution.post(engine.cancellation.give_up, [row], reason, GRACE)
        if not isinstance(error, GeneratorExit):
            await watcher.wait_out()
        raise
