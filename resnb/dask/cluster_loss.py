"""Notices when a cluster is gone (its scheduler, or its last worker), and words the reason."""

import threading
from collections.abc import Callable
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

from resnb.run.scheduling.outcome import text_of

PATIENCE = 30.0
"""How long a cluster may be without any worker, in seconds; new ones may be starting."""
RESTING = 600.0
"""Likewise if it has sent the last one away, as an adaptive cluster does that has nothing to do: a
cloud may take minutes to start another."""


def reason_of(client: Any, error: BaseException | None = None, name: str = "") -> Any:
    """What went wrong, in words that are the same on every run.

    Args:
        client: the cluster's client.
        error: what Dask said.
        name: of the task, if the error is about one.

    Returns:
        A text; for an error that is not the cluster's, the error itself.
    """
    kind = type(error).__name__
    if is_killer(error):
        return (
            f"each Dask worker that ran task {name!r} died: did it use up the memory, or end the "
            "process?"
        )
    if client.status != "running" or error is None or "Cancelled" in kind:
        return "the Dask cluster is gone: its scheduler has ended, or was started anew"
    if name:
        return f"task {name!r}: Dask says {text_of(error)}"
    return f"Dask says {text_of(error)}"


def is_killer(error: BaseException | None) -> bool:
    """Whether Dask says that a task has killed workers; its `task` is the key of that."""
    return type(error).__name__ == "KilledWorker"


class WorkerWatch:
    """Tells when a cluster has been without workers for too long, and how many threads it has.

    Args:
        lost: called with a reason.
        counted: called with the number of threads, now and when workers come or go.
        had_workers: whether there was one before, so that none at all is too few.
    """

    def __init__(
        self,
        client: Any,
        lost: Callable[[str], object],
        counted: Callable[[int], object],
        *,
        had_workers: bool,
    ) -> None:
        self._client = client
        self._lost: Callable[[str], object] | None = lost
        self._counted: Callable[[int], object] | None = counted
        self._timer: Any = None
        with _LOCK:
            watches = _WATCHES.setdefault(client, [])
            watches.append(self)
            if len(watches) == 1:
                client.subscribe_topic("all", partial(_tell, watches))
        client.loop.add_callback(partial(self._count, is_loss=had_workers))

    def close(self) -> None:
        """Stop watching."""
        self._lost = self._counted = None
        with _LOCK:
            watches = _WATCHES[self._client]
            watches.remove(self)
            if not watches and self._client.status == "running":
                self._client.unsubscribe_topic("all")
        if self._client.status == "running":
            self._client.loop.add_callback(self._call_off)

    async def event(self, event: tuple[Any, Any]) -> None:
        """Something has happened on the cluster; on the client's loop."""
        action = _action(event[1])
        if action in {"add-worker", "remove-worker"}:
            self._client.loop.add_callback(self._count)
            self._call_off()
        if action == "remove-worker":  # from the last one's on
            self._look_later()

    async def _count(self, *, is_loss: bool = False) -> None:
        """Count the threads.

        Args:
            is_loss: whether to look again later if there is none.
        """
        try:
            workers = await self._client.nthreads()
        except OSError:  # as below; the next that comes or goes tells
            return
        counted = self._counted
        if counted is not None:
            counted(sum(workers.values()))
        if is_loss and not workers:
            self._look_later()

    def _call_off(self) -> None:
        if self._timer is not None:
            self._client.loop.remove_timeout(self._timer)
            self._timer = None

    def _look_later(self, waited: float = 0.0) -> None:
        """Look again once there has been no worker for so long, or for longer."""
        patience = RESTING if waited else PATIENCE
        if self._lost is not None and self._timer is None:
            look = partial(self._look, patience)
            self._timer = self._client.loop.call_later(patience - waited, look)

    def _look(self, waited: float) -> None:
        self._timer = None

        async def look() -> None:
            try:
                workers = await self._client.nthreads()
                is_resting = not workers and await self._is_resting()
            except OSError:  # the scheduler may be too busy to answer
                self._look_later()
                return
            lost = self._lost
            if lost is None or workers:
                return
            if is_resting and waited < RESTING:
                self._look_later(waited)
            else:
                lost(f"no Dask worker is left, and none has come for {waited:g} s")

        self._client.loop.add_callback(look)

    async def _is_resting(self) -> bool:
        """Whether the last worker was sent away, rather than lost."""
        events = await self._client.scheduler.events(topic="all")
        gone = [one for _, one in events if _action(one) == "remove-worker"]
        return bool(gone and gone[-1].get("expected"))


def _action(event: Any) -> Any:
    """What an event is about; a user's may be anything."""
    return event.get("action") if isinstance(event, dict) else None


_WATCHES: WeakKeyDictionary[Any, list[WorkerWatch]] = WeakKeyDictionary()
"""The watches of each client, which has one handler for a topic, and runs may be many."""
_LOCK = threading.Lock()


async def _tell(watches: list[WorkerWatch], event: tuple[Any, Any]) -> None:
    """Tell all watches of a client; on its loop."""
    for one in tuple(watches):
        await one.event(event)
