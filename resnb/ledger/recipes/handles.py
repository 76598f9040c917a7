"""How another process finds things of known kinds again.

A process is identified by its pid and start time, so a reused pid is never taken for it; a
temporary folder by its path. What is found has all that its clean-up may use.
"""

import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, Self

from resnb.ledger.owner import start_time
from resnb.ledger.recipes import found_objects
from resnb.ledger.recipes.found_process import FoundAsyncProcess, FoundProcess

_LOCAL_CLUSTER = ("distributed.deploy.local", "LocalCluster")
GRACE = 5.0
"""How long processes that end with their kernel have for that, in seconds."""


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


_Reduced = found_objects.Reduced


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
    ("psutil", "Popen", _process),
    ("multiprocessing.process", "BaseProcess", _process),
    ("asyncio.subprocess", "Process", _process),
    (FoundProcess.__module__, "FoundProcess", lambda one: one.__reduce__()),
    ("tempfile", "TemporaryDirectory", found_objects.folder),
    ("tempfile", "_TemporaryFileWrapper", found_objects.file),
    ("docker.models.containers", "Container", found_objects.container),
    ("testcontainers.core.container", "DockerContainer", found_objects.container_of_tests),
    ("dask_gateway.client", "GatewayCluster", found_objects.gateway_cluster),
    ("boto3.resources.base", "ServiceResource", found_objects.of_aws),
    ("resnb.ledger.kernel.lease", "Lease", lambda one: (FoundLease, (one.id, one.name))),
)


_OF_PROCESS: tuple[tuple[str, str], ...] = (
    ("sqlite3", "Connection"),
    ("psycopg", "BaseConnection"),
    ("psycopg2.extensions", "connection"),
    ("sqlalchemy.engine", "Engine"),
    ("pyspark.sql.session", "SparkSession"),
    ("socket", "socket"),
    ("socketserver", "BaseServer"),
    ("concurrent.futures.thread", "ThreadPoolExecutor"),
    ("requests", "Session"),
    ("httpx", "Client"),
    ("httpx", "AsyncClient"),
    ("aiohttp", "ClientSession"),
    ("zipfile", "ZipFile"),
    ("tarfile", "TarFile"),
)
"""What ends with its process; what was made *through* it may well be left."""


def is_found_again(kind: type) -> bool:
    """Whether another process can find what instances of `kind` stand for."""
    return any(_is_class_of(kind, module, name) for module, name, _ in _KINDS)


def ends_with_process(kind: type) -> bool:
    """Whether instances of `kind` end with this process, by what is known of other libraries."""
    return any(_is_class_of(kind, *one) for one in (*_OF_PROCESS, _LOCAL_CLUSTER))


def adapted(value: Any) -> _Reduced | None:
    """The reduce value of a thing of a known kind; None for everything else."""
    if type(value).__module__ == "builtins":
        return None
    for module, name, reduced in _KINDS:
        if _is_of(value, module, name):
            return reduced(value)
    return _ended(value) if dies_with_kernel(value) else None


def is_known(value: Any) -> bool:
    """Whether `value` is of a known kind."""
    return is_found_again(type(value)) or dies_with_kernel(value)


def dies_with_kernel(value: Any) -> bool:
    """Whether `value` ends with this process for its kind: a Dask LocalCluster, or its client."""
    return _is_of(_cluster_of(value), *_LOCAL_CLUSTER)


def processes_of(value: Any) -> list[FoundProcess]:
    """The processes of a Dask LocalCluster, or of its client's, or the one that this is."""
    if isinstance(value, FoundProcess):  # which a manager has said to end with the kernel
        return [value]
    if _is_of(value, "pyspark.sql.session", "SparkSession"):
        java = getattr(value.sparkContext._gateway, "proc", None)  # noqa: SLF001 - nothing else has it
        return [FoundProcess(java.pid, start_time(java.pid) or -1)] if java else []
    if not dies_with_kernel(value):
        return []
    workers = list(getattr(_cluster_of(value), "workers", {}).values())
    pids = (getattr(one, "pid", None) for one in workers)  # None: in this process, or not started
    started = {pid: start_time(pid) for pid in pids if isinstance(pid, int)}
    return [FoundProcess(pid, when) for pid, when in started.items() if when is not None]


def _cluster_of(value: Any) -> Any:
    return value.cluster if _is_of(value, "distributed.client", "Client") else value


def _is_of(value: Any, module: str, name: str) -> bool:
    return _is_class_of(type(value), module, name)


def _is_class_of(kind: type, module: str, name: str) -> bool:
    """Whether `kind` is derived from a class, which is not imported for this."""
    found = getattr(sys.modules.get(module), name, None)
    return isinstance(found, type) and issubclass(kind, found)
