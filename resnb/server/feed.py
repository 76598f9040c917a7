"""The stream's news: one watch on the ledger for all readers, and none if there is no reader.

A reader waits for news and is given what is the latest then. So nothing is kept for a slow one,
and it slows nobody.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from tornado.log import app_log

from resnb.server import lease_json
from resnb.server.requests import UNEXPECTED, Refused

MOST_READERS = 200
AFTER_ERROR = 5.0
"""How long it waits when the ledger cannot be read, in seconds."""

News = Callable[[lease_json.Leases | None], Awaitable[lease_json.Leases]]
"""Waits for other leases than those that are known; raises `Refused` if they cannot be read."""


class Reader:
    """One who reads the stream."""

    def __init__(self, message: Callable[[], str]) -> None:
        self._message = message
        self._news = asyncio.Event()

    def wake(self) -> None:
        """There are news."""
        self._news.set()

    async def next(self) -> str:
        """The latest list, once it is another one than the last that was given."""
        await self._news.wait()
        self._news.clear()
        return self._message()


class Feed:
    """Tells readers of changes; all on the event loop.

    Args:
        news: waits for news.
        pause: passes some seconds.
    """

    def __init__(
        self, news: News, pause: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._news = news
        self._pause = pause
        self._readers: set[Reader] = set()
        self._watching: asyncio.Task[None] | None = None
        self._latest: tuple[lease_json.Leases, str] | None = None

    def join(self) -> Reader:
        """Begin to read: the first news are the whole state.

        Raises:
            Refused: there are too many readers.
        """
        if len(self._readers) >= MOST_READERS:
            raise Refused(503, f"{MOST_READERS} streams are open: close some of them")
        reader = Reader(self._message)
        self._readers.add(reader)
        if self._watching is None:
            self._watching = asyncio.ensure_future(self._watch())
        elif self._latest is not None:
            reader.wake()
        return reader

    def leave(self, reader: Reader) -> None:
        """Read no more; with the last reader goes the watching."""
        self._readers.discard(reader)
        if not self._readers and self._watching is not None:
            self._watching.cancel()
            self._watching = self._latest = None

    async def close(self) -> None:
        """End the watching, whoever reads."""
        watching, self._watching = self._watching, None
        if watching is not None:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching

    def _message(self) -> str:
        leases, error = self._latest or (lease_json.NONE, "")
        return lease_json.message(leases, time.time(), error)

    async def _watch(self) -> None:
        shown, known, error = lease_json.NONE, None, ""
        while True:
            try:
                shown = known = await self._news(known)
                error = ""
            except Refused as refused:
                error = str(refused)
            except Exception:  # noqa: BLE001 - it is logged, and the readers are told
                error = UNEXPECTED
                app_log.exception("resnb looks at the ledger")
            self._publish(shown, error)
            if error:
                known = None  # so that the next look is told of at once
                await self._pause(AFTER_ERROR)

    def _publish(self, leases: lease_json.Leases, error: str) -> None:
        if self._latest != (leases, error):
            self._latest = leases, error
            for reader in self._readers:
                reader.wake()


__all__ = ["MOST_READERS", "Feed", "Reader"]
