"""A process that another process started, found again by its pid and start time.

It has all that the original has. One that runs in another container or on another machine cannot
be seen from here, and says so instead of counting as ended.
"""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple, Self

from resnb.errors import CleanupError
from resnb.ledger.owner import start_time, this_process


class Place(NamedTuple):
    """Where processes and folders are seen from: a boot of a machine, and a pid namespace."""

    machine: str
    boot: str
    namespace: str


def here() -> Place:
    """The place of this process."""
    return Place(*this_process()[:3])


class OutOfSightError(CleanupError):
    """Nobody can tell from here whether what has to be cleaned up is there."""

    is_out_of_sight = True  # by which a clean-up's process knows it


def is_elsewhere(place: Place) -> bool:
    """Whether what was made in `place` may be there although it cannot be seen from here."""
    now = here()
    return place.machine != now.machine or (
        place.boot == now.boot and place.namespace != now.namespace
    )


def out_of_sight(what: str, why: str) -> OutOfSightError:
    """The error for something that cannot be seen from here."""
    return OutOfSightError(f"{what} cannot be seen from here: {why}")


class FoundPipe:
    """A pipe to a process whose other end has ended with the kernel: at its end, and not writable.

    Args:
        is_text: whether it reads texts rather than bytes.
    """

    closed = False
    name = "<pipe>"

    def __init__(self, *, is_text: bool = False) -> None:
        self._nothing = "" if is_text else b""

    def read(self, _size: int = -1) -> Any:
        """Nothing is left to read."""
        return self._nothing

    readline = read

    def readlines(self, _hint: int = -1) -> list[Any]:
        """Nothing is left to read."""
        return []

    def write(self, data: Any) -> int:
        """Drop the data: for the process, the pipe ended with the kernel."""
        return len(data)

    def writelines(self, lines: Any) -> None:
        """Drop the lines."""

    def flush(self) -> None:
        """There is nothing to flush."""

    def close(self) -> None:
        """Count as closed."""
        self.closed = True

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class FoundAsyncPipe(FoundPipe):
    """The same, of a process that asyncio started."""

    async def read(self, _size: int = -1) -> bytes:
        """Nothing is left to read."""
        return b""

    readline = read

    async def readexactly(self, _size: int) -> bytes:
        """Nothing is left to read."""
        return b""

    async def drain(self) -> None:
        """There is nothing to wait for."""

    async def wait_closed(self) -> None:
        """There is nothing to wait for."""

    def at_eof(self) -> bool:
        """It is at its end."""
        return True

    def is_closing(self) -> bool:
        """Its other end is closed."""
        return True

    def write_eof(self) -> None:
        """The process has seen the end of it."""


class FoundProcess:
    """A process that another process started, with all that `Popen` and `Process` have.

    Args:
        pid: the process id.
        started: its start time, see `resnb.ledger.owner.start_time`.
        args: its command.
        place: where it runs; by default here.
        pipes: the names of those of ``stdin``, ``stdout`` and ``stderr`` that are pipes.
        is_text: whether they are read as text.
        name: its name, if `multiprocessing` started it.
    """

    pipe: type[FoundPipe] = FoundPipe
    daemon = False
    authkey = b""

    def __init__(
        self,
        pid: int,
        started: int,
        args: Any = None,
        place: Place | None = None,
        pipes: tuple[str, ...] = (),
        *,
        is_text: bool = False,
        name: str = "",
    ) -> None:
        self.pid = self.ident = pid
        self.args = args
        self.name = name
        self.returncode: int | None = None
        self.universal_newlines = self.text_mode = is_text
        for one in ("stdin", "stdout", "stderr"):
            setattr(self, one, self.pipe(is_text=is_text) if one in pipes else None)
        self.started = started
        self.place = place or here()
        self.pipes = pipes

    def __reduce__(self) -> tuple[Any, ...]:
        args = (self.pid, self.started, self.args, self.place, self.pipes)
        return partial(type(self), is_text=self.text_mode, name=self.name), args

    def poll(self) -> int | None:
        """None while it is running; then 0, as its exit code cannot be known.

        Raises:
            OutOfSightError: it runs in another container or on another machine.
        """
        if is_elsewhere(self.place):
            raise out_of_sight(f"process {self.pid}", "it is of another container or machine")
        if self.returncode is None and start_time(self.pid) != self.started:
            self.returncode = 0
        return self.returncode

    @property
    def exitcode(self) -> int | None:
        """As `poll`."""
        return self.poll()

    @property
    def sentinel(self) -> int:
        """A descriptor that becomes ready when it has ended."""
        try:
            return os.pidfd_open(self.pid)
        except ProcessLookupError:
            read, write = os.pipe()
            os.close(write)
            return read

    def is_alive(self) -> bool:
        """Whether it is running."""
        return self.poll() is None

    def start(self) -> None:
        """It has been started."""

    run = start

    def send_signal(self, sig: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, sig)

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

    def communicate(
        self,
        input: Any = None,  # noqa: A002 - as Popen has it
        timeout: float | None = None,
    ) -> tuple[Any, Any]:
        """Wait; there is nothing to read."""
        del input
        self.wait(timeout)
        nothing = "" if self.text_mode else b""
        return tuple(nothing if one in self.pipes else None for one in ("stdout", "stderr"))  # type: ignore[return-value]

    def close(self) -> None:
        """There is nothing to close."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.wait()


class FoundAsyncProcess(FoundProcess):
    """A process that asyncio started."""

    pipe = FoundAsyncPipe

    async def wait(self) -> int:  # type: ignore[override]
        """Wait until it has ended."""
        import asyncio

        return await asyncio.to_thread(super().wait)

    async def communicate(self, input: Any = None) -> tuple[Any, Any]:  # type: ignore[override]  # noqa: A002
        """Wait; there is nothing to read."""
        del input
        await self.wait()
        return tuple(b"" if one in self.pipes else None for one in ("stdout", "stderr"))  # type: ignore[return-value]
