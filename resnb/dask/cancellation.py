"""Which tries on a cluster are to stop, and how resnb makes sure that they do.

Whoever gives up a try (a cancel, a lost resource, its time limit) only asks for its end. The row
gets its final state once no code of that try can begin any more, and none is running:

| the try | who ends it, and when |
|---|---|
| is not sent yet | `ClusterRun`, when it comes to the row: it is not sent at all |
| is on its way, or waits on the cluster | `ClusterRun`, once every worker has forbidden it |
| is running | its code, which is interrupted; its end decides |
| has ended, and that is on its way | what comes back decides |
| was running on a worker that died | Dask gives it to another, which does not let it begin |
| is on a worker that does not answer, or may be | what comes back decides, or its late answer |

Nothing is cancelled at Dask before the run is over: that would cancel what depends on it, too, and
the effect would look like that of a restarted cluster.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any

from resnb.dask.workers import performing as remote

LIMIT = 10.0
"""How long the workers' answers are waited for, in seconds: one may stand still."""

Try = tuple[int, int]
"""A row, and which try of it, from 1; 0 for one that was never sent."""


class Cancellations:
    """The tries of one run on one cluster that are to stop."""

    def __init__(self, client: Any, topic: str) -> None:
        self._client = client
        self._topic = topic
        self._known: set[Try] = set()
        self._fresh: set[Try] = set()
        self._forbidden: list[tuple[str, int, int]] = []
        self._telling: asyncio.Lock | None = None

    def __contains__(self, one: Try) -> bool:
        """Whether a try is to stop."""
        return one in self._known

    def add(self, one: Try) -> None:
        """A try is to stop."""
        if one not in self._known:
            self.add_again(one)

    def add_again(self, one: Try) -> None:
        """A try is to stop; the workers are asked even if they were asked before."""
        self._known.add(one)
        self._fresh.add(one)

    def fresh(self, numbers: Mapping[int, int], there: Iterable[int]) -> list[Try]:
        """The tries that the workers have yet to be told about.

        Args:
            numbers: the latest try of each row.
            there: the rows whose latest try is on the cluster.
        """
        fresh, self._fresh = self._fresh, set()
        if not fresh:
            return []
        on_cluster = frozenset(there)
        return sorted(
            (row, number)
            for row, number in fresh
            if number and numbers[row] == number and row in on_cluster
        )

    async def ask(
        self,
        tries: list[Try],
        then: Callable[[list[Try], Exception | None], object],
        *,
        for_good: bool,
    ) -> None:
        """Let the workers stop `tries`; on the client's loop.

        Args:
            tries: what is to stop.
            then: called with the tries that will not begin any more, and with what went wrong if
                the cluster is gone. It is called with none of them if there is no answer in time,
                as any may have begun, and again if that comes later.
            for_good: whether they may still be on their way to a worker, even to one that starts
                later; a try that has timed out is not.
        """
        asking = asyncio.ensure_future(self._asked(tries, for_good=for_good))
        await asyncio.wait([asking], timeout=LIMIT)
        if not asking.done():
            then([], None)
        then(*await asking)

    async def _asked(
        self, tries: list[Try], *, for_good: bool
    ) -> tuple[list[Try], Exception | None]:
        """The tries that will not begin any more, and what went wrong."""
        calls = [(self._topic, row, number) for row, number in tries]
        begun: set[Try] = set()
        try:
            if for_good:  # a worker that does not answer keeps nobody from stopping what runs
                answers = await asyncio.gather(self._running(calls), self._forbid(calls))
                begun |= answers[0]
            begun |= await self._running(calls)
        except Exception as fault:  # noqa: BLE001 - the cluster is gone, and all its futures
            return [], fault
        return [one for one in tries if one not in begun], None

    async def _running(self, calls: list[tuple[str, int, int]]) -> set[Try]:
        """Stop `calls` on all workers; gives those that have, or may have, begun somewhere."""
        begun: set[Try] = set()
        answers = await self._client.run(remote.stop, calls, on_error="return")
        for answer in answers.values():
            known = answer if isinstance(answer, list) else [call[1:] for call in calls]
            begun.update((row, number) for row, number in known)
        return begun

    async def _forbid(self, calls: list[tuple[str, int, int]]) -> None:
        from resnb.dask.workers.plugins import ForbidTries

        self._telling = self._telling or asyncio.Lock()
        self._forbidden += calls
        async with self._telling:  # each replaces the one before
            plugin = ForbidTries([*self._forbidden])
            # a worker that has just died forbids nothing; one that does not answer keeps nobody
            # from forbidding more: the scheduler knows this by then
            with suppress(Exception):
                async with asyncio.timeout(LIMIT):
                    await self._client.register_plugin(plugin, name=self._topic)

    async def forget(self) -> None:
        """The run is over; on the client's loop."""
        if self._forbidden:
            await self._client.unregister_worker_plugin(self._topic)
