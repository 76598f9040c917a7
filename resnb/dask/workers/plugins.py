"""What a run adds to the scheduler and to each worker, also to those that start later."""

from typing import Any

from distributed import SchedulerPlugin, WorkerPlugin

from resnb.dask.workers.registry import registry_of


class ForbidTries(WorkerPlugin):
    """Tells each worker, before it gets any work, which tries (topic, row, number) not to begin."""

    def __init__(self, calls: list[tuple[str, int, int]]) -> None:
        self.calls = calls

    def setup(self, worker: Any) -> None:
        """Called on each worker, and on later ones when they start."""
        registry_of(worker).forbid(self.calls)


class MarkAgain(SchedulerPlugin):
    """Marks what has to be done again because its worker is gone, so that the next one knows.

    The mark says whether that had been done (`"memory"`) or may have killed a worker (`"killed"`);
    `"moved"` is what was on a worker that was sent away, such as by a cluster that gets smaller.

    Args:
        annotation: the name of the mark.
        topic: of the run.
        client: the id of its client; once that has gone, nobody will say that the run is over.
    """

    name = "resnb-again"

    def __init__(self, annotation: str, topic: str, client: str) -> None:
        self.annotation = annotation
        self.topic = topic
        self.client = client
        self.scheduler: Any = None

    async def start(self, scheduler: Any) -> None:
        """Called where the scheduler is."""
        self.scheduler = scheduler

    def transition(self, key: Any, start: str, finish: str, *_: Any, **__: Any) -> None:
        """Something has happened to a task of Dask."""
        if finish == "released" and start in {"processing", "memory"}:
            task = self.scheduler.tasks[key]
            known = task.annotations or {}
            mark = "killed" if task.suspicious else "moved"
            if "memory" in {start, known.get(self.annotation)}:
                mark = "memory"
            task.annotations = {**known, self.annotation: mark}

    def remove_client(self, scheduler: Any, client: str) -> None:
        """A client has gone."""
        if client == self.client:
            forget_run(self.topic, scheduler)


def forget_run(topic: str, dask_scheduler: Any = None) -> None:
    """Let the scheduler forget a run: its plugin, and its events, which it would keep for good."""
    dask_scheduler.plugins.pop(topic, None)  # it may have taken none
    topics = dask_scheduler._broker._topics  # noqa: SLF001 - there is no other way
    dask_scheduler.loop.call_later(1.0, topics.pop, topic, None)  # the last may be on their way


# sent as code: the scheduler need not have resnb
MarkAgain.__module__ = forget_run.__module__ = "__main__"
