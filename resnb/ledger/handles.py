"""How things of known kinds are found again by another process.

A process is known by its pid and start time, so a reused pid is never taken for it; a temporary
folder by its path. What comes back behaves like the original as far as a clean-up needs it.
"""

import os
import signal
import subprocess
import sys
import time
from typing import Any

from resnb.ledger.owner import start_time


class FoundProcess:
    """A process that somebody else started; has what clean-ups call on a `Popen`.

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
        self._started = started

    def poll(self) -> int | None:
        """None while it is there; its exit code cannot be known, so 0 afterwards."""
        if self.returncode is None and start_time(self.pid) != self._started:
            self.returncode = 0
        return self.returncode

    def is_alive(self) -> bool:
        """Whether it is there."""
        return self.poll() is None

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it is gone."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it is gone.

        Raises:
            subprocess.TimeoutExpired: it is still there after `timeout` seconds.
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


class FoundFolder:
    """A temporary folder that somebody else made."""

    def __init__(self, name: str) -> None:
        self.name = name

    def cleanup(self) -> None:
        """Remove it; one that is gone is fine."""
        import shutil

        shutil.rmtree(self.name, ignore_errors=True)


def found_container(container: str) -> Any:
    """The container with id `container` of the engine that the environment names."""
    import docker

    return docker.from_env().containers.get(container)


def adapted(value: Any) -> tuple[Any, tuple[Any, ...]] | None:
    """How to pickle a thing of a known kind (a reduce value); None for everything else."""
    if isinstance(value, subprocess.Popen):
        return FoundProcess, (value.pid, start_time(value.pid) or -1, value.args)
    if isinstance(value, FoundProcess):
        return FoundProcess, (value.pid, value._started, value.args)  # noqa: SLF001
    if _is_of(value, "multiprocessing.process", "BaseProcess"):
        return FoundProcess, (value.pid, start_time(value.pid) or -1)
    if _is_of(value, "tempfile", "TemporaryDirectory"):
        return FoundFolder, (value.name,)
    if _is_of(value, "docker.models.containers", "Container"):
        return found_container, (value.id,)
    return None


def is_known(value: Any) -> bool:
    """Whether `value` is of a known kind."""
    return adapted(value) is not None


def dies_with_kernel(value: Any) -> bool:
    """Whether `value` is known to end with this process: a Dask LocalCluster, or its client."""
    if _is_of(value, "distributed.deploy.local", "LocalCluster"):
        return True
    cluster = getattr(value, "cluster", None)
    return _is_of(value, "distributed.client", "Client") and _is_of(
        cluster, "distributed.deploy.local", "LocalCluster"
    )


def _is_of(value: Any, module: str, name: str) -> bool:
    """Whether `value` is an instance of a class, which is not imported for it."""
    kind = getattr(sys.modules.get(module), name, None)
    return kind is not None and isinstance(value, kind)


__all__ = [
    "FoundFolder",
    "FoundProcess",
    "adapted",
    "dies_with_kernel",
    "found_container",
    "is_known",
]
