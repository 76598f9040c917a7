"""Forbids tries on the workers of a cluster, those that have yet to come included."""

from typing import Any

from distributed import WorkerPlugin

from resnb.dask.worker import desk_of


class Forbidding(WorkerPlugin):
    """Tells each worker, before it is given anything, which tries must not begin.

    Args:
        calls: topic, row and number of each try.
    """

    def __init__(self, calls: list[tuple[str, int, int]]) -> None:
        self.calls = calls

    def setup(self, worker: Any) -> None:
        """Called on each worker, and on later ones as they start."""
        desk_of(worker).forbid(self.calls)


__all__ = ["Forbidding"]
