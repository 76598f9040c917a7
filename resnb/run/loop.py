"""The loop thread: coroutines of all flows run on one event loop, and so do the timers.

It is started when it is first needed and lives as long as the kernel; a fork starts its own.
"""

import os
import threading
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

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
                self._owner = os.getpid()
                self._loop = asyncio.new_event_loop()
                threading.Thread(
                    target=self._loop.run_forever, name="resnb-loop", daemon=True
                ).start()
            return self._loop

    def submit(self, coroutine: Coroutine[Any, Any, Any]) -> "Future[Any]":
        """Run `coroutine` on the loop; gives a future that any thread can wait for."""
        import asyncio

        return asyncio.run_coroutine_threadsafe(coroutine, self.loop())

    def call_later(self, delay: float, function: Callable[[], object]) -> Callable[[], None]:
        """Call `function` on the loop in `delay` seconds.

        Returns:
            A function that calls it off; may be called from any thread, and late.
        """
        loop = self.loop()
        handle: list[asyncio.TimerHandle] = []
        loop.call_soon_threadsafe(lambda: handle.append(loop.call_later(delay, function)))

        def cancel() -> None:
            for one in handle:
                one.cancel()

        def call_off() -> None:
            loop.call_soon_threadsafe(cancel)

        return call_off


LOOP = LoopThread()


def resolve(value: Any) -> Any:
    """`value` itself, or what it gives where it has to be awaited (on the loop thread)."""
    import inspect

    if not inspect.isawaitable(value):
        return value

    async def awaited() -> Any:
        return await value

    return LOOP.submit(awaited()).result()


__all__ = ["LOOP", "LoopThread", "resolve"]
