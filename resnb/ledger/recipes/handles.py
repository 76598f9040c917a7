"""How another process finds things of known kinds again.

A process is identified by its pid and start time, so a reused pid is never taken for it; a
temporary folder by its path. What is found behaves like the original as far as a clean-up needs it.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from resnb.ledger.owner import start_time


class FoundProcess:
    """A process that another process started, with the methods of `Popen` that clean-ups call.

    Args:
        pid: the process id.
        started: its start time, see `resnb.ledger.owner.start_time`.
        args: its command.
    """

    def __init__(self, pid: int, started: int, args: Any = None) -> None:
        self.pid = pid
        self.args = args
        self.returncode: int | None = None
        self.stdin = self.stdout = self.stderr = None
        self.started = started

    def poll(self) -> int | None:
        """None while it is running; then 0, as its exit code cannot be known."""
        if self.returncode is None and start_time(self.pid) != self.started:
            self.returncode = 0
        return self.returncode

    def is_alive(self) -> bool:
        """Whether it is running."""
        return self.poll() is None

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it has ended.

        Raises:
            subprocess.TimeoutExpired: it is still running after `timeout` seconds.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while self.poll() is None:
            if deadline is not None and time.monotonic() >= deadline:
                raise subprocess.TimeoutExpired(self.args or str(self.pid), timeout or 0.0)
            time.sleep(0.02)
        return 0

    def join(self, timeout: float | None = None) -> None:
        """Wait as `multiprocessing.Process.join` does."""
        try:
            self.wait(timeout)
        except subprocess.TimeoutExpired:
            return

    def communicate(self, *_: Any, timeout: float | None = None) -> tuple[None, None]:
        """Wait; there is nothing to read."""
        self.wait(timeout)
        return None, None

    def close(self) -> None:
        """There is nothing to close."""


class FoundAsyncProcess(FoundProcess):
    """A process that asyncio started."""

    async def wait(self) -> int:  # type: ignore[override]
        """Wait until it has ended."""
        import asyncio

        return await asyncio.to_thread(super().wait)

    async def communicate(self, *_: Any) -> tuple[None, None]:  # type: ignore[override]
        """Wait; there is nothing to read."""
        await self.wait()
        return None, None


class FoundFolder:
    """A temporary folder that another process made."""

    def __init__(self, name: str) -> None:
        self.name = name

    def cleanup(self) -> None:
        """Remove it, if it still exists."""
        import shutil

        shutil.rmtree(self.name, ignore_errors=True)


class FoundContainer:
    """A container that another process started; if it is gone, its methods do nothing.

    Args:
        container: its id.
    """

    def __init__(self, container: str) -> None:
        self.id = container

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        import docker

        try:
            return getattr(docker.from_env().containers.get(self.id), name)
        except docker.errors.NotFound:
            return _nothing


class Ended:
    """What has ended with the kernel; its methods do nothing.

    Args:
        kind: what it was.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _nothing

    def __repr__(self) -> str:
        return f"<{self.kind}, which has ended with its kernel>"


class FoundLease:
    """A lease of another process: its id, with which the real thing is tagged."""

    def __init__(self, lease: str) -> None:
        self.id = lease

    def record(self, handle: Any) -> None:
        """Ignore it: there is nothing to keep any more."""


def _nothing(*_: Any, **__: Any) -> None:
    return None


_Reduced = tuple[Any, tuple[Any, ...]]


def _process(value: Any) -> _Reduced:
    kind = FoundAsyncProcess if _is_of(value, "asyncio.subprocess", "Process") else FoundProcess
    return kind, (value.pid, start_time(value.pid) or -1, getattr(value, "args", None))


_KINDS: tuple[tuple[str, str, Callable[[Any], _Reduced]], ...] = (
    ("subprocess", "Popen", _process),
    ("multiprocessing.process", "BaseProcess", _process),
    ("asyncio.subprocess", "Process", _process),
    (__name__, "FoundProcess", lambda one: (type(one), (one.pid, one.started, one.args))),
    ("tempfile", "TemporaryDirectory", lambda one: (FoundFolder, (one.name,))),
    ("docker.models.containers", "Container", lambda one: (FoundContainer, (one.id,))),
    ("resnb.ledger.kernel.lease", "Lease", lambda one: (FoundLease, (one.id,))),
)


def adapted(value: Any) -> _Reduced | None:
    """The reduce value of a thing of a known kind; None for everything else."""
    for module, name, reduced in _KINDS:
        if _is_of(value, module, name):
            return reduced(value)
    return (Ended, (type(value).__name__,)) if dies_with_kernel(value) else None


def is_known(value: Any) -> bool:
    """Whether `value` is of a known kind."""
    return adapted(value) is not None


def dies_with_kernel(value: Any) -> bool:
    """Whether `value` ends with this process for its kind: a Dask LocalCluster, or its client."""
    cluster = value.cluster if _is_of(value, "distributed.client", "Client") else value
    return _is_of(cluster, "distributed.deploy.local", "LocalCluster")


def _is_of(value: Any, module: str, name: str) -> bool:
    """Whether `value` is an instance of a class, which is not imported for this."""
    kind = getattr(sys.modules.get(module), name, None)
    return kind is not None and isinstance(value, kind)
