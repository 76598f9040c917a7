"""`LocalDaskExecutor`: the executors of this machine by the name that they have in Prefect 1.x."""

import os
from typing import Any

from resnb.dask.executor import DaskExecutor
from resnb.errors import OptionError
from resnb.run.executors.local import LocalExecutor
from resnb.run.executors.threads import ThreadExecutor

_THREADS = ("threads", "threading")
_PROCESSES = ("processes", "multiprocessing")
_IN_LINE = ("sync", "synchronous", "single-threaded")


def LocalDaskExecutor(scheduler: str = "threads", num_workers: int | None = None) -> Any:  # noqa: N802 - Prefect's name
    """The executor of this machine that corresponds to one of Dask's local schedulers.

    Args:
        scheduler: ``"threads"``, ``"processes"`` or ``"synchronous"``.
        num_workers: how many tasks run at the same time.

    Returns:
        A `ThreadExecutor`; a `DaskExecutor` with processes of one thread each; or a
        `LocalExecutor`.

    Raises:
        OptionError: there is no such scheduler.

    Example:
        >>> type(LocalDaskExecutor("threads", num_workers=2)).__name__
        'ThreadExecutor'
    """
    known = scheduler.lower() if isinstance(scheduler, str) else scheduler
    if known in _THREADS:
        return ThreadExecutor(num_workers)
    if known in _PROCESSES:
        return DaskExecutor(n_workers=num_workers or os.cpu_count() or 1, threads_per_worker=1)
    if known in _IN_LINE:
        return LocalExecutor()
    message = (
        f"LocalDaskExecutor(scheduler={scheduler!r}): must be one of threads, processes, "
        "synchronous"
    )
    raise OptionError(message)
