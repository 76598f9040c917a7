"""The loop thread, on whose event loop the coroutines of all flows run, and the timers.

It starts when it is first needed and lives as long as the kernel; a fork starts its own.
"""

import os
import threading
from collections.abc import Callable, Coroutine
from contextvars import Context
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from resnb.run.engine.slots import Slot

if TYPE_CHECKING:
    import asyncio
    from concurrent.futures import Future


class LoopThread:
    """An event loop on a daemon thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._owner = 0

    def loop(self) -> "asyncio.AbstractEventLoop":
        """The loop, started if need be."""
        import asyncio

        with self._lock:
            if self._loop is None or self._owner != os.getpid():
                loop = Context().run(asyncio.new_event_loop)  # a loop keeps its context alive
                threading.Thread(
                    target=_serve, args=(loop,), name="resnb-loop", daemon=True
                ).start()
                self._loop, self._owner = loop, os.getpid()
            return self._loop

    def submit(self, coroutine: Coroutine[Any, Any, Any]) -> "Future[Any]":
        """Run `coroutine` on the loop; returns a future that any thread can wait for."""
        import asyncio

        return asyncio.run_coroutine_threadsafe(coroutine, self.loop())

    def call_later(self, delay: float, function: Callable[[], object]) -> Callable[[], None]:
        """Call `function` on the loop in `delay` seconds.

        Returns:
            A function that calls it off; may be called from any thread, and late.
        """
        loop, context = self.loop(), Context()  # the timer would keep the caller's context alive
        handle: list[asyncio.TimerHandle] = []

        def begin() -> None:
            handle.append(loop.call_later(delay, function, context=context))

        def cancel() -> None:
            for one in handle:
                one.cancel()

        def call_off() -> None:
            loop.call_soon_threadsafe(cancel, context=context)

        loop.call_soon_threadsafe(begin, context=context)

        return call_off


LOOP = LoopThread()


def _serve(loop: "asyncio.AbstractEventLoop") -> None:
    """Run `loop` for ever: neither a SystemExit in a user's coroutine nor a stop() ends it."""
    while True:
        try:
            loop.run_forever()
        except BaseException as error:  # noqa: BLE001 - all flows and timers depend on the loop
            message = "a coroutine ended the event loop, which goes on"
            loop.call_exception_handler({"message": message, "exception": error})


class _Awaited:
    """A value that is awaited on the loop thread while another thread waits for it."""

    def __init__(self, value: Any) -> None:
        self._value = value
        self._loop = LOOP.loop()
        self._over: SimpleQueue[tuple[Any, BaseException | None]] = SimpleQueue()
        self._task: asyncio.Task[None] | None = None
        self._loop.call_soon_threadsafe(self._begin)

    def stop(self) -> None:
        """Cancel it; may be called from any thread, and late."""
        self._loop.call_soon_threadsafe(self._cancel)

    def result(self) -> Any:
        """Wait until it has ended; what it raises is raised here."""
        result, error = self._over.get()
        if error is not None:
            raise error
        return result

    def _begin(self) -> None:
        self._task = self._loop.create_task(self._awaited())
        self._task.add_done_callback(self._ended)

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _awaited(self) -> None:
        try:
            self._over.put((await self._value, None))
        except BaseException as error:  # noqa: BLE001 - it is raised on the other thread
            self._over.put((None, error))

    def _ended(self, task: "asyncio.Task[None]") -> None:
        import asyncio

        if task.cancelled():  # before its first step; otherwise it has put its end itself
            self._over.put((None, asyncio.CancelledError()))


def resolve(value: Any, slot: Slot | None = None) -> Any:
    """`value`, or its result if it is awaitable (awaited on the loop thread).

    The caller's slot can stop the coroutine, whose end is waited for even then.
    """
    import inspect

    if not inspect.isawaitable(value):
        return value
    awaited = _Awaited(value)
    if slot is None:
        return awaited.result()
    slot.stop_waiting = awaited.stop
    if slot.stopped:
        awaited.stop()
    try:
        return awaited.result()
    finally:
        slot.stop_waiting = None
        slot.stopped = False
