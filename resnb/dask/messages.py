"""Messages to and from a cluster: their size, who receives them, and the last ones of a run."""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from queue import SimpleQueue
from typing import Any

from resnb.dask import worker as remote
from resnb.dask.cluster_loss import reason_of
from resnb.errors import RunError

AT_ONCE = 500
"""Maximum number of rows in one message to the cluster."""
LARGEST = 4_000_000
"""Approximate maximum size of such a message in bytes; Dask warns of more than twice as many."""
SHOWN = 100
"""Maximum number of workers whose names are known from the beginning."""
END = 5.0
"""Maximum time for each step of leaving a cluster, in seconds."""


class Reports:
    """Passes on what workers report.

    A client keeps the handler of a topic for good; this one holds nothing once the run is over.

    Attributes:
        heard: how many messages have come from each worker.
    """

    def __init__(self, listeners: list[Any], inbox: SimpleQueue[Any]) -> None:
        self._listeners = listeners
        self._inbox = inbox
        self.heard: Counter[str] = Counter()

    def __call__(self, event: tuple[Any, Any]) -> None:
        """A worker reports; on the client's loop."""
        for listener in self._listeners:
            self._inbox.put((listener, event[1]))
        self.heard[event[1]["name"]] += 1


def first_of(batch: dict[Any, tuple[Any, int, int]]) -> Iterator[Any]:
    """The keys of the calls that go to the cluster in the next message."""
    room = LARGEST
    for count, (key, (call, _, _)) in enumerate(batch.items()):
        if count == AT_ONCE or room < 0:
            return
        (sent, *_) = call.args
        room -= len(sent.values or b"")
        yield key


def label_of(name: str, seat: int) -> str:
    """The label of a worker's thread in views.

    Args:
        name: of the worker; its address if nobody gave it a name.
        seat: the number of the thread, from 0.
    """
    name = f"Dask worker {name.rpartition('://')[2]}"
    return f"{name} · {seat + 1}" if seat else name


def labels_of(client: Any) -> list[str]:
    """The labels of a cluster's threads, in order; of a large cluster, only the first ones."""
    workers = [*client.scheduler_info()["workers"].values()][:SHOWN]
    seats = [(one["name"], seat) for one in workers for seat in range(min(one["nthreads"], SHOWN))]
    seats.sort(key=lambda one: (isinstance(one[0], str), one))
    return [label_of(str(name), seat) for name, seat in seats]


async def fetched(client: Any, future: Any) -> Any:
    """The value of `future`, which is small, or why there is none; on the client's loop."""
    try:
        (value,) = await client.gather([future])
    except BaseException as error:  # noqa: BLE001 - the caller deals with it
        return RunError(reason_of(client, error))
    return value


def leave(
    client: Any,
    topic: str,
    left: list[Any],
    forget: Callable[[], Awaitable[None]],
    heard: Mapping[str, int],
) -> list[dict[str, Any]]:
    """Give up what nobody waits for, and let the workers forget the run.

    Args:
        client: the cluster's client.
        topic: of the run's events.
        left: futures that are not done.
        forget: what else there is to do.
        heard: how many messages have come from each worker; all that it has sent are awaited.

    Returns:
        The workers' last messages.
    """
    import asyncio

    late: list[dict[str, Any]] = []

    async def all_heard() -> None:
        # they are a few milliseconds behind; an event for each message would cost every run more
        while any(heard.get(one["name"], 0) < one["said"] for one in late):  # noqa: ASYNC110
            await asyncio.sleep(0.002)

    async def take_leave() -> None:
        if left:
            await asyncio.wait_for(client.cancel(left, force=True), END)
        run = client.run(remote.leave, topic, on_error="ignore")
        late.extend((await asyncio.wait_for(run, END)).values())
        with suppress(TimeoutError):
            await asyncio.wait_for(all_heard(), END)
        await asyncio.wait_for(forget(), END)
        await asyncio.wait_for(client.run_on_scheduler(_forgotten, topic), END)

    try:
        if client.status == "running":
            try:
                client.sync(take_leave)
            finally:
                client.unsubscribe_topic(topic)
    except Exception:  # noqa: BLE001 - the run is over, and the cluster perhaps gone
        return late
    return late


def _forgotten(topic: str, dask_scheduler: Any = None) -> None:
    """Let the scheduler forget the events of a topic, which it would keep for good."""
    topics = dask_scheduler._broker._topics  # noqa: SLF001 - there is no other way
    dask_scheduler.loop.call_later(1.0, topics.pop, topic, None)  # the last may be on their way


_forgotten.__module__ = "__main__"  # sent as code: the scheduler need not have resnb
