"""``async with`` outside flows: the user's code runs on the block's own event loop and thread.

The rest of set-up and clean-up, such as the ledger's, runs on the lease's thread meanwhile, so that
the loop is not held up. A cancel stops a set-up, and never cuts a clean-up short.
"""

import asyncio
import inspect
from contextlib import suppress
from contextvars import copy_context
from queue import Empty, SimpleQueue
from typing import Any

from resnb.errors import CleanupError, LeaseLost, TaskCancelled
from resnb.ledger.kernel.keeper import KEEPER
from resnb.run.engine.interrupts import LOOK
from resnb.run.engine.slots import CURRENT, Slot
from resnb.run.engine.stoppable_calls import plainly
from resnb.run.functions.async_wait import AsyncWatcher
from resnb.run.held.hold import AROUND, Hold


class LoopSlot(Slot):
    """Stops what the user's code awaits on an event loop.

    Args:
        loop: the event loop.
    """

    __slots__ = ("loop", "task")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        outer = CURRENT.get()
        super().__init__(0, None if outer is None else outer.output)
        self.row = 0 if outer is None else max(0, outer.row)
        self.loop = loop
        self.task: asyncio.Task[None] | None = None

    def stop(self, row: int) -> None:
        """Cancel it, and let nothing else begin; may be called from any thread."""
        del row
        self.stopped = True
        with suppress(RuntimeError):  # the loop is closed
            self.loop.call_soon_threadsafe(self._cancel)

    def _cancel(self) -> None:
        if self.task is not None:
            self.task.cancel()


class LoopCaller:
    """Calls functions of the user's on an event loop, for the lease's thread.

    Args:
        slot: stops them.
    """

    def __init__(self, slot: LoopSlot) -> None:
        self.slot = slot
        self._context = copy_context()

    def __call__(self, function: Any, *args: Any) -> Any:
        """Call `function` there, and wait for its result, also if that is awaitable.

        Raises:
            TaskCancelled: it was stopped before it began.
            CleanupError: the loop ended meanwhile.
        """
        if getattr(function, "__self__", None) is KEEPER:  # a pause of its own
            return function(*args)
        if self.slot.stopped:
            self.slot.stopped = False
            raise TaskCancelled
        loop = self.slot.loop
        over: SimpleQueue[tuple[Any, BaseException | None]] = SimpleQueue()

        async def called() -> None:
            try:
                value = function(*args)
                over.put((await value if inspect.isawaitable(value) else value, None))
            except BaseException as error:  # noqa: BLE001 - raised on the lease's thread
                over.put((None, error))

        def begin() -> None:
            self.slot.task = loop.create_task(called(), context=self._context)

        if not loop.is_running():
            return plainly(function, *args)
        loop.call_soon_threadsafe(begin, context=self._context)
        while True:
            with suppress(Empty):
                value, error = over.get(timeout=LOOK)
                break
            if not loop.is_running():
                message = "the event loop of its block has ended, and with it what was called there"
                raise CleanupError(message)
        self.slot.task = None
        if error is not None:
            raise error
        return value


class AsyncHold(Hold):
    """A resource that is held by an ``async with`` block."""

    async def enter_async(self) -> Any:
        """Begin a block in this coroutine: set up, and give the resource.

        Raises:
            BaseException: what set-up raised, or a cancel; nothing is left behind.
        """
        KEEPER.watch_ends()  # here, for only the main thread can install signal handlers
        self._caller = LoopCaller(LoopSlot(asyncio.get_running_loop()))
        slot, watcher = self._caller.slot, AsyncWatcher()
        raised: list[BaseException] = []
        around, current = AROUND.get(), CURRENT.get()

        def job() -> None:
            AROUND.set(around)
            CURRENT.set(current)
            try:
                self.set_up(slot, self._caller, self._caller)
            except BaseException as error:  # noqa: BLE001 - raised in the coroutine
                raised.append(error)
            AROUND.set(())
            CURRENT.set(None)
            watcher.put(0)

        self.thread.submit(job)
        try:
            await watcher.got()
        except BaseException as error:
            slot.stop(0)
            if isinstance(error, GeneratorExit):
                self._end_later(None)
                raise
            await watcher.wait_out()
            slot.stopped = False
            await self.leave_async(None)
            raise
        if raised:
            self._end_later(None)
            raise raised[0]
        self.begin_block()
        assert self.lease is not None
        return self.lease.resource

    async def leave_async(self, error: BaseException | None) -> None:
        """End the block, in this coroutine; see `leave`."""
        watcher = AsyncWatcher()
        lost = self._end_later(error, watcher)
        lease = self.lease
        if lease is not None:
            AROUND.set(tuple(one for one in AROUND.get() if one is not lease))
        if isinstance(error, GeneratorExit):
            return
        broken = await watcher.wait_out()
        if broken is not None:
            raise broken
        if error is None and any(lost):
            raise LeaseLost(lost[0])

    def _end_later(
        self, error: BaseException | None, watcher: AsyncWatcher | None = None
    ) -> list[str]:
        """End the block on the lease's thread; gives a list that will have what `end` returns."""
        lost: list[str] = []

        def job() -> None:
            lost.append(self.end(error, self._caller.slot, self._caller))
            if watcher is not None:
                watcher.put(0)

        self.thread.submit(job)
        return lost
