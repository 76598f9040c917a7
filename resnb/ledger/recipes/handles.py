"""How another process finds things of known kinds again.

A process is identified by its pid and start time, so a reused pid is never taken for it; a
temporary folder by its path. What is found has all that the original has. What cannot be seen from
here, because it was made in another container or on another machine, says so.
"""

import os
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, Self

from resnb.ledger.owner import start_time
from resnb.ledger.recipes.found_process import (
    FoundAsyncProcess,
    FoundProcess,
    Place,
    here,
    is_elsewhere,
    out_of_sight,
)

GRACE = 5.0
"""How long processes that end with their kernel have for that, in seconds."""


class FoundFolder:
    """A temporary folder that another process made.

    Args:
        name: its path.
        place: where it was made; by default here.
    """

    def __init__(self, name: str, place: Place | None = None) -> None:
        self.name = name
        self.place = place or here()

    def cleanup(self) -> None:
        """Remove it, if it still exists.

        Raises:
            OutOfSightError: it is not there, and this is another container or machine.
        """
        import shutil

        if not os.path.lexists(self.name) and is_elsewhere(self.place):
            raise out_of_sight(f"folder {self.name}", "it was made elsewhere, and is not there")
        shutil.rmtree(self.name, ignore_errors=True)

    def __enter__(self) -> str:
        return self.name

    def __exit__(self, *_: object) -> None:
        self.cleanup()


class FoundContainer:
    """A container that another process started; if it is gone, its methods do nothing.

    Args:
        container: its id.
        place: from where it was started; by default from here.
    """

    def __init__(self, container: str, place: Place | None = None) -> None:
        self.id = container
        self.place = place or here()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        import docker

        try:
            return getattr(docker.from_env().containers.get(self.id), name)
        except docker.errors.NotFound:
            if self.place.machine != here().machine:
                why = "it was started on another machine, whose engine cannot be asked from here"
                raise out_of_sight(f"container {self.id[:12]}", why) from None
            return _nothing


class Ended:
    """What ends with the kernel; its methods do nothing, but for those that make sure of its end.

    Args:
        kind: what it was.
        processes: its processes, which may outlive the kernel for a while.
    """

    def __init__(self, kind: str, processes: Sequence[FoundProcess] = ()) -> None:
        self.kind = kind
        self.processes = tuple(processes)

    def close(self, *_: Any, **__: Any) -> None:
        """Wait until its processes have ended, and end those that do not."""
        deadline = time.monotonic() + GRACE
        for one in self.processes:
            one.join(max(0.0, deadline - time.monotonic()))
        for one in self.processes:
            if one.is_alive():
                print(f"process {one.pid} of the {self.kind} outlived its kernel: ending it")  # noqa: T201
                one.kill()
        for one in self.processes:
            one.wait()

    shutdown = close

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _nothing

    def __repr__(self) -> str:
        return f"<{self.kind}, which has ended with its kernel>"


class EndsWithKernel:
    """The recipe for what ends with the kernel, and has processes of its own."""

    def cleanup(self, resource: Ended) -> None:
        """Make sure that they have ended."""
        resource.close()


class FoundLease:
    """A lease of another process: its id, with which the real thing is tagged, and its name.

    Args:
        lease: its id.
        name: its name in lists.
    """

    state = "closing"
    reason = ""
    resource = None

    def __init__(self, lease: str, name: str = "") -> None:
        self.id = lease
        self.name = name

    def record(self, handle: Any) -> None:
        """Ignore it: there is nothing to keep any more."""


def _nothing(*_: Any, **__: Any) -> None:
    return None


_Reduced = tuple[Any, ...]


def _process(value: Any) -> _Reduced:
    kind = FoundAsyncProcess if _is_of(value, "asyncio.subprocess", "Process") else FoundProcess
    pipes = (one for one in ("stdin", "stdout", "stderr") if getattr(value, one, None) is not None)
    return kind(
        value.pid,
        start_time(value.pid) or -1,
        getattr(value, "args", None),
        pipes=tuple(pipes),
        is_text=bool(getattr(value, "text_mode", False)),
        name=getattr(value, "name", ""),
    ).__reduce__()


def _ended(value: Any) -> _Reduced:
    return Ended, (type(value).__name__, processes_of(value))


_KINDS: tuple[tuple[str, str, Callable[[Any], _Reduced]], ...] = (
    ("subprocess", "Popen", _process),
    ("multiprocessing.process", "BaseProcess", _process),
    ("asyncio.subprocess", "Process", _process),
    (FoundProcess.__module__, "FoundProcess", lambda one: one.__reduce__()),
    ("tempfile", "TemporaryDirectory", lambda one: (FoundFolder, (one.name, here()))),
    ("docker.models.containers", "Container", lambda one: (FoundContainer, (one.id, here()))),
    ("resnb.ledger.kernel.lease", "Lease", lambda one: (FoundLease, (one.id, one.name))),
)


def adapted(value: Any) -> _Reduced | None:
    """The reduce value of a thing of a known kind; None for everything else."""
    for module, name, reduced in _KINDS:
        if _is_of(value, module, name):
            return reduced(value)
    return _ended(value) if dies_with_kernel(value) else None


def is_known(value: Any) -> bool:
    """Whether `value` is of a known kind."""
    return adapted(value) is not None


def dies_with_kernel(value: Any) -> bool:
    """Whether `value` ends with this process for its kind: a Dask LocalCluster, or its client."""
    return _is_of(_cluster_of(value), "distributed.deploy.local", "LocalCluster")


def processes_of(value: Any) -> list[FoundProcess]:
    """The processes of a Dask LocalCluster, or of its client's, or the one that this is."""
    if isinstance(value, FoundProcess):  # which a manager has said to end with the kernel
        return [value]
    if not dies_with_kernel(value):
        return []
    workers = list(getattr(_cluster_of(value), "workers", {}).values())
    pids = (getattr(one, "pid", None) for one in workers)  # None: in this process, or not started
    started = {pid: start_time(pid) for pid in pids if isinstance(pid, int)}
    return [FoundProcess(pid, when) for pid, when in started.items() if when is not None]


def _cluster_of(value: Any) -> Any:
    return value.cluster if _is_of(value, "distributed.client", "Client") else value


def _is_of(value: Any, module: str, name: str) -> bool:
    """Whether `value` is an instance of a class, which is not imported for this."""
    kind = getattr(sys.modules.get(module), name, None)
    return kind is not None and isinstance(value, kind)
