"""Forbids tries on all workers of a cluster, also those that start later."""

from typing import Any

from distributed import WorkerPlugin

from resnb.dask.worker import registry_of


class ForbidTries(WorkerPlugin):
    """Tells each worker, before it gets any work, which tries (topic, row, number) not to begin."""

    def __init__(self, calls: list[tuple[str, int, int]]) -> None:
        self.calls = calls

    def setup(self, worker: Any) -> None:
        """Called on each worker, and on later ones when they start."""
        registry_of(worker).forbid(self.calls)
