"""Messages to and from a cluster: their size, who receives them, and the last ones of a run."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from resnb.dask.calls import MESSAGE, Package
from resnb.dask.cluster_loss import WorkerWatch, reason_of
from resnb.dask.workers import performing as remote
from resnb.errors import RunError

AT_ONCE = 500
"""Maximum number of packages in one message to the cluster."""
SOON = 0.01
"""Seconds until what can wait is done, once the first message of a run is under way."""
LATE = 1.0
"""Seconds within which the last reports of a run have come."""
END = 5.0
"""Maximum time for each step of leaving a cluster, in seconds."""


def pass_on(listeners: Sequence[Callable[..., object]], *arguments: Any) -> None:
    """Call all `listeners`; a partial of this keeps nothing alive once there are none."""
    for listener in listeners:
        listener(*arguments)


def first_of(batch: Mapping[str, tuple[Any, Package]]) -> Iterator[str]:
    """The keys of the packages that go to the cluster in the next message."""
    room = MESSAGE
    for count, (key, (_, package)) in enumerate(batch.items()):
        if count == AT_ONCE or room < 0:
            return
        room -= package.size
        yield key


async def fetched(client: Any, future: Any) -> Any:
    """The value of `future`, which is small, or why there is none; on the client's loop."""
    try:
        (value,) = await client.gather([future])
    except BaseException as error:  # noqa: BLE001 - the caller deals with it
        return RunError(reason_of(client, error))
    return value


async def when_done(future: Any, then: Callable[[Any], object]) -> None:
    """Call `then` with `future` once that is done, or given up; on the client's loop.

    A callback of the future would take one thread more, and complain at the interpreter's end.
    """
    while future.status == "pending":
        await future._state.wait()  # noqa: SLF001 - there is no other way but to fetch it
    then(future)


async def made_again(future: Any) -> None:
    """Wait until what Dask has lost was made again, or given up; on the client's loop."""
    await future._state.wait()  # noqa: SLF001 - as above


class Session:
    """What a cluster keeps of one run, from `begin` to `leave`.

    Args:
        client: the cluster's client.
        topic: of the run's events.
        listeners: called with what workers report. A client keeps the handler of a topic for a
            while; this one holds nothing once the list is empty.
    """

    def __init__(
        self, client: Any, topic: str, listeners: Sequence[Callable[[Any], object]]
    ) -> None:
        self._client = client
        self._topic = topic
        self._entered = asyncio.Event()
        self._reports = _Reports(listeners)
        self._watch: WorkerWatch | None = None

    def begin(
        self,
        lost: Callable[[str], object],
        counted: Callable[[int], object],
        *,
        had_workers: bool,
    ) -> None:
        """Pass on what workers report, and watch over them, from now on; on the client's loop.

        The arguments are those of `WorkerWatch`.
        """
        client = self._client
        client.subscribe_topic(self._topic, self._reports)
        self._watch = WorkerWatch(client, lost, counted, had_workers=had_workers)
        client.loop.call_later(SOON, client.loop.add_callback, self._enter)

    async def _enter(self) -> None:
        """Let the scheduler mark what it gives to a second worker."""
        from resnb.dask.workers.plugins import MarkAgain

        try:
            with suppress(Exception):  # it takes no code: then all of a bundle is done again
                plugin = MarkAgain(remote.AGAIN, self._topic, self._client.id)
                await self._client.register_plugin(plugin, name=self._topic)
        finally:
            self._entered.set()

    def leave(
        self, left: list[Any], forget: Callable[[], Awaitable[None]], *, is_busy: bool
    ) -> list[dict[str, Any]]:
        """Give up what nobody waits for, and let the workers forget the run.

        The scheduler forgets it in the background, also if a worker is silent.

        Args:
            left: futures that are not done.
            forget: what else there is to do.
            is_busy: whether the workers have something to do, to tell or to give back; if not,
                they forget it in the background, too.

        Returns:
            The workers' last messages.
        """
        client, late = self._client, list[dict[str, Any]]()
        if self._watch is not None:
            self._watch.close()
        with suppress(Exception):  # the run is over, and the cluster perhaps gone
            if client.status == "running":
                try:
                    if is_busy:
                        client.sync(self._last_words, left, late)
                finally:
                    steps: list[Callable[[], Awaitable[Any]]] = (
                        [forget] if is_busy else [self._left, forget]
                    )
                    if self._watch is not None:
                        steps += [self._entered.wait, self._forgotten, self._unheard]
                        client.unsubscribe_topic(self._topic)
                    client.loop.add_callback(_take, steps)
        return late

    async def _last_words(self, left: list[Any], late: list[dict[str, Any]]) -> None:
        client = self._client
        if left:
            await asyncio.wait_for(client.cancel(left, force=True), END)
        late.extend(await asyncio.wait_for(self._left(), END))
        await asyncio.wait_for(self._all_heard(late), END)

    async def _left(self) -> list[dict[str, Any]]:
        said = await self._client.run(remote.leave, self._topic, on_error="ignore")
        return [*said.values()]

    async def _all_heard(self, late: list[dict[str, Any]]) -> None:
        # they are a few milliseconds behind; an event for each message would cost every run more
        heard = self._reports.heard
        while any(heard[one["name"]] < one["said"] for one in late):  # noqa: ASYNC110
            await asyncio.sleep(0.002)

    async def _forgotten(self) -> None:
        from resnb.dask.workers.plugins import forget_run

        await self._client.run_on_scheduler(forget_run, self._topic)

    async def _unheard(self) -> None:
        """Let the client forget the handler, which it would keep for good."""
        handlers = self._client._event_handlers  # noqa: SLF001 - there is no other way
        self._client.loop.call_later(LATE, handlers.pop, self._topic, None)


async def _take(steps: Sequence[Callable[[], Awaitable[Any]]]) -> None:
    """Take each of `steps`, whatever becomes of the others."""
    for step in steps:
        with suppress(Exception):
            await asyncio.wait_for(step(), END)


class _Reports:
    """Passes on what workers report.

    Attributes:
        heard: how many messages have come from each worker.
    """

    def __init__(self, listeners: Sequence[Callable[[Any], object]]) -> None:
        self._listeners = listeners
        self.heard: Counter[str] = Counter()

    def __call__(self, event: tuple[Any, Any]) -> None:
        pass_on(self._listeners, event[1])
        self.heard[event[1]["name"]] += 1
