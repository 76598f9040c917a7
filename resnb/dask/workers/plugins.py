"""What a run adds to the scheduler and to each worker, also to those that start later."""

from typing import Any

from distributed import SchedulerPlugin, WorkerPlugin

from resnb.dask.workers.tries import registry_of


class ForbidTries(WorkerPlugin):
    """Tells each worker, before it gets any work, which tries (topic, row, number) not to begin."""

    def __init__(self, calls: list[tuple[str, int, int]]) -> None:
        self.calls = calls

    def setup(self, worker: Any) -> None:
        """Called on each worker, and on later ones when they start."""
        registry_of(worker).forbid(self.calls)


class MarkAgain(SchedulerPlugin):
    """Marks what has to be done again because its worker is gone, so that the next one knows.

    The mark says whether that had been done: `"memory"`, or `"processing"`.
    """

    name = "resnb-again"

    def __init__(self, annotation: str) -> None:
        self.annotation = annotation
        self.scheduler: Any = None

    async def start(self, scheduler: Any) -> None:
        """Called where the scheduler is."""
        self.scheduler = scheduler

    def transition(self, key: Any, start: str, finish: str, *_: Any, **__: Any) -> None:
        """Something has happened to a task of Dask."""
        if finish == "released" and start in {"processing", "memory"}:
            task = self.scheduler.tasks[key]
            known = task.annotations or {}
            start = "memory" if known.get(self.annotation) == "memory" else start
            task.annotations = {**known, self.annotation: start}


MarkAgain.__module__ = "__main__"  # sent as code: the scheduler need not have resnb
