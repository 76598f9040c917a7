"""Messages to and from a cluster: their size, who receives them, and the last ones of a run."""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from resnb.dask.calls import MESSAGE, Package
from resnb.dask.cluster_loss import reason_of
from resnb.dask.workers import performing as remote
from resnb.errors import RunError

AT_ONCE = 500
"""Maximum number of packages in one message to the cluster."""
SHOWN = 100
"""Maximum number of workers whose names are known from the beginning."""
END = 5.0
"""Maximum time for each step of leaving a cluster, in seconds."""


def pass_on(listeners: Sequence[Callable[..., object]], *arguments: Any) -> None:
    """Call all `listeners`; a partial of this keeps nothing alive once there are none."""
    for listener in listeners:
        listener(*arguments)


class Reports:
    """Passes on what workers report.

    A client keeps the handler of a topic for good; this one holds nothing once the run is over.

    Attributes:
        heard: how many messages have come from each worker.
    """

    def __init__(self, listeners: Sequence[Callable[[Any], object]]) -> None:
        self._listeners = listeners
        self.heard: Counter[str] = Counter()

    def __call__(self, event: tuple[Any, Any]) -> None:
        """A worker reports; on the client's loop."""
        pass_on(self._listeners, event[1])
        self.heard[event[1]["name"]] += 1


def first_of(batch: Mapping[str, tuple[Any, Package]]) -> Iterator[str]:
    """The keys of the packages that go to the cluster in the next message."""
    room = MESSAGE
    for count, (key, (_, package)) in enumerate(batch.items()):
        if count == AT_ONCE or room < 0:
            return
        room -= package.size
        yield key


def label_of(name: str, seat: int) -> str:
    """The label of a worker's thread in views.

    Args:
        name: of the worker; its address if nobody gave it a name.
        seat: the number of the thread, from 0.
    """
    name = f"Dask worker {name.rpartition('://')[2]}"
    return f"{name} · {seat + 1}" if seat else name


def labels_of(client: Any) -> tuple[list[str], int]:
    """The labels of a cluster's threads, in order, and their number.

    Of a large cluster, there are only the first labels.
    """
    workers = [*client.scheduler_info()["workers"].values()]
    threads = sum(one["nthreads"] for one in workers)
    some = workers[:SHOWN]
    seats = [(one["name"], seat) for one in some for seat in range(min(one["nthreads"], SHOWN))]
    seats.sort(key=lambda one: (isinstance(one[0], str), one))
    return [label_of(str(name), seat) for name, seat in seats], threads


async def fetched(client: Any, future: Any) -> Any:
    """The value of `future`, which is small, or why there is none; on the client's loop."""
    try:
        (value,) = await client.gather([future])
    except BaseException as error:  # noqa: BLE001 - the caller deals with it
        return RunError(reason_of(client, error))
    return value


async def made_again(future: Any) -> None:
    """Wait until what Dask has lost was made again, or given up; on the client's loop.

    A callback of the future would be called at once.
    """
    await future._state.wait()  # noqa: SLF001 - there is no other way but to fetch it


async def enter(client: Any, topic: str) -> None:
    """Let the scheduler mark what it gives to a second worker; on the client's loop."""
    from resnb.dask.workers.plugins import MarkAgain

    with suppress(Exception):  # it takes no code: then all of a bundle is done again
        await client.register_plugin(MarkAgain(remote.AGAIN), name=topic)


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
        with suppress(Exception):  # it took none
            await asyncio.wait_for(client.unregister_scheduler_plugin(topic), END)
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
