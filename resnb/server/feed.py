"""The stream of changes: one watch on the ledger for all readers, and none without readers.

A reader waits for a change and then gets the latest list. So nothing is queued for a slow reader,
and it slows nobody down.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from tornado.log import app_log

from resnb.ledger.clock import now
from resnb.server import lease_json
from resnb.server.requests import UNEXPECTED, Refused

MOST_READERS = 200
AFTER_ERROR = 5.0
"""The pause after the ledger could not be read, in seconds."""

News = Callable[[lease_json.Leases | None], Awaitable[lease_json.Leases]]
"""Waits for leases other than the known ones; raises `Refused` if they cannot be read."""


class Reader:
    """A reader of the stream."""

    def __init__(self, message: Callable[[], str]) -> None:
        self._message = message
        self._news = asyncio.Event()

    def wake(self) -> None:
        """Something has changed."""
        self._news.set()

    async def next(self) -> str:
        """The latest list, once it differs from the one that was returned last."""
        await self._news.wait()
        self._news.clear()
        return self._message()


class Feed:
    """Notifies readers of changes; runs on the event loop.

    Args:
        news: waits for a change.
        pause: waits for some seconds.
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
        """Begin to read: the first list is the present one.

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
        """Stop reading; when the last reader leaves, the watch ends."""
        self._readers.discard(reader)
        if not self._readers and self._watching is not None:
            self._watching.cancel()
            self._watching = self._latest = None

    async def close(self) -> None:
        """End the watch, whoever reads."""
        watching, self._watching = self._watching, None
        if watching is not None:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching

    def _message(self) -> str:
        leases, error = self._latest or (lease_json.NONE, "")
        return lease_json.message(leases, now(), error)

    async def _watch(self) -> None:
        shown, known, error = lease_json.NONE, None, ""
        while True:
            try:
                shown = known = await self._news(known)
                error = ""
            except Refused as refused:
                error = str(refused)
            except Exception:  # noqa: BLE001 - it is logged, and readers get a line
                error = UNEXPECTED
                app_log.exception("resnb cannot watch the ledger")
            self._publish(shown, error)
            if error:
                known = None  # so that the next list comes at once
                await self._pause(AFTER_ERROR)

    def _publish(self, leases: lease_json.Leases, error: str) -> None:
        if self._latest != (leases, error):
            self._latest = leases, error
            for reader in self._readers:
                reader.wake()
